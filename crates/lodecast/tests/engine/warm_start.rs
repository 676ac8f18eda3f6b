//! A fit that starts from the model of an earlier state of the same search.

use std::sync::atomic::{AtomicBool, Ordering};

use lodecast::{Error, FitOptions, FitSettings, Metric, Model, ModelKind, Schedule, Sweep, fit};

fn settings(kind: ModelKind, iterations: u64) -> FitSettings {
    FitSettings::new(kind).with_training(|training| {
        training.iterations = iterations;
        training.members = 5;
        training.batch_size = 32;
    })
}

/// The sweep, and its runs up to this peak.
fn search(least_new: f64) -> (Sweep, Sweep) {
    let whole = crate::toy_sweep::sweep(1, 30);
    let mut first = whole.clone();
    first.runs.retain(|run| run.attributes.peak_lr.is_some_and(|peak| peak < least_new));
    (first, whole)
}

fn fitted(sweep: &Sweep, kind: ModelKind, iterations: u64) -> Model {
    fit(sweep, &settings(kind, iterations), FitOptions::default()).expect("a fit").model
}

#[test]
fn what_was_held_out_stays_held_out_and_new_runs_are_dealt_among_it() {
    let (first, whole) = search(0.5);
    for kind in [ModelKind::Controlled, ModelKind::Paper] {
        let earlier = fitted(&first, kind, 6);
        let options = FitOptions::default().start_from(&earlier);
        let later = fit(&whole, &settings(kind, 6), options).expect("a fit").model;
        assert_eq!(later.record().iterations, 2, "a third of the steps");
        let (before, after) = (&earlier.record().held_out, &later.record().held_out);
        for (before, after) in before.iter().zip(after) {
            assert!(before.iter().all(|run| after.contains(run)), "a network would be measured on what it knows");
        }
        let mut all: Vec<&String> = after.iter().flatten().collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), whole.runs.len(), "every run is held out from one network");
        let sizes: Vec<usize> = after.iter().map(Vec::len).collect();
        assert_eq!((sizes.iter().min(), sizes.iter().max()), (Some(&4), Some(&4)), "{sizes:?}");
    }
}

#[test]
fn with_a_third_of_the_steps_it_is_nearer_the_truth_than_a_fit_from_nothing() {
    // Two of three runs are known before.
    let (mut first, whole) = search(f64::INFINITY);
    let mut count = 0;
    first.runs.retain(|_| {
        count += 1;
        count % 3 > 0
    });
    let schedules: Vec<Schedule> = [0.15, 0.3, 0.6]
        .into_iter()
        .flat_map(|peak| [Schedule::cosine(peak), Schedule::constant(peak), Schedule::one_cycle(peak)])
        .collect();
    let truth = |schedule: &Schedule| {
        crate::toy_sweep::run("truth", schedule, 9, 30, 150).final_validation(0).expect("measured")
    };
    let error = |model: &Model| {
        let off = schedules.iter().map(|schedule| {
            let forecast = model.forecast(&[], 150, Some(schedule)).expect("a schedule");
            (forecast.final_validation.mean - truth(schedule)).abs()
        });
        off.sum::<f64>() / schedules.len() as f64
    };
    let earlier = fitted(&first, ModelKind::Controlled, 900);
    let options = FitOptions::default().start_from(&earlier);
    let warm = fit(&whole, &settings(ModelKind::Controlled, 900), options).expect("a fit").model;
    let (warm, cold) = (error(&warm), error(&fitted(&whole, ModelKind::Controlled, 300)));
    eprintln!(
        "ZZ warm {warm} cold {cold} whole {} earlier {}",
        error(&fitted(&whole, ModelKind::Controlled, 900)),
        error(&earlier)
    );
    assert!(warm < cold, "{warm}, from nothing {cold}");
}

#[test]
fn an_interrupted_fit_resumes_from_the_same_model_only() {
    let (first, whole) = search(0.5);
    let earlier = fitted(&first, ModelKind::Controlled, 30);
    let settings = settings(ModelKind::Controlled, 90);
    let folder = tempfile::tempdir().expect("a folder");
    let checkpoint = folder.path().join("checkpoint");
    let straight = fit(&whole, &settings, FitOptions::default().start_from(&earlier)).expect("a fit").model;
    let interrupt = AtomicBool::new(false);
    let mut stop_at_15 =
        |progress: &lodecast::FitProgress| interrupt.store(progress.iteration >= 15, Ordering::Relaxed);
    let options = FitOptions::default().progress(&mut stop_at_15).interrupt(&interrupt).checkpoint(&checkpoint);
    assert!(matches!(fit(&whole, &settings, options.start_from(&earlier)), Err(Error::Interrupted)));
    let resume = || FitOptions::default().checkpoint(&checkpoint).resume(true);
    let other = fitted(&first, ModelKind::Controlled, 9);
    let message = fit(&whole, &settings, resume().start_from(&other)).expect_err("another model").to_string();
    assert!(message.contains("another model"), "{message}");
    let resumed = fit(&whole, &settings, resume().start_from(&earlier)).expect("resumed").model;
    assert_eq!(resumed.fingerprint(), straight.fingerprint());
}

#[test]
fn a_model_that_does_not_fit_is_refused_with_what_to_do() {
    let (first, whole) = search(0.5);
    let (controlled, law) = (fitted(&first, ModelKind::Controlled, 3), fitted(&first, ModelKind::Law, 3));
    let refused = |sweep: &Sweep, settings: &FitSettings, earlier: &Model| {
        let error = fit(sweep, settings, FitOptions::default().start_from(earlier)).expect_err("it does not fit");
        assert!(matches!(error, Error::Setting { .. }), "{error}");
        error.to_string()
    };
    let network = settings(ModelKind::Controlled, 3);
    assert!(refused(&whole, &network, &law).contains("a law model"));
    assert!(refused(&whole, &settings(ModelKind::Law, 3), &controlled).contains("less than a second"));
    assert!(refused(&whole, &settings(ModelKind::Paper, 3), &controlled).contains("a controlled model"));
    let FitSettings::Controlled(mut larger) = network.clone() else { unreachable!("a network") };
    larger.sizes.latent += 1;
    assert!(refused(&whole, &larger.into(), &controlled).contains("other sizes"));
    let mut renamed = whole.clone();
    renamed.metrics = vec![Metric::new("f1", lodecast::Direction::Max)];
    assert!(refused(&renamed, &network, &controlled).contains("accuracy"));
}
