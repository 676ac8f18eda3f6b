//! Work of the lab that trains many runs, with its progress shown.

use std::path::Path;

use anyhow::Result;
use lodecast_lab::{Execution, Progress, RunRecord};

use crate::interrupt;
use crate::options::jobs::Jobs;
use crate::progress::Phase;

/// Runs or resumes `work` with its journal. As each run ends `latest` says what became of it.
pub(crate) fn with_progress<T>(
    phase: &Phase,
    jobs: Jobs,
    journal: &Path,
    latest: impl Fn(&RunRecord) -> String + Sync,
    work: impl FnOnce(&Execution<'_>) -> lodecast_lab::Result<T>,
) -> Result<T> {
    let progress = |progress: Progress<'_>| phase.at(progress.finished as u64, latest(progress.latest));
    let execution =
        Execution { jobs: jobs.count(), journal: Some(journal), cancel: interrupt::flag()?, progress: &progress };
    Ok(work(&execution)?)
}
