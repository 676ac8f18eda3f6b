//! A contest on a toy that trains in no time: what is trained, and that nothing is trained twice.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use lodecast::{Direction, Run};

use super::*;
use crate::optimizers::OptimizerKind;
use crate::optimizers::UpdateRule;
use crate::run::length::Length;
use crate::run::method::Method;
use crate::run::record::RunRecord;
use crate::run::train::Training;

/// Descent with noise that follows the rate, and a little luck. A rate above 2 is lost.
#[derive(Default)]
struct Toy {
    /// Seeds of the runs that were trained.
    trained: Mutex<Vec<u64>>,
    /// How many of them brought an update rule along, and their rates.
    by_rule: Mutex<Vec<f64>>,
    /// How long a run takes.
    pause: Duration,
}

impl Trainable for Toy {
    fn name(&self) -> &'static str {
        "toy"
    }

    fn description(&self) -> String {
        "for tests".to_owned()
    }

    fn metric(&self) -> Metric {
        Metric::new("val_loss", Direction::Min)
    }

    fn default_length(&self) -> Length {
        Length { epochs: 10, batch_size: 1, points_per_epoch: 2 }
    }

    fn peak_learning_rates(&self, _: OptimizerKind) -> Vec<f64> {
        vec![0.1]
    }

    fn train_examples(&self) -> usize {
        20
    }

    fn train(&self, training: &Training<'_>, method: &mut dyn Method) -> Result<RunRecord> {
        self.trained.lock().expect("no panics").push(training.seed);
        std::thread::sleep(self.pause);
        if let UpdateRule::ScheduleFree(_) = method.update_rule() {
            self.by_rule.lock().expect("no panics").push(method.learning_rate(100));
        }
        let steps = training.length.total_steps(self.train_examples());
        let luck = 0.01 * ((training.seed as f64 * 0.618_034).fract() - 0.5);
        let (mut trained, mut noise, mut loss, mut diverged_at) = (0.0, 0.0, 2.3, None);
        let mut run = Run::new(training.id, 1);
        for step in 1..=steps {
            let rate = method.learning_rate(step - 1);
            trained += rate;
            noise += 0.2 * (rate - noise);
            loss = 0.1 + 2.2 / (1.0 + trained).sqrt() + 0.5 * noise + luck;
            if rate > 2.0 {
                (loss, diverged_at) = (f64::NAN, Some(step));
            }
            if step % 10 == 0 || diverged_at.is_some() {
                run.push(step, Some(loss), Some(rate), &[Some(loss)])?;
            }
            if diverged_at.is_some() {
                break;
            }
        }
        run.attributes.total_steps = Some(steps);
        Ok(RunRecord {
            task: "toy".to_owned(),
            method: method.name(),
            seed: training.seed,
            metric: self.metric(),
            run,
            diverged_at,
            test_metric: loss,
            test_loss: loss,
            wall_seconds: 0.0,
            scheduler_seconds: 0.0,
            notes: Vec::new(),
            sharpness: Vec::new(),
            sharpness_seconds: 0.0,
            fingerprint: String::new(),
        })
    }
}

fn configuration() -> ContestConfiguration {
    serde_json::from_str(
        r#"{"task": "toy", "optimizer": "sgd", "peaks": [0.02, 4.0], "budgets": [8, 14], "pipelines": 2, "seeds": 3,
            "searches": ["random", "tpe"], "picks": ["best-run", "ours", "confirmed"]}"#,
    )
    .expect("a configuration")
}

fn held(task: &Toy, configuration: &ContestConfiguration, journal: Option<&Path>) -> Contest {
    let execution = Execution {
        jobs: NonZeroUsize::new(2).expect("two"),
        journal,
        cancel: &AtomicBool::new(false),
        progress: &|_| {},
    };
    contest(task, configuration, &execution).expect("sound")
}

#[test]
fn a_contest_is_made_again_from_its_journal_without_training() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = folder.path().join("contest.journal");
    let (first, second) = (Toy::default(), Toy::default());
    let outcome = held(&first, &configuration(), Some(&journal));
    assert!(!first.trained.lock().expect("no panics").is_empty());
    assert_eq!(format!("{:?}", held(&second, &configuration(), Some(&journal))), format!("{outcome:?}"));
    assert_eq!(*second.trained.lock().expect("no panics"), Vec::<u64>::new());
    // Nor does it depend on the journal, or on what was asked for before.
    assert_eq!(format!("{:?}", held(&Toy::default(), &configuration(), None)), format!("{outcome:?}"));
    let more = ContestConfiguration { pipelines: 3, ..configuration() };
    held(&second, &more, Some(&journal));
    assert!(second.trained.lock().expect("no panics").iter().all(|seed| *seed >= 2 * SEEDS), "only the third pipeline");
}

#[test]
fn what_several_want_at_the_same_time_is_trained_once() {
    let task = Toy { pause: Duration::from_millis(20), ..Toy::default() };
    let execution = Execution {
        jobs: NonZeroUsize::new(4).expect("four"),
        journal: None,
        cancel: &AtomicBool::new(false),
        progress: &|_| {},
    };
    let store = Store::open(&task, OptimizerKind::Sgd, &json!({}), &execution).expect("no journal");
    let wanted = |seed| Wanted {
        schedule: lodecast::Schedule::constant(0.1),
        rule: UpdateRule::Optimizer,
        length: task.default_length(),
        seed,
    };
    let units: Vec<Wanted> = [1, 1, 1, 1, 2, 2, 1, 2].map(wanted).into();
    let records = store.work_through(&execution, 8, &units, |worker, wanted| worker.run(wanted, Kept::Ends));
    assert_eq!(records.expect("sound").len(), 8);
    let mut trained = task.trained.lock().expect("no panics").clone();
    trained.sort_unstable();
    assert_eq!(trained, [1, 2]);
}

#[test]
fn rivals_are_tuned_with_as_many_runs_and_train_by_their_own_rule() {
    let configuration: ContestConfiguration = serde_json::from_str(
        r#"{"task": "toy", "optimizer": "sgd", "peaks": [0.02, 0.1], "budgets": [4, 8], "pipelines": 2, "seeds": 3,
            "searches": ["warmup-stable-decay", "schedule-free"], "picks": ["best-run"]}"#,
    )
    .expect("a configuration");
    let folder = tempfile::tempdir().expect("a folder");
    let journal = folder.path().join("contest.journal");
    let task = Toy::default();
    held(&task, &configuration, Some(&journal));
    let rates = task.by_rule.lock().expect("no panics").clone();
    let runs = task.trained.lock().expect("no panics").len();
    // Eight runs a pipeline of each search and, of a pick at each budget, those that were not yet there, under three seeds.
    assert!((2 * (8 + 3)..=2 * (8 + 6)).contains(&rates.len()), "{}", rates.len());
    assert!((2 * (8 + 3)..=2 * (8 + 6)).contains(&(runs - rates.len())), "{runs}");
    assert!(rates.iter().all(|rate| (0.2..=2.0).contains(rate)), "{rates:?}");
    let again = Toy::default();
    held(&again, &configuration, Some(&journal));
    assert_eq!(*again.trained.lock().expect("no panics"), Vec::<u64>::new());
}

#[test]
fn what_is_confirmed_is_paid_for() {
    let task = Toy::default();
    let outcome = held(&task, &configuration(), None);
    assert_eq!(outcome.rows.len(), 2 * 2 * 3);
    assert_eq!(outcome.total_steps, 200);
    let trained = task.trained.lock().expect("no panics");
    let of = |from: u64, to: u64| trained.iter().filter(|seed| (from..to).contains(&(**seed % SEEDS))).count();
    // Up to ten trials are the same for both searches; some steps more are bought by runs that diverged.
    let searched = of(0, SEEDS / 4);
    assert!((2 * (14 + 4)..2 * (14 + 4) + 12).contains(&searched), "{searched}");
    // Of 8 runs two confirm, of 14 three; finalists may be those of another search or budget.
    let confirmed = of(SEEDS / 4, SEEDS / 2);
    assert!((4..=2 * 2 * (2 + 3)).contains(&confirmed), "{confirmed}");
    // Every pick under three seeds.
    let picked = of(SEEDS / 2, SEEDS);
    assert!(picked % 3 == 0 && picked <= 12 * 2 * 3, "{picked}");
    // Searches that are the same so far take the same.
    let row = |search: &str, pick: &str| {
        let mut rows = outcome.rows.iter();
        rows.find(|row| row.search == search && row.pick == pick && row.budget == 8).expect("there").finals.clone()
    };
    for pick in ["best-run", "ours", "confirmed"] {
        assert_eq!(row("random", pick), row("tpe", pick), "ten trials of tpe are random");
    }
}
