//! The online scheduler: what it does with points, good and bad, and that a saved one goes on as if it had never stopped.

use std::sync::Arc;

use crate::plan_models::{Analytic, TOTAL_STEPS, Told, changed, mean_log_rate};
use lodecast::{
    Alignment, ControlledSettings, Error, Forecaster, Observation, PaperPlannerSettings, Point, Replan, Schedule,
    Scheduler, SchedulerBuilder, SchedulerState,
};
use proptest::prelude::*;

/// The loss of the sweep's runs.
fn loss(step: u64) -> f64 {
    2.0 * (-2.0 * step as f64 / TOTAL_STEPS as f64).exp()
}

/// A model that changes its mind with the time of day, so that every replan changes the schedule.
fn fickle() -> Told {
    Told::new(2, |member, schedule, now| {
        let target = 0.03f64.ln() + (20.0 * now).sin();
        -(mean_log_rate(schedule, now) - target).powi(2) + 0.01 * member as f64
    })
}

/// The cheapest settings that still search.
fn quick() -> ControlledSettings {
    changed(ControlledSettings::default(), |it| {
        it.population = 6;
        it.rounds = 2;
        it.elite = 3;
    })
}

fn builder(model: Told) -> SchedulerBuilder {
    Scheduler::builder(Forecaster::controlled(model)).total_steps(TOTAL_STEPS).settings(quick())
}

#[test]
fn it_starts_with_the_best_of_the_sweep_or_the_schedule_given() {
    let scheduler = builder(fickle()).replan_at([]).build().expect("sound settings");
    assert_eq!(scheduler.schedule(), &Schedule::cosine(0.1));
    let scheduler = builder(fickle()).replan_at([0.5]).start(Schedule::constant(0.02)).build().expect("sound settings");
    assert_eq!(scheduler.learning_rate(700), 0.02);
    assert!(scheduler.last_plan().is_none());
}

#[test]
fn it_replans_once_at_each_mark() {
    let mut scheduler = builder(fickle()).replan_at([0.0, 0.1, 0.3, 0.5, 0.7]).build().expect("sound settings");
    assert_eq!(scheduler.replans(), 1, "the controlled model plans before the first step");
    let (mut replanned, mut given) = (Vec::new(), Vec::new());
    for step in (0..=1200).step_by(20) {
        let rate = scheduler.learning_rate(step);
        given.push(rate);
        match scheduler.observe(Point::new(step).train_loss(loss(step.min(1000)))) {
            Observation::Nothing => {}
            Observation::Replanned(plan) => {
                assert!(plan.changed && plan.now == step as f64 / 1000.0);
                replanned.push(step);
            }
            other => panic!("{other:?} at {step}"),
        }
        assert!((scheduler.learning_rate(step) / rate - 1.0).abs() < 1e-9, "no jump at {step}");
    }
    assert_eq!(replanned, [100, 300, 500, 700]);
    assert_eq!(scheduler.replans(), 5);
    let recorded: Vec<f64> = scheduler.observed().iter().filter_map(|point| point.learning_rate).collect();
    assert_eq!(recorded, given, "the rate in force is filled in");
}

#[test]
fn replans_can_be_regular() {
    for (replan, expected) in [(Replan::EveryFraction(0.25), 3), (Replan::EveryPoints(10), 4), (Replan::At(vec![]), 0)]
    {
        let mut scheduler = builder(fickle()).replan(replan.clone()).build().expect("sound settings");
        for step in (20..1000).step_by(20) {
            scheduler.observe(Point::new(step).train_loss(loss(step)));
        }
        assert_eq!(scheduler.replans(), expected, "{replan:?}");
    }
}

#[test]
fn the_same_step_again_changes_no_decision_and_an_earlier_one_is_ignored() {
    let mut scheduler = builder(fickle()).replan_at([0.3]).build().expect("sound settings");
    scheduler.observe(Point::new(200).train_loss(loss(200)));
    assert!(matches!(scheduler.observe(Point::new(300).train_loss(loss(300))), Observation::Replanned(_)));
    let before = scheduler.state();
    assert_eq!(scheduler.observe(Point::new(300).train_loss(loss(300))), Observation::Nothing);
    assert_eq!(scheduler.state(), before);
    assert_eq!(scheduler.observe(Point::new(300).validation(0.4)), Observation::Nothing, "a metric that came later");
    assert_eq!(scheduler.observed()[1].validation, Some(0.4));
    assert_eq!(scheduler.observed()[1].train_loss, Some(loss(300)));
    let before = scheduler.state();
    let Observation::Ignored(reason) = scheduler.observe(Point::new(299).train_loss(9.0)) else { panic!("too late") };
    assert_eq!(reason, "step 299 came after step 300");
    assert_eq!(scheduler.state(), before);
}

#[test]
fn a_loss_that_is_not_finite_keeps_the_schedule_and_the_occasion() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut scheduler =
            builder(fickle()).replan_at([0.3]).start(Schedule::constant(0.1)).build().expect("sound settings");
        let Observation::Kept(reason) = scheduler.observe(Point::new(310).train_loss(bad)) else { panic!("{bad}") };
        assert_eq!(reason, format!("the train loss at step 310 is {bad}"));
        assert_eq!(scheduler.schedule(), &Schedule::constant(0.1));
        assert_eq!(scheduler.observed()[0].train_loss, None);
        assert!(matches!(scheduler.observe(Point::new(320).train_loss(loss(320))), Observation::Replanned(_)));
    }
}

#[test]
fn an_exploding_loss_or_a_failing_model_keeps_the_schedule_and_says_why() {
    let mut scheduler =
        builder(fickle()).replan_at([0.3]).start(Schedule::constant(0.1)).build().expect("sound settings");
    let Observation::Kept(reason) = scheduler.observe(Point::new(310).train_loss(1e300)) else { panic!("exploded") };
    assert!(reason.contains("standard deviations outside"), "{reason}");
    let plan = scheduler.last_plan().expect("it was thought about");
    assert!(!plan.changed && plan.schedule == Schedule::constant(0.1));

    let mut failing = Scheduler::builder(Forecaster::paper(Analytic::new(1)))
        .total_steps(TOTAL_STEPS)
        .start(Schedule::constant(0.1))
        .settings(changed(PaperPlannerSettings::default(), |it| it.alignment = Alignment::Loss))
        .replan_at([0.0])
        .build()
        .expect("sound settings");
    assert_eq!(failing.replans(), 0, "the paper's model needs points first");
    let Observation::Kept(reason) = failing.observe(Point::new(1).validation(0.27)) else { panic!("no loss yet") };
    assert!(reason.starts_with("cannot forecast from this window"), "{reason}");
    assert_eq!(failing.learning_rate(5), 0.1);
}

#[test]
fn rates_are_finite_positive_and_in_range_whatever_is_asked() {
    let lowest = crate::plan_models::experience().learning_rates.lowest;
    for start in [Schedule::constant(1e9), Schedule::constant(1e-300), Schedule::cosine(0.2), Schedule::one_cycle(50.0)]
    {
        let scheduler = builder(fickle()).replan_at([]).start(start.clone()).build().expect("sound settings");
        let wide = builder(fickle()).replan_at([]).start(start).range_factor(10.0).build().expect("sound settings");
        for step in [0, 1, 500, 999, 1000, 1001, u64::MAX] {
            let rate = scheduler.learning_rate(step);
            assert!(rate >= lowest && rate <= 0.3, "{rate}");
            let rate = wide.learning_rate(step);
            assert!(rate >= lowest / 10.0 * (1.0 - 1e-12) && rate <= 3.0, "{rate}");
        }
    }
}

#[test]
fn a_longer_run_keeps_its_past_and_stretches_its_future() {
    let mut scheduler =
        builder(fickle()).replan_at([0.9]).start(Schedule::cosine(0.2)).build().expect("sound settings");
    for step in (0..=400).step_by(20) {
        scheduler.observe(Point::new(step).train_loss(loss(step)));
    }
    let before = scheduler.clone();
    scheduler.extend(1600).expect("longer");
    for step in [0, 100, 250, 400] {
        let (new, old) = (scheduler.learning_rate(step), before.learning_rate(step));
        assert!((new / old - 1.0).abs() < 1e-3, "{new} instead of {old} at {step}");
    }
    // The 600 steps that were left are now 1200.
    for ahead in [100, 300, 500] {
        let (new, old) = (scheduler.learning_rate(400 + 2 * ahead), before.learning_rate(400 + ahead));
        assert!((new / old - 1.0).abs() < 1e-2, "{new} instead of {old}");
    }
    assert_eq!(scheduler.total_steps(), 1600);
    assert!(matches!(scheduler.extend(1599), Err(Error::Setting { name: "total_steps", .. })));
    assert_eq!(scheduler.total_steps(), 1600);
}

#[test]
fn impossible_settings_are_named() {
    let negative = Schedule::constant(-1.0);
    let is_named = |builder: SchedulerBuilder, expected: &str| match builder.build() {
        Err(Error::Setting { name, .. }) => assert_eq!(name, expected),
        other => panic!("{expected}: {other:?}"),
    };
    is_named(Scheduler::builder(Forecaster::controlled(fickle())), "total_steps");
    is_named(builder(fickle()).range_factor(0.5), "range_factor");
    is_named(builder(fickle()).range_factor(f64::INFINITY), "range_factor");
    is_named(builder(fickle()).replan_at([1.0]), "replan_at");
    is_named(builder(fickle()).replan_at([0.3, f64::NAN]), "replan_at");
    is_named(builder(fickle()).replan(Replan::EveryPoints(0)), "replan every");
    is_named(builder(fickle()).replan(Replan::EveryFraction(0.0)), "replan every");
    is_named(builder(fickle()).settings(PaperPlannerSettings::default()), "settings");
    is_named(builder(fickle()).settings(changed(quick(), |it| it.elite = 0)), "elite");
    assert!(matches!(builder(fickle()).start(negative).build(), Err(Error::Schedule { .. })));
}

#[test]
fn a_state_that_does_not_fit_is_refused() {
    let mut scheduler = builder(fickle()).replan_at([0.3]).build().expect("sound settings");
    for step in [100, 200, 300] {
        scheduler.observe(Point::new(step).train_loss(loss(step)));
    }
    let state = scheduler.state();
    let other = Told { name: "another", ..fickle() };
    let mut damaged: Vec<(&str, Told, SchedulerState)> = vec![("with model told", other, state.clone())];
    let mut damage = |expected, change: &dyn Fn(&mut SchedulerState)| {
        let mut state = state.clone();
        change(&mut state);
        damaged.push((expected, fickle(), state));
    };
    damage("version is 99", &|state| state.version = 99);
    damage("not in order", &|state| state.points.swap(0, 1));
    damage("not finite", &|state| state.points[0].train_loss = Some(f64::NAN));
    damage("total steps", &|state| state.total_steps = 0);
    damage("range factor", &|state| state.range_factor = f64::NAN);
    damage("counts 1 points and holds 3", &|state| state.observed = 1);
    damage("no knots", &|state| state.schedule = Schedule::PiecewiseLinear { knots: Vec::new() });
    damage("replan every", &|state| state.replan = Replan::EveryPoints(0));
    damage("knots = 0", &|state| state.settings = changed(quick(), |it| it.knots = 0).into());
    damage("settings", &|state| state.settings = PaperPlannerSettings::default().into());
    for (expected, model, state) in damaged {
        match Scheduler::restore(Forecaster::controlled(model), state) {
            Err(Error::SchedulerState { reason }) => assert!(reason.contains(expected), "{expected}: {reason}"),
            other => panic!("{expected}: {other:?}"),
        }
    }
    assert!(Scheduler::restore(Forecaster::controlled(fickle()), state).is_ok());
}

#[test]
fn a_week_of_points_is_taken_in_quickly_and_in_bounded_memory() {
    let mut scheduler = builder(fickle()).total_steps(1_000_000).replan_at([0.5]).build().expect("sound settings");
    let started = std::time::Instant::now();
    for step in 0..1_000_000 {
        scheduler.observe(Point::new(step).train_loss(loss(step / 1000)));
    }
    let seconds = started.elapsed().as_secs_f64();
    assert!(seconds < 10.0, "1e6 points took {seconds} s");
    assert_eq!(scheduler.replans(), 1);
    let text = serde_json::to_string(&scheduler.state()).expect("plain data");
    assert!(text.len() < 1_000_000, "{} bytes", text.len());
}

/// One thing that may happen to a scheduler.
#[derive(Clone, Debug)]
enum Event {
    /// A point this many steps later: its loss relative to the sweep's, its rate and its metric.
    Point(u64, Option<f64>, Option<f64>, Option<f64>),
    /// The run is made longer.
    Extend(u64),
    /// The other scheduler is saved as text and restored.
    Save,
}

fn event() -> impl Strategy<Value = Event> {
    let factor = prop_oneof![
        6 => (0.8..1.2f64).prop_map(Some),
        1 => Just(None),
        1 => prop::sample::select(vec![Some(f64::NAN), Some(f64::INFINITY), Some(1e200), Some(-1.0)]),
    ];
    prop_oneof![
        8 => (0..60u64, factor, prop::option::of(0.001..0.3f64), prop::option::of(0.1..0.9f64))
            .prop_map(|(ahead, loss, rate, metric)| Event::Point(ahead, loss, rate, metric)),
        1 => (0..200u64).prop_map(Event::Extend),
        3 => Just(Event::Save),
    ]
}

fn replan() -> impl Strategy<Value = Replan> {
    prop_oneof![
        prop::collection::vec(0.0..0.99f64, 0..6).prop_map(Replan::At),
        (0.05..0.5f64).prop_map(Replan::EveryFraction),
        (1..8u64).prop_map(Replan::EveryPoints),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_restored_scheduler_goes_on_exactly_as_if_it_had_never_stopped(
        events in prop::collection::vec(event(), 1..40),
        replan in replan(),
        seed in any::<u64>(),
        controlled in any::<bool>(),
    ) {
        let forecaster = if controlled {
            Forecaster::Controlled(Arc::new(fickle()))
        } else {
            Forecaster::Paper(Arc::new(Analytic::new(2)))
        };
        let settings = if controlled {
            quick().into()
        } else {
            changed(PaperPlannerSettings::default(), |it| { it.candidates = 4; it.tolerance = 10.0; }).into()
        };
        let settings: lodecast::PlannerSettings = settings;
        let mut uninterrupted = Scheduler::builder(forecaster.clone())
            .total_steps(TOTAL_STEPS)
            .settings(settings)
            .replan(replan)
            .seed(seed)
            .build()
            .expect("sound settings");
        let mut restored = uninterrupted.clone();
        let mut step = 0;
        for event in events {
            match event {
                Event::Point(ahead, factor, rate, metric) => {
                    step += ahead;
                    let train_loss = factor.map(|factor| factor * loss(step.min(TOTAL_STEPS)));
                    let point = Point { step, train_loss, learning_rate: rate, validation: metric };
                    let expected = format!("{:?}", uninterrupted.observe(point));
                    prop_assert_eq!(format!("{:?}", restored.observe(point)), expected);
                }
                Event::Extend(more) => {
                    let total_steps = uninterrupted.total_steps() + more;
                    uninterrupted.extend(total_steps).expect("longer");
                    restored.extend(total_steps).expect("longer");
                }
                Event::Save => {
                    let text = serde_json::to_string(&restored.state()).expect("plain data");
                    let state = serde_json::from_str(&text).expect("its own text");
                    restored = Scheduler::restore(forecaster.clone(), state).expect("its own state");
                }
            }
            for step in (0..TOTAL_STEPS + 300).step_by(97) {
                let (rate, expected) = (restored.learning_rate(step), uninterrupted.learning_rate(step));
                prop_assert_eq!(rate.to_bits(), expected.to_bits());
                prop_assert!(rate.is_finite() && rate > 0.0);
            }
            prop_assert_eq!(restored.state(), uninterrupted.state());
        }
    }
}
