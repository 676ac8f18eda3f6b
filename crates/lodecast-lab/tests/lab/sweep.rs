//! Sweeps: deterministic order, and a journal that survives whatever a kill leaves of it.

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use lodecast::{Family, Metric, Schedule};
use lodecast_lab::tasks::{Mnist1dCnn, Mnist1dSizes};
use lodecast_lab::{
    Device, Error, Execution, Length, Method, OptimizerKind, Result, RunRecord, SweepConfiguration, SweepOutcome,
    Trainable, Training, run_sweep,
};

fn task() -> Mnist1dCnn {
    let sizes = Mnist1dSizes { train: 100, validation: 50, test: 50, ..Mnist1dSizes::default() };
    Mnist1dCnn::new(sizes, &Device::flex()).unwrap()
}

fn configuration() -> SweepConfiguration {
    SweepConfiguration {
        task: "mnist1d-cnn".to_owned(),
        settings: lodecast_lab::TaskSettings::default(),
        optimizer: OptimizerKind::Sgd,
        families: vec![Family::Cosine, Family::Constant],
        // The second peak diverges: NaN has to go through the journal too.
        peak_learning_rates: vec![0.05, 1e9],
        schedules: Vec::new(),
        warmup: 0.0,
        seeds: vec![3, 1],
        length: Some(Length { epochs: 2, batch_size: 25, points_per_epoch: 2 }),
    }
}

/// Runs the sweep; also says how many runs were trained in this call.
fn run(configuration: &SweepConfiguration, jobs: usize, journal: Option<&Path>) -> (Result<SweepOutcome>, usize) {
    let (cancel, trained) = (AtomicBool::new(false), AtomicUsize::new(0));
    let outcome = {
        let progress = |_: lodecast_lab::Progress<'_>| {
            trained.fetch_add(1, Ordering::Relaxed);
        };
        let execution =
            Execution { jobs: NonZeroUsize::new(jobs).unwrap(), journal, cancel: &cancel, progress: &progress };
        run_sweep(&task(), configuration, &execution)
    };
    (outcome, trained.into_inner())
}

/// Everything but the clocks, NaN comparable.
fn fingerprint(outcome: &SweepOutcome) -> Vec<String> {
    outcome
        .records
        .iter()
        .map(|record| format!("{:?} {} {}", record.run, record.test_metric, record.test_loss))
        .collect()
}

#[test]
fn order_and_results_do_not_depend_on_the_number_of_jobs() {
    let (alone, _) = run(&configuration(), 1, None);
    let (together, trained) = run(&configuration(), 4, None);
    let (alone, together) = (alone.unwrap(), together.unwrap());
    assert_eq!(trained, 8);
    assert_eq!(fingerprint(&alone), fingerprint(&together));
    let ids: Vec<&str> = together.sweep.runs.iter().map(|run| run.id.as_str()).collect();
    assert_eq!(ids[..3], ["cosine 5e-2 seed 3", "cosine 5e-2 seed 1", "cosine 1e9 seed 3"]);
    assert_eq!(ids[7], "constant 1e9 seed 1");
    assert_eq!(together.sweep.metrics[0].to_string(), "val_accuracy:max");
    assert_eq!(together.sweep.configurations().len(), 4);
    assert!(together.records[2].diverged_at.is_some());
}

#[test]
fn resumes_from_whatever_a_kill_leaves_of_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sweep.journal");
    let (whole, _) = run(&configuration(), 2, Some(&path));
    let whole = whole.unwrap();
    let bytes = fs::read(&path).unwrap();
    let line_ends: Vec<usize> = (0..bytes.len()).filter(|&index| bytes[index] == b'\n').collect();
    assert_eq!(line_ends.len(), 9, "a header and eight runs");

    // (bytes left, runs that are still whole in them)
    let cuts = [
        (bytes.len(), 8),
        (bytes.len() - 1, 7),
        (line_ends[5] + 40, 5),
        (line_ends[5] + 1, 5),
        (line_ends[0] + 1, 0),
        (line_ends[0] - 7, 0),
        (0, 0),
    ];
    for (left, runs) in cuts {
        fs::write(&path, &bytes[..left]).unwrap();
        let (resumed, trained) = run(&configuration(), 2, Some(&path));
        assert_eq!(fingerprint(&resumed.unwrap()), fingerprint(&whole), "{left} bytes left");
        assert_eq!(trained, 8 - runs, "{left} bytes left");
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 9, "{left} bytes left");
    }
}

#[test]
fn a_journal_of_another_configuration_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sweep.journal");
    let small = SweepConfiguration { families: vec![Family::Cosine], seeds: vec![1], ..configuration() };
    run(&small, 1, Some(&path)).0.unwrap();
    let before = fs::read(&path).unwrap();
    let other = SweepConfiguration { optimizer: OptimizerKind::Adam, ..small };
    let error = run(&other, 1, Some(&path)).0.unwrap_err().to_string();
    assert!(error.contains(r#"optimizer was "sgd" and is "adam""#), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_damaged_journal_and_a_file_that_is_none_are_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sweep.journal");
    let small = SweepConfiguration { families: vec![Family::Cosine], ..configuration() };
    run(&small, 1, Some(&path)).0.unwrap();
    let mut lines: Vec<String> = fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
    lines[2].truncate(50);
    for text in [lines.join("\n") + "\n", "a shopping list".to_owned(), "milk\neggs\n".to_owned()] {
        fs::write(&path, &text).unwrap();
        let error = run(&small, 1, Some(&path)).0.unwrap_err();
        assert!(matches!(error, Error::Journal { .. }), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    let locked = fs::File::open(&path).unwrap();
    locked.lock().unwrap();
    assert!(matches!(run(&small, 1, Some(&path)).0.unwrap_err(), Error::JournalInUse { .. }));
}

#[test]
fn cancelling_keeps_what_was_finished() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sweep.journal");
    let cancel = AtomicBool::new(false);
    let progress = |progress: lodecast_lab::Progress<'_>| cancel.store(progress.finished >= 3, Ordering::Relaxed);
    let execution = Execution { jobs: NonZeroUsize::MIN, journal: Some(&path), cancel: &cancel, progress: &progress };
    let error = run_sweep(&task(), &configuration(), &execution).unwrap_err();
    let Error::Cancelled { finished, total: 8 } = error else { panic!("{error}") };
    // One more run may have ended between the callback and the flag.
    assert!((3..=4).contains(&finished));
    let (resumed, trained) = run(&configuration(), 1, Some(&path));
    assert_eq!((resumed.unwrap().records.len(), trained), (8, 8 - finished));
}

#[test]
fn configurations_that_make_no_sense_are_typed_errors() {
    let check = |change: &dyn Fn(&mut SweepConfiguration), expected: &str| {
        let mut changed = configuration();
        change(&mut changed);
        let error = run(&changed, 1, None).0.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(&|it| it.seeds = vec![1, 2, 1], "seed '1' is there twice");
    check(&|it| it.families.clear(), "family = (none): give at least one");
    check(&|it| it.peak_learning_rates = vec![0.1, 0.10], "peak learning rate '0.1' is there twice");
    check(&|it| it.peak_learning_rates = vec![-0.1], "the peak learning rate is -0.1");
    check(&|it| it.task = "other".to_owned(), "for the task 'other', but 'mnist1d-cnn' was opened");
    check(&|it| it.warmup = 1.0, "the warm-up is 1");
    check(&|it| it.length = Some(Length { epochs: 1, batch_size: 101, points_per_epoch: 1 }), "batch_size = 101");

    let written = serde_json::to_string(&configuration()).unwrap();
    assert_eq!(serde_json::from_str::<SweepConfiguration>(&written).unwrap(), configuration());
    let unknown = written.replace("warmup", "warm_up");
    assert!(serde_json::from_str::<SweepConfiguration>(&unknown).unwrap_err().to_string().contains("warm_up"));
    assert_eq!(task().train_examples(), 100);
}

#[test]
fn schedules_of_any_form_are_configurations_of_their_own() {
    let rising = Schedule::piecewise_linear([(0.0, 0.01), (1.0, 0.05)]).unwrap();
    let falling = Schedule::piecewise_linear([(0.0, 0.05), (1.0, 0.01)]).unwrap();
    let schedules = SweepConfiguration {
        families: Vec::new(),
        peak_learning_rates: Vec::new(),
        schedules: vec![rising.clone(), falling, Schedule::constant(0.02)],
        ..configuration()
    };
    assert_eq!(schedules.runs(), 6);
    let outcome = run(&schedules, 2, None).0.unwrap();
    // The two of the same peak are told apart.
    assert_eq!(outcome.sweep.configurations().len(), 3);
    let rates: Vec<f64> = outcome.sweep.runs[0].learning_rate().iter().map(|rate| rate.unwrap()).collect();
    let steps = outcome.sweep.runs[0].steps().iter();
    let expected: Vec<f64> = steps.map(|&step| rising.at_step(step - 1, 8)).collect();
    assert_eq!(rates, expected);

    let twice = SweepConfiguration { schedules: vec![rising.clone(), rising], ..schedules.clone() };
    assert!(matches!(run(&twice, 1, None).0, Err(Error::Duplicate { what: "schedule", .. })));
    let none = SweepConfiguration { schedules: Vec::new(), ..schedules };
    assert!(run(&none, 1, None).0.unwrap_err().to_string().contains("family"));
}

/// A task whose runs of some seeds break down.
struct Faulty<'a> {
    task: Mnist1dCnn,
    bad: &'a [u64],
}

impl Trainable for Faulty<'_> {
    fn name(&self) -> &str {
        Trainable::name(&self.task)
    }

    fn description(&self) -> String {
        Trainable::description(&self.task)
    }

    fn metric(&self) -> Metric {
        Trainable::metric(&self.task)
    }

    fn default_length(&self) -> Length {
        Trainable::default_length(&self.task)
    }

    fn peak_learning_rates(&self, optimizer: OptimizerKind) -> Vec<f64> {
        Trainable::peak_learning_rates(&self.task, optimizer)
    }

    fn train_examples(&self) -> usize {
        Trainable::train_examples(&self.task)
    }

    fn train(&self, training: &Training<'_>, method: &mut dyn Method) -> Result<RunRecord> {
        if self.bad.contains(&training.seed) {
            return Err(Error::Panicked { run: training.id.to_owned(), reason: "out of memory".to_owned() });
        }
        Trainable::train(&self.task, training, method)
    }
}

#[test]
fn a_run_that_fails_is_named_and_the_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sweep.journal");
    let (whole, _) = run(&configuration(), 2, None);
    let whole = whole.unwrap();
    let cancel = AtomicBool::new(false);
    let execution = Execution { jobs: NonZeroUsize::MIN, journal: Some(&path), cancel: &cancel, progress: &|_| {} };
    let seeds = configuration().seeds;
    let sweep = |bad: &[u64]| run_sweep(&Faulty { task: task(), bad }, &configuration(), &execution);

    let holed = sweep(&seeds[..1]).unwrap();
    let of_seed = |outcome: &SweepOutcome| outcome.records.iter().filter(|record| record.seed == seeds[0]).count();
    assert_eq!(holed.failures.len(), of_seed(&whole));
    assert!(holed.failures.iter().all(|failed| failed.reason.contains("out of memory")), "{:?}", holed.failures);
    assert_eq!((of_seed(&holed), holed.records.len()), (0, whole.records.len() - of_seed(&whole)));
    // The next start trains what is missing, and nothing else.
    assert_eq!(fingerprint(&sweep(&[]).unwrap()), fingerprint(&whole));
    assert!(sweep(&seeds).unwrap().failures.is_empty(), "all is in the journal");

    fs::remove_file(&path).unwrap();
    let error = sweep(&seeds).unwrap_err();
    assert!(matches!(error, Error::Panicked { .. }), "where nothing can be trained, the reason is the error: {error}");
}
