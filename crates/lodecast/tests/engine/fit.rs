//! Fitting both models to a sweep that can be understood.

use lodecast::{ControlledForecaster, FitOptions, FitSettings, Fitted, ModelKind, Point, Schedule, fit};

fn settings(kind: ModelKind, iterations: u64) -> FitSettings {
    FitSettings::new(kind).with_training(|training| {
        training.iterations = iterations;
        training.members = 2;
    })
}

fn quiet(sweep: &lodecast::Sweep, settings: &FitSettings) -> Fitted {
    fit(sweep, settings, FitOptions::default()).expect("a usable sweep")
}

#[test]
fn a_controlled_model_orders_schedules_it_has_not_seen() {
    let fitted = quiet(&crate::toy_sweep::sweep(2, 50), &settings(ModelKind::Controlled, 600));
    let lodecast::Model::Controlled(model) = &fitted.model else { panic!("a controlled model") };
    // Their final accuracies are 0.84, 0.89 and 0.62: far enough apart to be told from each other.
    let schedules = [Schedule::constant(0.15), Schedule::cosine(0.6), Schedule::constant(0.9)];
    let rewards = model.final_rewards(&[], 250, 0.0, &schedules);
    let predicted: Vec<f64> = rewards.chunks(2).map(|pair| f64::midpoint(pair[0], pair[1])).collect();
    let truth: Vec<f64> = schedules
        .iter()
        .map(|schedule| crate::toy_sweep::run("truth", schedule, 9, 50, 250).final_validation(0).expect("measured"))
        .collect();
    let order = |values: &[f64]| {
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
        order
    };
    assert_eq!(order(&predicted), order(&truth), "predicted {predicted:?}, true {truth:?}");

    // A plan's rewards come from coarser steps of a lower order than the curves of a forecast.
    for (schedule, reward) in schedules.iter().zip(predicted) {
        let forecast = fitted.model.forecast(&[], 250, Some(schedule)).expect("a schedule");
        let (rewarded, drawn) = (model.metric_from_reward(reward), forecast.final_validation.mean);
        assert!((rewarded - drawn).abs() < 0.003, "{}: {rewarded} and {drawn}", schedule.describe());
    }
}

#[test]
fn the_same_seed_gives_the_same_bits_on_any_number_of_threads() {
    let sweep = crate::toy_sweep::sweep(1, 30);
    for kind in [ModelKind::Controlled, ModelKind::Paper] {
        let settings = settings(kind, 20);
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            pool.install(|| quiet(&sweep, &settings)).model.fingerprint().to_owned()
        };
        assert_eq!(on(1), on(3), "{kind}");
    }
}

#[test]
fn what_a_model_never_saw_is_evaluated_as_it_was() {
    let sweep = crate::toy_sweep::sweep(1, 30);
    let mut poor = sweep.clone();
    for run in &mut poor.runs {
        run.change_points(0, |point| Point { validation: point.validation.map(|value| 0.2 * value), ..point });
    }
    let Fitted { model, .. } = quiet(&poor, &settings(ModelKind::Controlled, 20));
    let evaluation = lodecast::evaluate(&model, &sweep, &[0.5]).expect("runs to forecast");
    let sound = evaluation.forecasts.iter().filter_map(|forecast| {
        let run = sweep.runs.iter().find(|run| run.id == forecast.run)?;
        run.diverged_at(0).is_none().then_some((forecast, run))
    });
    assert!(sound.clone().count() > 10);
    for (forecast, run) in sound {
        let last = run.validation(0).iter().flatten().next_back().expect("a metric");
        assert!((forecast.actual - last).abs() < 1e-9, "{}: {} is not {last}", run.id, forecast.actual);
    }
}
