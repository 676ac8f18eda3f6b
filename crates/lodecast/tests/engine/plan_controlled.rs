//! The planner of the controlled model against models whose truth is known.

use crate::plan_models::{TOTAL_STEPS, Told, changed, mean_log_rate};
use lodecast::{
    ControlledSettings, Error, FitOptions, FitSettings, Forecaster, ModelKind, Origin, Plan, Planner, Point, Schedule,
    SearchFamily, Situation, Verdict, fit,
};

/// No penalty: the planner believes the model.
fn credulous(family: SearchFamily) -> ControlledSettings {
    changed(ControlledSettings::default(), |it| {
        it.family = family;
        it.pessimism = 0.0;
        it.rate_margin = 1.0;
        it.trust_weight = 0.0;
        it.roughness_weight = 0.0;
        it.required_gain = 0.0;
    })
}

fn plan_at(model: Told, settings: ControlledSettings, now: f64) -> Plan {
    let observed = [Point::new((now * TOTAL_STEPS as f64) as u64).train_loss(2.0 * (-2.0 * now).exp())];
    let observed = if now > 0.0 { &observed[..] } else { &[] };
    let in_force = Schedule::constant(0.05);
    let situation = Situation::after(observed, TOTAL_STEPS, &in_force);
    Planner::new(Forecaster::controlled(model), settings).expect("sound settings").plan(&situation).expect("a plan")
}

#[test]
fn both_families_find_the_optimum_between_the_schedules_of_the_sweep() {
    // Between the peaks 0.03 and 0.1, where no schedule of the sweep is.
    let target = 0.06f64.ln();
    for family in [SearchFamily::FreeKnots, SearchFamily::HoldAndAnneal] {
        for now in [0.0, 0.3, 0.7] {
            let model = Told::new(1, move |_, schedule, now| -(mean_log_rate(schedule, now) - target).powi(2));
            let plan = plan_at(model, credulous(family), now);
            let found = mean_log_rate(&plan.schedule, now);
            assert!((found - target).abs() < 0.02, "{family:?} at {now}: {found} instead of {target}\n{plan}");
            assert!(plan.changed);
        }
    }
}

#[test]
fn the_form_of_a_schedule_is_found_knot_by_knot() {
    // Best: ln lr falls in a straight line from 0.1 to 0.02.
    let best = |progress: f64| 0.1f64.ln() + progress * (0.02f64 / 0.1).ln();
    let error = move |schedule: &Schedule| {
        let at = |k: u32| f64::from(k) / 60.0;
        (0..=60).map(|k| (schedule.learning_rate(at(k)).max(1e-9).ln() - best(at(k))).powi(2)).sum::<f64>() / 61.0
    };
    let plan = plan_at(Told::new(1, move |_, schedule, _| -error(schedule)), credulous(SearchFamily::FreeKnots), 0.0);
    assert!(error(&plan.schedule) < 0.02, "{}\n{:?}", error(&plan.schedule), plan.schedule);
}

#[test]
fn a_warm_up_is_found_where_it_pays() {
    // Best: ln lr rises over a fifth of the run, stays, and falls at the end.
    let best = |progress: f64| {
        let peak = 0.08f64;
        if progress < 0.2 {
            (peak * (0.04 + 0.96 * progress / 0.2)).ln()
        } else if progress < 0.8 {
            peak.ln()
        } else {
            peak.ln() + (progress - 0.8) / 0.2 * (0.02f64 / peak).ln()
        }
    };
    let error = move |schedule: &Schedule| {
        let at = |k: u32| f64::from(k) / 60.0;
        (0..=60).map(|k| (schedule.learning_rate(at(k)).max(1e-9).ln() - best(at(k))).powi(2)).sum::<f64>() / 61.0
    };
    let settings = changed(credulous(SearchFamily::HoldAndAnneal), |it| it.rounds = 12);
    let plan = plan_at(Told::new(1, move |_, schedule, _| -error(schedule)), settings, 0.0);
    assert!(error(&plan.schedule) < 0.05, "{}\n{:?}", error(&plan.schedule), plan.schedule);
}

#[test]
fn without_a_search_the_best_schedule_of_the_sweep_is_taken_as_it_is() {
    let target = mean_log_rate(&Schedule::constant(0.1), 0.0);
    let model = Told::new(1, move |_, schedule, now| -(mean_log_rate(schedule, now) - target).powi(2));
    let plan = plan_at(model, credulous(SearchFamily::SweepOnly), 0.0);
    assert_eq!(plan.schedule, Schedule::constant(0.1));
    assert_eq!(plan.candidates.len(), 1 + 8);
    let chosen = plan.candidates.iter().find(|candidate| candidate.verdict == Verdict::Chosen).expect("one is chosen");
    assert!(matches!(&chosen.origin, Origin::Sweep { name } if name == "constant 0.1"), "{chosen:?}");
}

#[test]
fn an_ensemble_that_disagrees_away_from_the_sweep_keeps_the_planner_near_it() {
    // Every member promises more the higher the mean rate is, but they agree less and less above 0.05.
    let promise = |member: usize, schedule: &Schedule, now: f64| {
        let above = (mean_log_rate(schedule, now) - 0.05f64.ln()).max(-1.0);
        above + 3.0 * above.max(0.0) * (member as f64 - 1.5)
    };
    let plan = |pessimism| {
        let settings = changed(credulous(SearchFamily::FreeKnots), |it| it.pessimism = pessimism);
        mean_log_rate(&plan_at(Told::new(4, promise), settings, 0.3).schedule, 0.3).exp()
    };
    assert!(plan(0.0) > 0.2, "without pessimism the promise is believed: {}", plan(0.0));
    assert!(plan(1.0) < 0.06, "{}", plan(1.0));
}

#[test]
fn trust_keeps_the_planner_from_what_only_the_models_errors_promise() {
    // The model is wrong in favour of a rate that goes up and down, like no run it has seen.
    let error = |_: usize, schedule: &Schedule, now: f64| {
        let rate = |k: u32| schedule.learning_rate(now + (1.0 - now) * f64::from(k) / 6.0).max(1e-5).ln();
        let swing: f64 = (0..6).map(|k| (rate(k + 1) - rate(k)) * if k % 2 == 0 { 1.0 } else { -1.0 }).sum();
        0.05 * swing
    };
    let score = |trust_weight| {
        let settings = changed(credulous(SearchFamily::FreeKnots), |it| it.trust_weight = trust_weight);
        let plan = plan_at(Told::new(3, error), settings, 0.1);
        let chosen = plan.candidates.iter().find(|candidate| candidate.verdict == Verdict::Chosen).expect("chosen");
        chosen.score.expect("scored")
    };
    let (believed, distrusted) = (score(0.0), score(20.0));
    assert!(believed.reward > 0.5, "{believed:?}");
    assert!(distrusted.reward < 0.5 * believed.reward, "{distrusted:?}");
    let squared_distance = distrusted.distrust / 20.0;
    assert!(squared_distance < 0.01, "a tenth of the sweep's spread: {distrusted:?}");
}

#[test]
fn a_margin_keeps_away_from_an_edge() {
    // The higher the better, but beyond 0.062 the run is lost.
    let found = |rate_margin| {
        let reward = |_, schedule: &Schedule, now| {
            let rate = mean_log_rate(schedule, now);
            if rate < 0.062f64.ln() { rate } else { -10.0 }
        };
        let settings = changed(credulous(SearchFamily::HoldAndAnneal), |it| it.rate_margin = rate_margin);
        let plan = plan_at(Told::new(1, reward), settings, 0.0);
        let lost = plan.candidates.iter().filter_map(|candidate| candidate.score).any(|score| score.edge > 5.0);
        assert_eq!(lost, rate_margin > 1.0);
        mean_log_rate(&plan.schedule, 0.0).exp()
    };
    let (without, with) = (found(1.0), found(1.2));
    assert!((0.06..0.062).contains(&without), "at the edge: {without}");
    assert!((0.05..0.062 / 1.2).contains(&with), "with room: {with}");
}

#[test]
fn rates_that_have_been_borne_need_no_margin() {
    // It began at the highest rate of the sweep and has fallen since: the margin of what is to come lies within the sweep.
    let model = Told::new(1, |_, _, _| 0.0);
    let in_force = Schedule::cosine(model.experience.learning_rates.highest);
    let observed = [Point::new(TOTAL_STEPS / 2).train_loss(1.0)];
    let settings = changed(credulous(SearchFamily::SweepOnly), |it| {
        it.rate_margin = 1.2;
        it.surprise_limit = f64::INFINITY;
    });
    let planner = Planner::new(Forecaster::controlled(model), settings).expect("sound settings");
    let plan = planner.plan(&Situation::after(&observed, TOTAL_STEPS, &in_force)).expect("a plan");
    assert_eq!(plan.candidates[0].origin, Origin::InForce);
    assert_eq!(plan.candidates[0].score.map(|score| score.edge), Some(0.0));
    assert!(!plan.changed, "{plan}");
}

#[test]
fn a_slope_within_what_is_tolerated_changes_nothing() {
    // At 1.2 times the best rate the reward is lower by ln(1.2)^2 = 0.033.
    let target = 0.06f64.ln();
    let plan = |rate_margin| {
        let model = Told::new(1, move |_, schedule, now| -(mean_log_rate(schedule, now) - target).powi(2));
        let settings = changed(credulous(SearchFamily::HoldAndAnneal), |it| it.rate_margin = rate_margin);
        plan_at(model, settings, 0.0)
    };
    assert_eq!(plan(1.0).schedule, plan(1.2).schedule);
}

#[test]
fn what_is_not_a_number_at_the_margin_rejects_a_candidate() {
    let reward = |_, schedule: &Schedule, now| {
        let rate = mean_log_rate(schedule, now);
        if rate < 0.062f64.ln() { rate } else { f64::NAN }
    };
    let settings = changed(credulous(SearchFamily::HoldAndAnneal), |it| it.rate_margin = 1.2);
    let found = mean_log_rate(&plan_at(Told::new(1, reward), settings, 0.0).schedule, 0.0).exp();
    assert!((0.05..0.062 / 1.2).contains(&found), "{found}");
}

#[test]
fn settings_from_before_the_margin_have_none() {
    let mut saved = serde_json::to_value(ControlledSettings::default()).expect("plain data");
    let fields = saved.as_object_mut().expect("fields");
    fields.remove("rate_margin").and(fields.remove("tolerated_loss")).expect("both were there");
    let read: ControlledSettings = serde_json::from_value(saved).expect("readable");
    assert_eq!(
        read,
        changed(ControlledSettings::default(), |it| {
            it.rate_margin = 1.0;
            it.tolerated_loss = 0.0;
        })
    );
}

#[test]
fn the_schedule_in_force_stays_within_the_models_own_doubt() {
    // A gain of 0.1 a unit of ln lr, and members that differ by as much.
    let reward = |scale: f64| {
        move |member: usize, schedule: &Schedule, now: f64| {
            0.1 * mean_log_rate(schedule, now) * (1.0 + scale * (member as f64 - 1.0))
        }
    };
    let plan = |scale| {
        let settings = changed(credulous(SearchFamily::FreeKnots), |it| it.required_gain = 1.0);
        plan_at(Told::new(3, reward(scale)), settings, 0.3)
    };
    let doubtful = plan(1.5);
    assert!(!doubtful.changed && doubtful.schedule == Schedule::constant(0.05), "{doubtful}");
    assert!(doubtful.reason.contains("within the doubt"), "{doubtful}");
    assert!(doubtful.prediction.is_some());
    assert!(plan(0.5).changed);
}

#[test]
fn the_rate_never_jumps_and_stays_in_bounds() {
    for family in [SearchFamily::FreeKnots, SearchFamily::HoldAndAnneal, SearchFamily::SweepOnly] {
        // As large a rate as can be had.
        let model = Told::new(2, |_, schedule, now| mean_log_rate(schedule, now));
        let plan = plan_at(model, changed(credulous(family), |it| it.ramp = 0.03), 0.5);
        let rate = |progress: f64| plan.schedule.learning_rate(progress);
        assert!((rate(0.5) - 0.05).abs() < 1e-12, "{family:?} starts at {}", rate(0.5));
        let mut last = rate(0.5);
        for k in 1..=500 {
            let now = rate(0.5 + f64::from(k) / 1000.0);
            assert!((now / last).ln().abs() < (0.3f64 / 0.05).ln() / 10.0, "{family:?} jumps at step {k}");
            assert!(now <= 0.3 * (1.0 + 1e-12));
            last = now;
        }
        assert!(rate(0.6) > 0.25, "{family:?}: the highest good rate is reached: {}", rate(0.6));
    }
}

#[test]
fn the_same_seed_gives_the_same_plan_and_each_replan_its_own_noise() {
    let model = || Told::new(2, |member, schedule, now| -(mean_log_rate(schedule, now) + 3.0).abs() + member as f64);
    let planner = Planner::new(Forecaster::controlled(model()), ControlledSettings::default()).expect("sound settings");
    let in_force = Schedule::cosine(0.3);
    let plan = |seed, replan| {
        let situation = Situation { seed, replan, ..Situation::after(&[], TOTAL_STEPS, &in_force) };
        let plan = planner.plan(&situation).expect("a plan");
        serde_json::to_string(&changed(plan, |it| it.replan = 0)).expect("plain data")
    };
    assert_eq!(plan(1, 0), plan(1, 0));
    assert_ne!(plan(1, 0), plan(1, 1));
    assert_ne!(plan(1, 0), plan(2, 0));
}

#[test]
fn a_plan_explains_itself_and_is_plain_data() {
    let model = Told::new(3, |member, schedule, now| -(mean_log_rate(schedule, now) + 3.0).powi(2) + member as f64);
    let plan = plan_at(model, ControlledSettings::default(), 0.3);
    assert_eq!(plan.candidates.len(), 1 + 8 + 4 * 32);
    assert_eq!(plan.candidates[0].origin, Origin::InForce);
    assert!(plan.candidates.iter().filter(|candidate| candidate.schedule.is_some()).count() >= 12);
    for candidate in &plan.candidates {
        let (score, prediction) = (candidate.score.expect("scored"), candidate.prediction.expect("predicted"));
        let total = score.reward - score.pessimism - score.edge - score.distrust - score.roughness;
        assert!((score.total - total).abs() < 1e-12);
        let pessimism = ControlledSettings::default().pessimism;
        assert!((score.pessimism - pessimism).abs() < 1e-12, "members differ by one: {score:?}");
        assert!((prediction.metric - (1.0 - (-score.reward).exp())).abs() < 1e-12, "in natural units");
        assert!(prediction.spread > 0.0);
    }
    let text = serde_json::to_string(&plan).expect("plain data");
    assert_eq!(serde_json::from_str::<Plan>(&text).expect("its own text"), plan);
    let shown = plan.to_string();
    assert!(
        shown.starts_with("new schedule at 30 % of the run: ") && shown.contains("predicted final metric"),
        "{shown}"
    );
}

#[test]
fn two_calls_a_round() {
    let model = std::sync::Arc::new(Told::new(1, |_, schedule, now| mean_log_rate(schedule, now)));
    let forecaster = Forecaster::Controlled(model.clone());
    let in_force = Schedule::constant(0.1);
    let planner = Planner::new(forecaster, ControlledSettings::default()).expect("sound settings");
    planner.plan(&Situation::after(&[], TOTAL_STEPS, &in_force)).expect("a plan");
    assert_eq!(
        *model.calls.lock().expect("no panic"),
        [9, 5, 32, 16, 32, 16, 32, 16, 32, 16],
        "and one of the better half's margin"
    );
}

#[test]
fn predictions_that_are_not_finite_reject_a_candidate_and_go_no_further() {
    let model = Told::new(2, |member, schedule, now| {
        let rate = mean_log_rate(schedule, now);
        if member == 1 && rate > 0.02f64.ln() { f64::NAN } else { rate }
    });
    let plan = plan_at(model, credulous(SearchFamily::FreeKnots), 0.3);
    assert!(plan.changed && mean_log_rate(&plan.schedule, 0.3) <= 0.02f64.ln());
    let reason = "member 1 predicts a reward of NaN".to_owned();
    assert_eq!(plan.candidates[0].verdict, Verdict::Rejected { reason }, "the schedule in force is one of them");

    let plan = plan_at(Told::new(2, |_, _, _| f64::INFINITY), ControlledSettings::default(), 0.3);
    assert!(!plan.changed && plan.schedule == Schedule::constant(0.05));
    assert!(plan.reason.contains("no prediction can be used: member 0 predicts a reward of inf"), "{plan}");
    assert!(plan.prediction.is_none() && plan.rejected() == plan.candidates.len());
}

#[test]
fn a_run_unlike_the_sweep_is_not_planned_for() {
    let in_force = Schedule::constant(0.1);
    let planner = Planner::new(
        Forecaster::controlled(Told::new(1, |_, schedule, now| mean_log_rate(schedule, now))),
        ControlledSettings::default(),
    )
    .expect("sound settings");
    let points = |loss: f64, accuracy: f64| {
        [480, 490, 500].map(|step| Point::new(step).train_loss(loss).validation(accuracy).learning_rate(0.1))
    };
    let plan = |points: &[Point]| planner.plan(&Situation::after(points, TOTAL_STEPS, &in_force)).expect("a plan");
    assert!(plan(&points(0.74, 0.58)).changed, "like the sweep at half time");
    let exploded = plan(&points(1e6, 0.58));
    assert!(!exploded.changed && exploded.reason.starts_with("the train loss is "), "{exploded}");
    let collapsed = plan(&points(0.74, -3.0));
    assert!(!collapsed.changed && collapsed.reason.starts_with("the metric is "), "{collapsed}");
}

#[test]
fn a_model_that_miscounts_is_an_error() {
    struct Miscounting(Told);
    impl lodecast::ControlledForecaster for Miscounting {
        fn members(&self) -> usize {
            2
        }
        fn final_rewards(&self, _: &[Point], _: u64, _: f64, _: &[Schedule]) -> lodecast::Result<Vec<f64>> {
            Ok(vec![0.0; 3])
        }
        fn metric_from_reward(&self, reward: f64) -> f64 {
            reward
        }
        fn experience(&self) -> &lodecast::Experience {
            &self.0.experience
        }
        fn fingerprint(&self) -> String {
            String::new()
        }
    }
    let model = Miscounting(Told::new(1, |_, _, _| 0.0));
    let in_force = Schedule::constant(0.1);
    let planner = Planner::new(Forecaster::controlled(model), ControlledSettings::default()).expect("sound settings");
    let error = planner.plan(&Situation::after(&[], TOTAL_STEPS, &in_force)).expect_err("3 for 9 x 2");
    assert!(matches!(error, Error::Window { .. }) && error.to_string().contains("3 predictions for 9 schedules"));
}

#[test]
fn impossible_settings_and_situations_are_named() {
    let sound = ControlledSettings::default();
    let table = [
        ("knots", changed(sound, |it| it.knots = 2)),
        (
            "population",
            changed(sound, |it| {
                it.population = 1;
                it.elite = 1;
            }),
        ),
        ("elite", changed(sound, |it| it.elite = 0)),
        ("elite", changed(sound, |it| it.elite = 65)),
        ("rounds", changed(sound, |it| it.rounds = usize::MAX)),
        ("pessimism", changed(sound, |it| it.pessimism = f64::NAN)),
        ("tolerated_loss", changed(sound, |it| it.tolerated_loss = f64::INFINITY)),
        ("rate_margin", changed(sound, |it| it.rate_margin = 0.9)),
        ("trust_weight", changed(sound, |it| it.trust_weight = -1.0)),
        ("roughness_weight", changed(sound, |it| it.roughness_weight = f64::INFINITY)),
        ("required_gain", changed(sound, |it| it.required_gain = -0.1)),
        ("ramp", changed(sound, |it| it.ramp = 0.9)),
        ("surprise_limit", changed(sound, |it| it.surprise_limit = f64::NAN)),
    ];
    let forecaster = || Forecaster::controlled(Told::new(1, |_, _, _| 0.0));
    let is_named = |error: &Error, name: &str| matches!(error, Error::Setting { name: found, .. } if *found == name);
    for (name, settings) in table {
        let error = Planner::new(forecaster(), settings).expect_err(name);
        assert!(is_named(&error, name), "{name}: {error}");
    }
    let error = Planner::new(forecaster(), lodecast::PaperPlannerSettings::default()).expect_err("the other kind");
    assert!(is_named(&error, "settings"));

    let planner = Planner::new(forecaster(), sound).expect("sound settings");
    let in_force = Schedule::constant(0.1);
    let situation = Situation::after(&[], TOTAL_STEPS, &in_force);
    for (name, situation) in [
        ("total_steps", Situation { total_steps: 0, ..situation }),
        ("now", Situation { now: 1.0, ..situation }),
        ("now", Situation { now: f64::NAN, ..situation }),
    ] {
        assert!(is_named(&planner.plan(&situation).expect_err(name), name));
    }
    let negative = Schedule::constant(-1.0);
    let error = planner.plan(&Situation { in_force: &negative, ..situation }).expect_err("a negative rate");
    assert!(matches!(error, Error::Schedule { .. }));
}

/// A law picks the schedule of a whole run, and says of each of its choices what a run will end at, and how likely it is to be
/// better than the best that was measured.
#[test]
fn a_plan_before_the_first_step_says_what_its_choices_lead_to() {
    let model = fit(&crate::toy_sweep::sweep(1, 20), &FitSettings::new(ModelKind::Law), FitOptions::default())
        .expect("a fit")
        .model;
    let in_force = Schedule::constant(0.1);
    let settings = ControlledSettings::default();
    let plan =
        Planner::new(model, settings).expect("sound").plan(&Situation::after(&[], 100, &in_force)).expect("a plan");
    let chosen = plan.chosen().expect("one of them");
    assert_eq!(chosen.schedule.as_ref(), Some(&plan.schedule));
    for candidate in &plan.candidates {
        let interval = candidate.interval.expect("an interval");
        let (metric, chance) =
            (candidate.prediction.expect("a prediction").metric, candidate.probability_better_than_best);
        assert!(interval.low <= metric && metric <= interval.high, "{interval:?}");
        assert!((0.0..=1.0).contains(&chance.expect("a probability")));
    }
    let again: Plan = serde_json::from_value(serde_json::to_value(&plan).expect("plain data")).expect("readable");
    assert_eq!(again, plan);
}
