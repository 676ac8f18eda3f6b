//! Runs of a contest: each trained once, whoever asks for it, and kept in the journal.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use lodecast::{Run, Schedule};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::optimizers::OptimizerKind;
use crate::optimizers::UpdateRule;
use crate::run::length::Length;
use crate::run::method::FixedSchedule;
use crate::run::record::RunRecord;
use crate::run::train::{Trainable, Training};
use crate::studies::crew::{Execution, Progress};
use crate::studies::journal::Journal;

/// A run that is asked for.
pub(super) struct Wanted {
    pub(super) schedule: Schedule,
    pub(super) rule: UpdateRule,
    pub(super) length: Length,
    pub(super) seed: u64,
}

impl Wanted {
    /// Its name, the same in every contest.
    fn id(&self, optimizer: OptimizerKind) -> String {
        let id = format!("{} {} epochs seed {}", self.schedule.fingerprint(), self.length.epochs, self.seed);
        match self.rule {
            UpdateRule::Optimizer => id,
            rule => format!("{} {id}", rule.name(optimizer)),
        }
    }
}

/// How much of a run is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// Its curves, from which a search learns.
    Curves,
    /// Its final values.
    Ends,
}

/// All runs so far.
pub(super) struct Store<'a> {
    task: &'a dyn Trainable,
    optimizer: OptimizerKind,
    cancel: &'a AtomicBool,
    runs: Mutex<Runs>,
    /// For those who wait for a run that somebody else trains.
    finished: Condvar,
}

struct Runs {
    journal: Option<Journal>,
    known: HashMap<String, RunRecord>,
    /// Those that are being trained.
    under_way: HashSet<String>,
}

/// A run that is being trained, until this is dropped: nobody else begins it.
struct UnderWay<'a> {
    store: &'a Store<'a>,
    id: &'a str,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.store.runs().under_way.remove(self.id);
        self.store.finished.notify_all();
    }
}

/// One who takes runs from the store, or trains what it lacks.
pub(super) struct Worker<'a> {
    store: &'a Store<'a>,
    news: Sender<RunRecord>,
}

impl Worker<'_> {
    pub(super) fn task(&self) -> &dyn Trainable {
        self.store.task
    }

    /// The run asked for, from the journal or trained now.
    pub(super) fn run(&self, wanted: &Wanted, kept: Kept) -> Result<RunRecord> {
        let Wanted { schedule, rule, length, seed } = wanted;
        let Store { task, optimizer, cancel, .. } = *self.store;
        let id = wanted.id(optimizer);
        let mut runs = self.store.runs();
        loop {
            let known = runs.known.get(&id);
            if let Some(record) = known.filter(|record| kept == Kept::Ends || !record.run.is_empty()) {
                return Ok(record.clone());
            }
            if runs.under_way.insert(id.clone()) {
                break;
            }
            runs = self.store.finished.wait(runs).unwrap_or_else(PoisonError::into_inner);
        }
        drop(runs);
        let _under_way = UnderWay { store: self.store, id: &id };
        let total_steps = length.total_steps(task.train_examples());
        let training =
            Training { id: &id, optimizer, seed: *seed, length: *length, sharpness: None, cancel: Some(cancel) };
        let method = FixedSchedule::new(schedule.clone(), total_steps)?;
        let mut record = task.train(&training, &mut method.with_update_rule(*rule))?;
        record.fingerprint = serde_json::to_string(schedule)?;
        if kept == Kept::Ends {
            record.run = Run::new(&id, record.run.metrics()).with_attributes(record.run.attributes.clone());
        }
        let mut runs = self.store.runs();
        if let Some(journal) = &mut runs.journal {
            journal.append(&record)?;
        }
        runs.known.insert(id.clone(), record.clone());
        drop(runs);
        // Nobody listens any more when the work is being given up.
        let _ = self.news.send(record.clone());
        Ok(record)
    }
}

impl<'a> Store<'a> {
    /// Opens the journal.
    pub(super) fn open(
        task: &'a dyn Trainable,
        optimizer: OptimizerKind,
        configuration: &Value,
        execution: &Execution<'a>,
    ) -> Result<Self> {
        let (journal, records) = match execution.journal {
            Some(path) => {
                let (journal, records) = Journal::open(path, configuration)?;
                (Some(journal), records)
            }
            None => (None, Vec::new()),
        };
        let known = records.into_iter().map(|record| (record.run.id.clone(), record)).collect();
        Ok(Self {
            task,
            optimizer,
            cancel: execution.cancel,
            runs: Mutex::new(Runs { journal, known, under_way: HashSet::new() }),
            finished: Condvar::new(),
        })
    }

    /// Calls `work` with each of `units`, as many at a time as there are jobs; results in the order of the units. `total` is how
    /// many runs there may be in all.
    pub(super) fn work_through<'s, T: Sync, R: Send>(
        &'s self,
        execution: &Execution<'_>,
        total: usize,
        units: &[T],
        work: impl Fn(&Worker<'s>, &T) -> Result<R> + Sync,
    ) -> Result<Vec<R>> {
        let next = AtomicUsize::new(0);
        let failed = AtomicBool::new(false);
        let results: Mutex<Vec<Option<Result<R>>>> = Mutex::new(units.iter().map(|_| None).collect());
        let (news, heard) = mpsc::channel();
        thread::scope(|scope| {
            for _ in 0..execution.jobs.get().min(units.len()) {
                let worker = Worker { store: self, news: news.clone() };
                let (next, failed, results, work) = (&next, &failed, &results, &work);
                scope.spawn(move || {
                    while !failed.load(Ordering::Relaxed) && !self.cancel.load(Ordering::Relaxed) {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some(unit) = units.get(index) else { break };
                        let result = work(&worker, unit);
                        failed.fetch_or(result.is_err(), Ordering::Relaxed);
                        results.lock().unwrap_or_else(PoisonError::into_inner)[index] = Some(result);
                    }
                });
            }
            drop(news);
            for latest in heard {
                let finished = self.runs().known.len().min(total);
                (execution.progress)(Progress { finished, total, latest: &latest });
            }
        });
        let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        let finished = results.iter().flatten().filter(|result| result.is_ok()).count();
        let mut whole = Vec::with_capacity(units.len());
        for result in results.into_iter().flatten() {
            whole.push(result?);
        }
        if whole.len() < units.len() { Err(Error::Cancelled { finished, total: units.len() }) } else { Ok(whole) }
    }

    fn runs(&self) -> MutexGuard<'_, Runs> {
        // A panic elsewhere leaves whole entries behind.
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
