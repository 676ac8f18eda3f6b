//! The scheduler under burn: steps, clones, and records that bring it back bit for bit.

#[path = "../../lodecast/tests/engine/plan_models.rs"]
mod plan_models;

use burn_optim::lr_scheduler::module_lr_scheduler::ModuleLrScheduler;
use burn_optim::lr_scheduler::{LrScheduler, LrSchedulerRecord};
use lodecast::{ControlledSettings, Error, Forecaster, Point, Schedule, Scheduler};
use lodecast_burn::LodeLrScheduler;
use plan_models::{TOTAL_STEPS, Told, mean_log_rate};

fn model(name: &'static str) -> Forecaster {
    let target = |now: f64| 0.03f64.ln() + (20.0 * now).sin();
    let told = Told::new(2, move |member, schedule, now| {
        -(mean_log_rate(schedule, now) - target(now)).powi(2) + 0.01 * member as f64
    });
    Forecaster::controlled(Told { name, ..told })
}

fn scheduler(name: &'static str) -> LodeLrScheduler {
    let mut settings = ControlledSettings::default();
    (settings.population, settings.rounds, settings.elite) = (6, 2, 3);
    let builder = Scheduler::builder(model(name)).total_steps(TOTAL_STEPS).settings(settings).replan_at([0.3, 0.6]);
    LodeLrScheduler::new(builder.start(Schedule::cosine(0.1)).build().expect("sound settings"))
}

/// Takes `count` steps, and feeds a point every 20 of them.
fn train(rates: &mut dyn LrScheduler, metrics: &LodeLrScheduler, steps: std::ops::Range<u64>) -> Vec<u64> {
    steps
        .map(|step| {
            let rate = rates.step();
            if (step + 1) % 20 == 0 {
                let loss = 2.0 * (-2.0 * (step + 1) as f64 / TOTAL_STEPS as f64).exp();
                metrics.scheduler().observe(Point::new(step + 1).train_loss(loss));
            }
            rate.to_bits()
        })
        .collect()
}

#[test]
fn it_gives_the_rates_of_the_engine_in_turn() {
    let metrics = scheduler("told");
    let mut rates = metrics.clone();
    assert_eq!(rates.step(), Schedule::cosine(0.1).at_step(0, TOTAL_STEPS));
    assert_eq!(rates.step(), Schedule::cosine(0.1).at_step(1, TOTAL_STEPS));
    assert_eq!((rates.steps(), metrics.steps()), (2, 0), "each clone counts its own steps");
    train(&mut rates, &metrics, 2..TOTAL_STEPS);
    assert_eq!(metrics.scheduler().replans(), 2);
    assert_eq!(rates.scheduler().observed().len(), 50);
}

#[test]
fn a_record_brings_it_back_bit_for_bit() {
    let uninterrupted = scheduler("told");
    let expected = train(&mut uninterrupted.clone(), &uninterrupted, 0..TOTAL_STEPS);

    for stop in [1, 299, 310, 845] {
        let first = scheduler("told");
        let mut rates = first.clone();
        let before = train(&mut rates, &first, 0..stop);
        let bytes = rates.to_record().into_bytes().expect("numbers");
        let record = LrSchedulerRecord::from_bytes(bytes).expect("its own bytes");

        let second = scheduler("told");
        let mut rates = second.clone();
        rates.load_record(record.clone());
        assert_eq!(second.load_failure(), None);
        assert_eq!([before.clone(), train(&mut rates, &second, stop..TOTAL_STEPS)].concat(), expected, "{stop}");

        let mut third = LodeLrScheduler::restore(model("told"), &record).expect("the same model");
        let metrics = third.clone();
        assert_eq!([before, train(&mut third, &metrics, stop..TOTAL_STEPS)].concat(), expected, "{stop}");
    }
}

#[test]
fn it_goes_through_burns_own_containers() {
    let metrics = scheduler("told");
    let mut rates = ModuleLrScheduler::new(metrics.clone());
    let mut expected = metrics.clone();
    for _ in 0..50 {
        assert_eq!(rates.step().base(), expected.step());
    }
    let restored = scheduler("told");
    let mut rates = ModuleLrScheduler::new(restored.clone()).load_record(rates.to_record());
    assert_eq!(rates.step().base(), expected.step());
    assert_eq!(restored.scheduler().state(), metrics.scheduler().state());
}

#[test]
fn a_record_that_does_not_fit_moves_the_position_only_and_says_why() {
    let mut rates = scheduler("told");
    train(&mut rates.clone(), &rates, 0..400);
    rates.step();
    let record = rates.to_record();

    let mut other = scheduler("another");
    other.load_record(record.clone());
    assert_eq!(other.steps(), 1);
    assert!(other.scheduler().observed().is_empty());
    let failure = other.load_failure().expect("another model");
    assert!(failure.contains("told") && failure.contains("another"), "{failure}");
    assert!(matches!(LodeLrScheduler::restore(model("another"), &record), Err(Error::SchedulerState { .. })));

    let bytes: u64 = record.scalar("bytes").expect("written");
    let broken = [
        ("holds none", LrSchedulerRecord::new().with_scalar("step", 3u64)),
        ("breaks off after 0 of 90", LrSchedulerRecord::new().with_scalar("step", 3u64).with_scalar("bytes", 90u64)),
        ("breaks off", record.clone().with_scalar("bytes", u64::MAX)),
        ("damaged", record.clone().with_scalar("bytes", bytes - 1)),
        ("damaged", record.clone().with_scalar("state-1", 0u64)),
    ];
    for (expected, record) in broken {
        let mut fresh = scheduler("told");
        fresh.load_record(record);
        let failure = fresh.load_failure().expect(expected);
        assert!(failure.contains(expected), "{expected}: {failure}");
        assert!(fresh.step() > 0.0);
    }
    rates.load_record(record);
    assert_eq!(rates.load_failure(), None);
}
