//! Comparisons: paired seeds, a table that can be checked by hand, a journal.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use lodecast::{Point, Schedule};
use lodecast_lab::statistics::mean;
use lodecast_lab::tasks::{Mnist1dCnn, Mnist1dSizes};
use lodecast_lab::{
    Comparison, ComparisonConfiguration, Contender, Device, Error, Execution, FixedSchedule, Length, Method,
    OptimizerKind, Result, Sharpness, compare,
};

fn configuration() -> ComparisonConfiguration {
    ComparisonConfiguration {
        task: "mnist1d-cnn".to_owned(),
        optimizer: OptimizerKind::Adam,
        seeds: vec![101, 102, 103, 104],
        reference: "good".to_owned(),
        sharpness: Some(Sharpness { examples: 50, iterations: 4, ..Sharpness::default() }),
        length: Some(Length { epochs: 4, batch_size: 25, points_per_epoch: 2 }),
    }
}

fn fixed(name: &str, schedule: Schedule) -> Contender<'static> {
    Contender {
        name: name.to_owned(),
        fingerprint: schedule.describe(),
        factory: Box::new(move |_, total_steps| Ok(Box::new(FixedSchedule::new(schedule.clone(), total_steps)?))),
    }
}

/// Takes its time over every point.
struct Slow(FixedSchedule);

impl Method for Slow {
    fn name(&self) -> String {
        "slow".to_owned()
    }

    fn learning_rate(&mut self, step: u64) -> f64 {
        self.0.learning_rate(step)
    }

    fn observe(&mut self, _point: &Point) -> lodecast::Result<()> {
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(5) {}
        Ok(())
    }
}

fn contenders() -> Vec<Contender<'static>> {
    let slow = Contender {
        name: "same, but slow".to_owned(),
        fingerprint: String::new(),
        factory: Box::new(|_, steps| Ok(Box::new(Slow(FixedSchedule::new(Schedule::one_cycle(0.02), steps)?)))),
    };
    vec![fixed("useless", Schedule::constant(1e-9)), fixed("good", Schedule::one_cycle(0.02)), slow]
}

fn task() -> Mnist1dCnn {
    let sizes = Mnist1dSizes { train: 500, validation: 100, test: 200, ..Mnist1dSizes::default() };
    Mnist1dCnn::new(sizes, &Device::flex()).unwrap()
}

fn run(
    configuration: &ComparisonConfiguration,
    contenders: &[Contender<'_>],
    journal: Option<&Path>,
) -> (Result<Comparison>, usize) {
    let task = task();
    let (cancel, trained) = (AtomicBool::new(false), AtomicUsize::new(0));
    let progress = |_: lodecast_lab::Progress<'_>| {
        trained.fetch_add(1, Ordering::Relaxed);
    };
    let jobs = NonZeroUsize::new(2).unwrap();
    let execution = Execution { jobs, journal, cancel: &cancel, progress: &progress };
    let outcome = compare(&task, configuration, contenders, &execution);
    (outcome, trained.load(Ordering::Relaxed))
}

#[test]
fn the_table_is_what_the_runs_say() {
    let comparison = run(&configuration(), &contenders(), None).0.unwrap();
    let [useless, good, slow] = &comparison.rows[..] else { panic!("three rows") };
    let finals: Vec<Vec<f64>> =
        comparison.records.chunks(4).map(|records| records.iter().map(|record| record.test_metric).collect()).collect();
    assert_eq!(useless.mean, mean(&finals[0]));
    assert_eq!(good.mean, mean(&finals[1]));
    assert!(good.lowest <= good.median && good.median <= good.highest);
    assert!(good.mean > useless.mean + 0.1, "{} {}", good.mean, useless.mean);
    assert!(good.loss < useless.loss);
    assert_eq!(good.difference, None);

    let difference = useless.difference.unwrap();
    assert!((difference.mean - (useless.mean - good.mean)).abs() < 1e-12);
    assert_eq!((difference.won, difference.tied, difference.lost), (0, 0, 4));
    assert!(difference.t_test_p.unwrap() < 0.05);
    assert_eq!(difference.holm_p, difference.t_test_p, "the other test is undecidable and does not count");
    assert_eq!(difference.wilcoxon_p, Some(0.125), "the smallest there is with four seeds");

    // Same schedule, same seeds: the runs are the same, only slower.
    let difference = slow.difference.unwrap();
    assert_eq!((difference.mean, difference.tied, difference.t_test_p), (0.0, 4, None));
    assert_eq!(comparison.records[4].run.train_loss(), comparison.records[8].run.train_loss());
    let (slow_seconds, good_seconds) =
        (slow.scheduler_overhead * slow.wall_seconds, good.scheduler_overhead * good.wall_seconds);
    assert!(slow_seconds > 8.0 * 0.005 && good_seconds < 0.01, "{slow_seconds} {good_seconds}");
    assert_eq!(comparison.records[8].method, "same, but slow");
    assert_eq!(comparison.records[8].run.id, "same, but slow seed 101");

    for row in &comparison.rows {
        let runs: Vec<f64> =
            comparison.records.iter().filter(|run| run.method == row.method).map(|run| run.sharpness[0]).collect();
        assert_eq!((row.sharpness, runs.len()), (Some(mean(&runs)), 4));
    }

    let written = serde_json::to_string(&comparison).unwrap();
    assert_eq!(serde_json::from_str::<Comparison>(&written).unwrap(), comparison);
}

#[test]
fn a_stopped_comparison_has_every_method_on_the_seeds_it_got_to() {
    let task = task();
    let (cancel, finished) = (AtomicBool::new(false), std::cell::RefCell::new(Vec::new()));
    let progress = |progress: lodecast_lab::Progress<'_>| {
        finished.borrow_mut().push(progress.latest.run.id.clone());
        cancel.store(progress.finished == 4, Ordering::Relaxed);
    };
    let execution = Execution { jobs: NonZeroUsize::MIN, journal: None, cancel: &cancel, progress: &progress };
    let contenders = [fixed("good", Schedule::one_cycle(0.02)), fixed("other", Schedule::constant(0.01))];
    let outcome = compare(&task, &configuration(), &contenders, &execution);
    assert!(matches!(outcome, Err(Error::Cancelled { .. })));
    let [a, b] = [configuration().seeds[0], configuration().seeds[1]];
    let expected =
        [("good", a), ("other", a), ("good", b), ("other", b)].map(|(name, seed)| format!("{name} seed {seed}"));
    assert_eq!(*finished.borrow(), expected);
}

#[test]
fn resumes_is_extended_and_trains_anew_what_has_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("comparison.journal");
    let small = ComparisonConfiguration { seeds: vec![1, 2], ..configuration() };
    let methods = |peak| vec![fixed("good", Schedule::cosine(peak)), fixed("other", Schedule::constant(0.01))];
    let (whole, trained) = run(&small, &methods(0.01), Some(&path));
    assert_eq!(trained, 4);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 10]).unwrap();
    let (resumed, trained) = run(&small, &methods(0.01), Some(&path));
    assert_eq!(trained, 1);
    let finals = |comparison: &Comparison| -> Vec<f64> { comparison.rows.iter().map(|row| row.mean).collect() };
    assert_eq!(finals(&resumed.unwrap()), finals(&whole.unwrap()));

    // One more method and one more seed: only what is new is trained.
    let more = ComparisonConfiguration { seeds: vec![1, 2, 3], ..small.clone() };
    let mut extended = methods(0.01);
    extended.push(fixed("third", Schedule::one_cycle(0.01)));
    let (extended, trained) = run(&more, &extended, Some(&path));
    assert_eq!((trained, extended.unwrap().rows.len()), (2 + 3, 3));
    // A method that is no longer the same is trained again, and only that one.
    let (changed, trained) = run(&small, &methods(0.02), Some(&path));
    assert_eq!(trained, 2);
    assert!(finals(&changed.unwrap())[0] > 0.0);
    let other = ComparisonConfiguration { sharpness: None, ..small };
    let error = run(&other, &methods(0.01), Some(&path)).0.unwrap_err();
    assert!(matches!(error, Error::JournalConfiguration { .. }), "{error}");
}

#[test]
fn comparisons_that_make_no_sense_are_typed_errors() {
    let unknown = ComparisonConfiguration { reference: "best".to_owned(), ..configuration() };
    let error = run(&unknown, &contenders(), None).0.unwrap_err().to_string();
    assert_eq!(error, "the reference 'best' is not among the methods; choose one of useless, good, same, but slow");
    let twice = vec![fixed("good", Schedule::constant(0.1)), fixed("good", Schedule::constant(0.2))];
    let error = run(&configuration(), &twice, None).0.unwrap_err().to_string();
    assert_eq!(error, "method 'good' is there twice: keep one of them");
    let broken = Contender {
        name: "good".to_owned(),
        fingerprint: String::new(),
        factory: Box::new(|_, _| Err(lodecast::Error::Interrupted)),
    };
    assert!(matches!(run(&configuration(), &[broken], None).0.unwrap_err(), Error::Engine(_)));
}
