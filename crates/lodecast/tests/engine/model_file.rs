//! Model files and checkpoints: round trips, damage, interruption and resumption.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use lodecast::{
    Direction, Error, Experience, FitOptions, FitSettings, Fitted, Metric, Model, ModelKind, PaperLatentOde, Point,
    Schedule, fit,
};

fn small(kind: ModelKind, iterations: u64) -> FitSettings {
    FitSettings::new(kind).with_training(|training| {
        training.iterations = iterations;
        training.members = 2;
        training.batch_size = 16;
    })
}

fn fit_small(kind: ModelKind) -> Fitted {
    fit(&crate::toy_sweep::sweep(1, 20), &small(kind, 10), FitOptions::default()).expect("a usable sweep")
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

#[test]
fn a_saved_model_forecasts_the_same_bits() {
    let folder = folder();
    let observed = [Point::new(10).train_loss(0.9).learning_rate(0.2).validation(0.3)];
    for &kind in ModelKind::ALL {
        let model = fit_small(kind).model;
        let path = folder.path().join("model.lode");
        model.save(&path).expect("saved");
        let loaded = Model::load(&path).expect("loaded");
        assert_eq!((loaded.fingerprint(), loaded.record()), (model.fingerprint(), model.record()));
        let forecast = |model: &Model| model.forecast(&observed, 100, Some(&Schedule::cosine(0.2))).expect("forecast");
        assert_eq!(forecast(&loaded), forecast(&model));
        let bytes = model.to_bytes().expect("bytes");
        assert!(bytes == std::fs::read(&path).expect("readable"), "the bytes are those of the file");
        assert_eq!(forecast(&Model::from_bytes(&bytes).expect("a model")), forecast(&model));
    }
}

#[test]
fn a_model_is_known_by_what_is_in_its_file() {
    let folder = folder();
    let path = folder.path().join("law.model");
    fit_small(ModelKind::Law).model.save(&path).expect("saved");
    assert!(Model::is_file(&path));
    for (name, text) in [("empty", ""), ("short", "{}"), ("runs.csv", "run,step,learning_rate\na,1,0.1\nb,1,0.2\n")] {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        assert!(!Model::is_file(&path), "{name}");
    }
    assert!(!Model::is_file(folder.path()) && !Model::is_file(folder.path().join("nothing")));
}

#[test]
fn a_model_of_the_other_kind_is_refused() {
    let folder = folder();
    let path = folder.path().join("model.lode");
    fit_small(ModelKind::Controlled).model.save(&path).expect("saved");
    let message = PaperLatentOde::load(&path).expect_err("another kind").to_string();
    assert!(message.contains("holds a controlled model"), "{message}");
}

#[test]
fn damaged_files_are_errors_and_never_panics() {
    let folder = folder();
    let path = folder.path().join("model.lode");
    fit_small(ModelKind::Controlled).model.save(&path).expect("saved");
    let bytes = std::fs::read(&path).expect("readable");
    for cut in (0..bytes.len()).step_by(bytes.len() / 300) {
        assert!(Model::from_bytes(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    // Every byte of the header once, a sample of the weights.
    for at in (0..bytes.len()).filter(|at| *at < 3000 || at % 997 == 0) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x15;
        let _ = Model::from_bytes(&damaged);
    }
    let mut not_a_number = bytes.clone();
    let at = bytes.len() - 8;
    not_a_number[at..].copy_from_slice(&f64::NAN.to_le_bytes());
    let message = Model::from_bytes(&not_a_number).expect_err("NaN").to_string();
    assert!(message.contains("NaN"), "{message}");
}

#[test]
fn an_interrupted_fit_resumes_to_the_same_result() {
    let sweep = crate::toy_sweep::sweep(1, 20);
    let folder = folder();
    for kind in [ModelKind::Controlled, ModelKind::Paper] {
        let checkpoint = folder.path().join(format!("{kind}.checkpoint"));
        let settings = small(kind, 60);
        let whole = fit(&sweep, &settings, FitOptions::default()).expect("a usable sweep");

        let interrupt = AtomicBool::new(false);
        let mut stop_at_30 =
            |progress: &lodecast::FitProgress| interrupt.store(progress.iteration >= 30, Ordering::Relaxed);
        let options = FitOptions::default().progress(&mut stop_at_30).interrupt(&interrupt).checkpoint(&checkpoint);
        assert!(matches!(fit(&sweep, &settings, options), Err(Error::Interrupted)));
        let mut first = None;
        let mut note_first = |progress: &lodecast::FitProgress| {
            first.get_or_insert(progress.iteration);
        };
        let options = FitOptions::default().progress(&mut note_first).checkpoint(&checkpoint).resume(true);
        let resumed = fit(&sweep, &settings, options).expect("resumed");
        assert!(first.expect("progress") > 30, "it started anew");
        assert_eq!(resumed.model.fingerprint(), whole.model.fingerprint(), "{kind}");

        let other = settings.with_training(|training| {
            training.seed = 1;
        });
        let options = FitOptions::default().checkpoint(checkpoint).resume(true);
        let message = fit(&sweep, &other, options).expect_err("other settings").to_string();
        assert!(message.contains("other settings"), "{message}");
    }
}

#[test]
fn models_of_the_reference_can_be_imported() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/reference_a.eqx");
    let sweep = crate::toy_sweep::sweep(1, 20);
    let experience = Experience::from_sweep(&sweep, 0).expect("a usable sweep");
    let metric = Metric::new("accuracy", Direction::Max);
    let model = PaperLatentOde::import_reference(&path, metric.clone(), 600, experience.clone()).expect("imported");
    assert_eq!(model.members(), 1);
    let folder = folder();
    let saved = folder.path().join("reference.lode");
    let forecast = |model: &Model| {
        let observed = [Point::new(1).train_loss(1.0).learning_rate(1e-3).validation(0.5)];
        model.forecast(&observed, 600, None).expect("forecast")
    };
    let model = Model::Paper(model);
    model.save(&saved).expect("saved");
    assert_eq!(forecast(&Model::load(&saved).expect("loaded")), forecast(&model));

    let bytes = std::fs::read(&path).expect("readable");
    let cut = folder.path().join("cut.eqx");
    for length in (0..bytes.len()).step_by(97) {
        std::fs::write(&cut, &bytes[..length]).expect("written");
        assert!(
            PaperLatentOde::import_reference(&cut, metric.clone(), 600, experience.clone()).is_err(),
            "cut at {length}"
        );
    }
}

#[test]
fn unusable_sweeps_and_settings_are_errors_that_say_what_to_do() {
    let attempt = |sweep: &lodecast::Sweep, settings: &FitSettings| {
        fit(sweep, settings, FitOptions::default()).expect_err("unusable").to_string()
    };
    let settings = small(ModelKind::Controlled, 5);
    let sweep = crate::toy_sweep::sweep(1, 20);
    let metrics = sweep.metrics.clone();
    assert!(attempt(&lodecast::Sweep::new(metrics.clone()), &settings).contains("no runs"));
    let one = lodecast::Sweep { metrics: metrics.clone(), runs: sweep.runs[..1].to_vec() };
    assert!(attempt(&one, &settings).contains("at least two"));
    let unknown = settings.clone().with_training(|training| {
        training.metric = Some("f1".to_owned());
    });
    assert!(attempt(&sweep, &unknown).contains("accuracy:max"));
    let zero = settings.clone().with_training(|training| {
        training.members = 0;
    });
    assert!(attempt(&sweep, &zero).contains("members"));

    // Runs that cannot be used are left out by name; the others are learned from.
    let mut mixed = sweep.clone();
    mixed.runs[0].change_points(0, |point| point.learning_rate(-1.0));
    mixed.runs[1].change_points(0, |point| point.train_loss(f64::NAN));
    let summary = fit(&mixed, &settings, FitOptions::default()).expect("the rest is usable").summary;
    let names: Vec<&str> = summary.left_out.iter().map(|left_out| left_out.run.as_str()).collect();
    assert_eq!(names, [mixed.runs[0].id.as_str()]);
    assert!(summary.diverged.contains(&mixed.runs[1].id), "NaN from its first point on is evidence about its rates");
}
