//! A sweep of the lab with its progress shown, and what it came to.

use std::path::Path;

use anyhow::Result;
use lodecast_lab::{FailedRun, RunRecord, SweepConfiguration, SweepOutcome, Trainable, run_sweep};
use serde::Serialize;

use super::estimate;
use super::training::with_progress;
use crate::figures::configuration_label;
use crate::options::jobs::Jobs;
use crate::output::Output;
use crate::progress::Phase;
use crate::report;

/// What a sweep came to, as JSON.
#[derive(Serialize)]
pub(crate) struct Written<'a> {
    file: &'a Path,
    #[serde(skip_serializing_if = "Option::is_none")]
    configuration: Option<&'a SweepConfiguration>,
    runs: usize,
    diverged: usize,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    failed: &'a [FailedRun],
    best_configuration: Option<String>,
    best_mean: Option<f64>,
}

impl<'a> Written<'a> {
    /// What a sweep in `file` came to.
    pub(crate) fn new(
        file: &'a Path,
        configuration: Option<&'a SweepConfiguration>,
        outcome: &'a SweepOutcome,
    ) -> Self {
        let best = outcome.sweep.best_configuration(0);
        Self {
            file,
            configuration,
            runs: outcome.records.len(),
            diverged: diverged(outcome),
            failed: &outcome.failures,
            best_configuration: best.as_ref().map(|best| best.0.clone()),
            best_mean: best.as_ref().map(|best| best.1),
        }
    }
}

/// Runs or resumes a sweep with its progress shown under `name`.
pub(crate) fn sweep(
    name: &'static str,
    task: &dyn Trainable,
    configuration: &SweepConfiguration,
    journal: &Path,
    jobs: Jobs,
    output: &mut Output,
) -> Result<SweepOutcome> {
    let total = configuration.runs();
    estimate::announce(task, configuration.optimizer, configuration.length, total, jobs, journal, output);
    let phase = Phase::start(name, total as u64, output);
    let metric = task.metric();
    let latest = |record: &RunRecord| {
        format!("{}: {} {}", record.run.id, metric.name, report::significant(record.test_metric, 3))
    };
    let outcome = with_progress(&phase, jobs, journal, latest, |execution| run_sweep(task, configuration, execution))?;
    phase.done(output, summary(&outcome));
    warn_of_failures(&outcome, output);
    Ok(outcome)
}

/// A sweep with holes is still one, but nobody should take it for whole.
fn warn_of_failures(outcome: &SweepOutcome, output: &mut Output) {
    const SHOWN: usize = 5;
    for failed in outcome.failures.iter().take(SHOWN) {
        output.warn(format_args!("run '{}' failed and is left out: {}", failed.run, failed.reason));
    }
    if outcome.failures.len() > SHOWN {
        output.warn(format_args!("{} more runs failed and are left out", outcome.failures.len() - SHOWN));
    }
    if !outcome.failures.is_empty() {
        output.say("the same command tries the failed runs again");
    }
}

fn diverged(outcome: &SweepOutcome) -> usize {
    outcome.records.iter().filter(|record| record.diverged_at.is_some()).count()
}

/// What a sweep came to, in words.
pub(crate) fn summary(outcome: &SweepOutcome) -> String {
    let (sweep, diverged) = (&outcome.sweep, diverged(outcome));
    let configurations = sweep.configurations().len();
    let runs = format!("{} runs of {configurations} configurations", sweep.runs.len());
    let diverged = if diverged > 0 { format!(", {diverged} diverged") } else { String::new() };
    let best = sweep.best_configuration(0).map_or_else(String::new, |(_, mean, indices)| {
        let best = configuration_label(&sweep.runs[indices[0]]);
        format!("; best: {best}, mean {} {}", sweep.metrics[0].name, report::significant(mean, 4))
    });
    runs + &diverged + &best
}
