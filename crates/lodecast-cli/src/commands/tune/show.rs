//! `lodecast tune show`: what was asked for and what became of it.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use lodecast::tune::{TrialRecord, TrialStatus, Tuner};

use crate::figures::{is_fraction, metric_value, schedule_in_words};
use crate::output::Output;
use crate::report::Table;

/// Which study.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// File of the study
    #[arg(value_name = "STUDY")]
    study: PathBuf,
}

impl Arguments {
    pub(crate) fn run(&self, output: &mut Output) -> Result<()> {
        let tuner = Tuner::load(&self.study)?;
        if output.wants_json() {
            return output.json(tuner.state());
        }
        let settings = tuner.settings();
        let budget = settings.budget.map_or_else(String::new, |budget| format!(" of {budget}"));
        output.line(format_args!(
            "{}, runs of {} steps, strategy {}, {}{budget} steps spent or on the way",
            settings.metric,
            settings.total_steps,
            settings.strategy,
            tuner.committed()
        ))?;
        let metric = &settings.metric;
        let fraction = is_fraction(metric, tuner.trials().iter().filter_map(TrialRecord::last_value));
        let mut table = Table::new("Trials.", ["trial", "worker", "status", "#steps", "#metric", "rates over the run"]);
        for record in tuner.trials() {
            table.push([
                record.trial.name.clone(),
                record.worker.clone().unwrap_or_default(),
                status(&record.status),
                record.trial.total_steps.to_string(),
                record.last_value().map_or_else(String::new, |value| metric_value(value, fraction)),
                schedule_in_words(&record.trial.schedule),
            ]);
        }
        output.line("")?;
        output.table(&table)
    }
}

/// What became of a trial, in words.
pub(super) fn status(status: &TrialStatus) -> String {
    match status {
        TrialStatus::Running => "running".to_owned(),
        TrialStatus::Finished => "finished".to_owned(),
        TrialStatus::Diverged => "diverged".to_owned(),
        TrialStatus::Stopped => "stopped early".to_owned(),
        TrialStatus::Failed { reason } => format!("failed: {reason}"),
        TrialStatus::Abandoned => "given up".to_owned(),
    }
}
