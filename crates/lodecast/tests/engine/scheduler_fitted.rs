//! The whole path on a training that can be understood: sweep, fit, then a live run under the scheduler.

use lodecast::{FitOptions, FitSettings, Model, ModelKind, Observation, Schedule, Scheduler, fit};

const POINTS: u64 = 50;
const TOTAL_STEPS: u64 = 250;

fn fitted(kind: ModelKind) -> Model {
    let settings = FitSettings::new(kind).with_training(|training| {
        training.iterations = 600;
        training.members = 3;
    });
    fit(&crate::toy_sweep::sweep(2, POINTS), &settings, FitOptions::default()).expect("a usable sweep").model
}

/// Final accuracy of a run that follows the scheduler, and how often its schedule changed.
fn live_run(scheduler: &mut Scheduler, seed: u64) -> (f64, usize) {
    let mut rates: Vec<f64> = (0..=TOTAL_STEPS).map(|step| scheduler.learning_rate(step)).collect();
    let mut changes = 0;
    let follow = |rates: &[f64]| {
        let knots = rates.iter().enumerate().map(|(step, &rate)| (step as f64 / TOTAL_STEPS as f64, rate));
        let schedule = Schedule::piecewise_linear(knots).expect("usable rates");
        crate::toy_sweep::run("live", &schedule, seed, POINTS, TOTAL_STEPS)
    };
    let mut run = follow(&rates);
    for index in 0..run.len() {
        let point = run.point(index, 0).expect("a point");
        if let Observation::Replanned(_) = scheduler.observe(point) {
            // What has passed stays; the rest of the run is trained again under the new rates.
            for step in point.step..=TOTAL_STEPS {
                rates[step as usize] = scheduler.learning_rate(step);
            }
            changes += 1;
            run = follow(&rates);
        }
    }
    (run.final_validation(0).expect("measured"), changes)
}

#[test]
fn the_controlled_model_mends_a_bad_start() {
    let model = fitted(ModelKind::Controlled);
    let start = Schedule::constant(0.1);
    let rival = crate::toy_sweep::sweep(2, POINTS).best_configuration(0).expect("a best one").1;
    let unchanged =
        crate::toy_sweep::run("start", &start, 77, POINTS, TOTAL_STEPS).final_validation(0).expect("measured");
    let mut scheduler = Scheduler::builder(model)
        .total_steps(TOTAL_STEPS)
        .start(start)
        .replan_at([0.1, 0.3, 0.5, 0.7])
        .build()
        .expect("sound settings");
    let (accuracy, changes) = live_run(&mut scheduler, 77);
    eprintln!("start {unchanged:.4}, scheduler {accuracy:.4} after {changes} changes, best of the sweep {rival:.4}");
    assert!(changes >= 1, "{:?}", scheduler.last_plan().map(ToString::to_string));
    assert!(accuracy > unchanged + 0.5 * (rival - unchanged), "{unchanged} -> {accuracy}, sweep {rival}");
}

#[test]
fn the_papers_model_plans_within_the_range_of_the_sweep() {
    let model = fitted(ModelKind::Paper);
    let range = model.experience().learning_rates;
    let mut scheduler = Scheduler::builder(model).total_steps(TOTAL_STEPS).build().expect("sound settings");
    let (accuracy, changes) = live_run(&mut scheduler, 77);
    eprintln!("accuracy {accuracy:.4} after {changes} changes; {}", scheduler.last_plan().expect("it planned"));
    assert_eq!(scheduler.replans(), 3);
    for step in 0..=TOTAL_STEPS {
        let rate = scheduler.learning_rate(step);
        assert!((range.lowest..=range.highest).contains(&rate), "{rate} at {step}");
    }
}
