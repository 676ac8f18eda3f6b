//! Runs that differ on purpose: each switch has its effect, and no other.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use lodecast::{Family, Run, Schedule};
use lodecast_lab::rivals::{ScheduleFree, ScheduleFreeLearning};
use lodecast_lab::tasks::{Mnist1dCnn, Mnist1dSizes};
use lodecast_lab::{
    Device, Error, Execution, FixedSchedule, Length, Method, OptimizerKind, Result, RunConfiguration, RunRecord,
    Sharpness, SweepConfiguration, SweepOutcome, TaskSettings, Trainable, Training, Variation, gather, run_sweep,
    tasks,
};

const LENGTH: Length = Length { epochs: 5, batch_size: 20, points_per_epoch: 2 };
const NONE: Variation =
    Variation { width: 1.0, batch: 1.0, label_noise: 0.0, data_share: 1.0, dead_from: None, data_seed: None };

fn task(variation: Variation) -> Mnist1dCnn {
    let sizes = Mnist1dSizes { train: 400, validation: 100, test: 100, ..Mnist1dSizes::default() };
    Mnist1dCnn::varied(sizes, variation, &Device::flex()).unwrap()
}

fn train_with(task: &dyn Trainable, method: &mut dyn Method) -> RunRecord {
    let length = task.length(Some(LENGTH));
    let sharpness = Some(Sharpness { examples: 20, iterations: 2, eigenvalues: 1 });
    let training = Training { id: "run", optimizer: OptimizerKind::Adam, seed: 1, length, sharpness, cancel: None };
    task.train(&training, method).unwrap()
}

fn train(variation: Variation) -> RunRecord {
    let task = task(variation);
    let total = task.length(Some(LENGTH)).total_steps(Trainable::train_examples(&task));
    train_with(&task, &mut FixedSchedule::new(Schedule::one_cycle(0.02), total).unwrap())
}

fn other(run: &Run) -> Vec<(&str, &str)> {
    run.attributes.other.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

#[test]
fn nothing_varied_changes_nothing() {
    let sizes = Mnist1dSizes { train: 400, validation: 100, test: 100, ..Mnist1dSizes::default() };
    let plain = Mnist1dCnn::new(sizes, &Device::flex()).unwrap();
    let mut schedule = FixedSchedule::new(Schedule::one_cycle(0.02), LENGTH.total_steps(400)).unwrap();
    let (before, after) = (train_with(&plain, &mut schedule), train(NONE));
    assert_eq!(before.run, after.run);
    assert_eq!(other(&after.run), []);
    assert_eq!((before.test_loss, before.sharpness), (after.test_loss, after.sharpness));
    assert_eq!(plain.length(Some(LENGTH)), LENGTH);
    assert_eq!(plain.length(None), plain.default_length());
    assert_eq!(
        Trainable::description(&plain),
        "400 training, 100 validation and 100 test digits of seed 42",
        "journals of earlier versions have this"
    );
    let written = serde_json::to_string(&configuration(NONE)).unwrap();
    assert!(!written.contains("settings"), "{written}");
}

#[test]
fn what_is_varied_is_in_the_steps_and_the_record() {
    let plain = train(NONE);
    assert_eq!((plain.run.attributes.total_steps, plain.run.len()), (Some(100), 10));

    let batch = train(Variation { batch: 4.0, ..NONE });
    assert_eq!(
        batch.run.steps(),
        [3, 5, 8, 10, 13, 15, 18, 20, 23, 25],
        "as many epochs and points, a quarter of the steps"
    );
    assert_eq!(batch.run.attributes.total_steps, Some(25));
    assert_eq!(other(&batch.run), [("batch_size", "80")]);

    let half = train(Variation { data_share: 0.5, ..NONE });
    assert_eq!((half.run.attributes.total_steps, half.run.len()), (Some(50), 10));
    assert_eq!(other(&half.run), [("data_share", "0.5")]);

    let wide = train(Variation { width: 2.0, ..NONE });
    assert_eq!(wide.run.steps(), plain.run.steps());
    assert_ne!(wide.run.train_loss(), plain.run.train_loss());
    assert_eq!(other(&wide.run), [("width", "2")]);

    let noisy = train(Variation { label_noise: 0.6, ..NONE });
    assert_eq!(other(&noisy.run), [("label_noise", "0.6")]);
    let last = |record: &RunRecord| record.run.train_loss()[9].unwrap();
    assert!(last(&noisy) > last(&plain) + 0.3, "{} and {}", last(&noisy), last(&plain));
    assert_eq!(noisy.run.train_loss().len(), 10);
}

/// Loss of a network that finds all ten classes as likely.
const CLUELESS: f64 = std::f64::consts::LN_10;

#[test]
fn a_dead_network_is_sound_until_it_dies_and_constant_from_there_on() {
    let (sound, dead) = (train(NONE), train(Variation { dead_from: Some(0.4), ..NONE }));
    // Steps 10, 20, 30 come before step 40, after which it is dead.
    assert_eq!(dead.run.steps(), sound.run.steps());
    assert_eq!(dead.run.train_loss()[..4], sound.run.train_loss()[..4]);
    assert_eq!(dead.run.validation(0)[..3], sound.run.validation(0)[..3]);
    let after: Vec<f64> = dead.run.validation(0)[3..].iter().copied().flatten().collect();
    assert_eq!(after, [after[0]; 7]);
    // A hundred digits as evenly of ten classes as can be.
    assert_eq!(after[0], 0.1);
    for loss in dead.run.train_loss()[4..].iter().flatten() {
        assert!((loss - CLUELESS).abs() < 1e-6, "{loss}");
    }
    assert!((dead.test_loss - CLUELESS).abs() < 1e-6 && (sound.test_loss - CLUELESS).abs() > 0.1);
    assert_eq!((dead.diverged_at, other(&dead.run)), (None, vec![]), "nobody logs it");
    assert_eq!((sound.sharpness.len(), dead.sharpness.len()), (1, 0), "nothing is left to measure");
}

#[test]
fn no_average_brings_a_dead_network_back() {
    let task = task(Variation { dead_from: Some(0.4), ..NONE });
    let record = train_with(&task, &mut ScheduleFreeLearning::new(0.01, 100, ScheduleFree::ADAMW));
    let after: Vec<f64> = record.run.validation(0)[3..].iter().copied().flatten().collect();
    assert_eq!(after, [0.1; 7]);
    assert!((record.test_loss - CLUELESS).abs() < 1e-6, "{}", record.test_loss);
}

fn configuration(variation: Variation) -> SweepConfiguration {
    SweepConfiguration {
        task: "mnist1d-cnn".to_owned(),
        settings: TaskSettings { variation, ..TaskSettings::default() },
        optimizer: OptimizerKind::Sgd,
        families: vec![Family::Cosine],
        peak_learning_rates: vec![0.05],
        schedules: Vec::new(),
        warmup: 0.0,
        seeds: vec![1],
        length: Some(Length { epochs: 1, batch_size: 50, points_per_epoch: 2 }),
    }
}

fn sweep(variation: Variation, journal: Option<&Path>) -> Result<SweepOutcome> {
    let cancel = AtomicBool::new(false);
    let execution = Execution { jobs: NonZeroUsize::MIN, journal, cancel: &cancel, progress: &|_| {} };
    run_sweep(&task(variation), &configuration(variation), &execution)
}

#[test]
fn schedules_end_with_the_steps_of_varied_runs() {
    let outcome = sweep(Variation { batch: 2.0, data_share: 0.5, ..NONE }, None).unwrap();
    let run = &outcome.sweep.runs[0];
    assert_eq!((run.steps(), run.attributes.total_steps), (&[1, 2][..], Some(2)));
    assert_eq!(run.learning_rate()[1], Some(Schedule::cosine(0.05).at_step(1, 2)));
}

#[test]
fn runs_that_differ_on_purpose_are_not_taken_for_others() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("sweep.journal");
    let noisy = Variation { label_noise: 0.4, ..NONE };
    sweep(NONE, Some(&journal)).unwrap();
    assert!(matches!(sweep(noisy, Some(&journal)), Err(Error::JournalConfiguration { .. })));
    assert!(Trainable::description(&task(noisy)).ends_with(" digits of seed 42; varied: label noise 0.4"));

    let record = |variation, id: &str| {
        let configuration = RunConfiguration {
            id: Some(id.to_owned()),
            ..configuration(variation).run_configurations().unwrap().remove(0)
        };
        let mut record = train(variation);
        id.clone_into(&mut record.run.id);
        record.fingerprint = serde_json::to_string(&configuration).unwrap();
        record
    };
    let error = gather(vec![record(NONE, "plain"), record(noisy, "noisy")]).unwrap_err();
    assert!(matches!(error, Error::Mixed { .. }));
    assert!(error.to_string().contains("the variation was label noise 0.4 in one and none in the other"), "{error}");
}

#[test]
fn another_data_set_is_learned_as_well() {
    let accuracy = |variation| {
        let task = Mnist1dCnn::varied(
            Mnist1dSizes { train: 1000, validation: 200, test: 500, ..Mnist1dSizes::default() },
            variation,
            &Device::flex(),
        )
        .unwrap();
        let length = Length { epochs: 8, batch_size: 50, points_per_epoch: 2 };
        let training =
            Training { id: "run", optimizer: OptimizerKind::Adam, seed: 1, length, sharpness: None, cancel: None };
        let mut method = FixedSchedule::new(Schedule::one_cycle(0.01), length.total_steps(1000)).unwrap();
        task.train(&training, &mut method).unwrap().test_metric
    };
    let accuracies = [None, Some(7), Some(8)].map(|data_seed| accuracy(Variation { data_seed, ..NONE }));
    assert!(accuracies.iter().all(|accuracy| (0.35..0.95).contains(accuracy)), "{accuracies:?}");
}

#[test]
fn tasks_refuse_what_is_out_of_range() {
    let open = |variation| tasks::open("mnist1d-cnn", &TaskSettings { variation, ..TaskSettings::default() });
    let error = open(Variation { width: -1.0, ..NONE }).err().unwrap();
    assert!(matches!(error, Error::Setting { name: "width", .. }), "{error}");
    // It is refused before anything is looked for.
    for name in tasks::TASKS.map(|task| task.name).into_iter().filter(|name| *name != "mnist1d-cnn") {
        let variation = Variation { data_seed: Some(7), ..NONE };
        let error = tasks::open(name, &TaskSettings { variation, ..TaskSettings::default() }).err().unwrap();
        let known = matches!(error, Error::Setting { name: "data_seed", .. } | Error::NotBuilt { .. });
        assert!(known, "{name}: {error}");
    }
    let task = task(Variation { batch: 50.0, ..NONE });
    let error = task.length(Some(LENGTH)).check(400).unwrap_err();
    assert!(error.to_string().starts_with("batch_size = 1000"), "{error}");
}
