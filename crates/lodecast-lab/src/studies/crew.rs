//! Trainings side by side: one thread a run, one run a core.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use serde::Serialize;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::run::record::RunRecord;
use crate::studies::journal::Journal;

/// How far a sweep or comparison has come; given to the progress callback after each run.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// Runs finished, those found in the journal included.
    pub finished: usize,
    /// Runs asked for.
    pub total: usize,
    /// The run that has just finished.
    pub latest: &'a RunRecord,
}

/// How to work through many runs.
#[derive(Clone, Copy)]
pub struct Execution<'a> {
    /// Runs in flight at a time. Results do not depend on it.
    pub jobs: NonZeroUsize,
    /// Where finished runs are written down, and from where an earlier start is resumed.
    pub journal: Option<&'a Path>,
    /// Stops the work, runs in flight included, once it is true.
    pub cancel: &'a AtomicBool,
    /// Called after each run, on the thread that started the work.
    pub progress: &'a dyn Fn(Progress<'_>),
}

impl Execution<'_> {
    /// As many runs in flight as the machine has cores.
    pub fn all_cores() -> NonZeroUsize {
        thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
    }
}

/// A run that could not be trained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailedRun {
    /// Identity of the run.
    pub run: String,
    /// What went wrong.
    pub reason: String,
}

/// What became of many runs.
pub(crate) struct Work {
    /// A record for each run in the order asked for; `None` of one that failed.
    pub records: Vec<Option<RunRecord>>,
    /// Those that failed, in the order in which they did.
    pub failures: Vec<FailedRun>,
}

/// What tells one run from all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunId {
    /// The run's own identity.
    pub id: String,
    /// What else decided its outcome; a run that the journal holds under another one is made again.
    pub fingerprint: String,
}

impl RunId {
    /// A run that its identity says everything about.
    pub(crate) fn plain(id: String) -> Self {
        Self { id, fingerprint: String::new() }
    }
}

/// After so many failures without a single success the rest is not tried: what they have in common is at fault.
const HOPELESS: usize = 3;

/// Makes one record for each of the `ids`, in their order, by calling `work` with an id's index.
///
/// Runs that the journal already holds are not made again. A run that fails does not keep the others from being made.
///
/// # Errors
/// If the journal cannot be used, the work is cancelled, or no run succeeds.
pub(crate) fn run_all(
    ids: &[RunId],
    configuration: &Value,
    execution: &Execution<'_>,
    work: impl Fn(usize) -> Result<RunRecord> + Sync,
) -> Result<Work> {
    let mut records: Vec<Option<RunRecord>> = vec![None; ids.len()];
    let mut journal = None;
    if let Some(path) = execution.journal {
        let (opened, found) = Journal::open(path, configuration)?;
        journal = Some(opened);
        for record in found {
            let known = |id: &RunId| id.id == record.run.id && id.fingerprint == record.fingerprint;
            if let Some(index) = ids.iter().position(known) {
                records[index] = Some(record);
            }
        }
    }
    let missing: Vec<usize> = (0..ids.len()).filter(|&index| records[index].is_none()).collect();
    let mut finished = ids.len() - missing.len();

    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let stopped = || stop.load(Ordering::Relaxed) || execution.cancel.load(Ordering::Relaxed);
    let (sender, receiver) = mpsc::channel();
    let mut failures = Vec::new();
    let mut fatal = None;
    let mut first = None;
    thread::scope(|scope| {
        for _ in 0..execution.jobs.get().min(missing.len()) {
            let sender = sender.clone();
            let (missing, next, work, stopped) = (&missing, &next, &work, &stopped);
            scope.spawn(move || {
                while !stopped() {
                    let Some(&index) = missing.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
                    if sender.send((index, work(index))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        for (index, outcome) in receiver {
            match outcome {
                Ok(record) => {
                    if let Err(error) = journal.as_mut().map_or(Ok(()), |journal| journal.append(&record)) {
                        // The others end once they see the flag; what they finish by then is written down if it can be.
                        stop.store(true, Ordering::Relaxed);
                        fatal.get_or_insert(error);
                        continue;
                    }
                    finished += 1;
                    (execution.progress)(Progress { finished, total: ids.len(), latest: &record });
                    records[index] = Some(record);
                }
                Err(Error::Cancelled { .. }) => stop.store(true, Ordering::Relaxed),
                Err(error) => {
                    failures.push(FailedRun { run: ids[index].id.clone(), reason: error.to_string() });
                    first.get_or_insert(error);
                    if finished == 0 && failures.len() >= HOPELESS {
                        stop.store(true, Ordering::Relaxed);
                    }
                }
            }
        }
    });
    if let Some(error) = fatal {
        return Err(error);
    }
    match first {
        // Nothing came of it: the reason says more than a list.
        Some(error) if finished == 0 => Err(error),
        _ if finished + failures.len() < ids.len() => Err(Error::Cancelled { finished, total: ids.len() }),
        _ => Ok(Work { records, failures }),
    }
}
