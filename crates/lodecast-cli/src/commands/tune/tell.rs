//! `lodecast tune tell`: what came out of a trial.

use std::path::PathBuf;

use anyhow::Result;
use clap::{ArgGroup, Args};
use lodecast::tune::{Report, TrialRecord, Tuner};

use crate::figures::{is_fraction, metric_value};
use crate::options::sweep::Columns;
use crate::output::Output;

/// Which trial, and what came out of it.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("outcome").required(true))]
pub(crate) struct Arguments {
    /// File of the study
    #[arg(value_name = "STUDY")]
    study: PathBuf,
    /// Name of the trial
    #[arg(value_name = "TRIAL")]
    trial: String,
    /// Final value of the metric; nan if the run diverged
    #[arg(value_name = "VALUE", group = "outcome", allow_hyphen_values = true)]
    value: Option<f64>,
    /// File with the whole run, from which much more is learned: .parquet, .csv or .jsonl
    #[arg(long = "from", value_name = "FILE", group = "outcome")]
    file: Option<PathBuf>,
    /// It could not be trained, and why
    #[arg(long, value_name = "REASON", group = "outcome")]
    failed: Option<String>,
    /// Nobody waits for it any more
    #[arg(long, group = "outcome")]
    abandon: bool,
    /// The run is still under way: this is what it has come to so far
    #[arg(long, requires = "file")]
    so_far: bool,
    #[command(flatten)]
    columns: Columns,
}

impl Arguments {
    pub(crate) fn run(&self, output: &mut Output) -> Result<()> {
        let metric = Tuner::load(&self.study)?.settings().metric.clone();
        let run = self.file.as_deref().map(|path| self.columns.read_run(path, &metric)).transpose()?;
        let record: TrialRecord = Tuner::update(&self.study, |tuner| {
            let trial = &self.trial;
            let report = run.as_ref().map(Report::from).or(self.value.map(Report::Final));
            match (report, &self.failed) {
                (Some(report), _) if self.so_far => tuner.observe(trial, report)?,
                (Some(report), _) => tuner.tell(trial, report)?,
                (None, Some(reason)) => tuner.fail(trial, reason)?,
                (None, None) => tuner.abandon(trial)?,
            }
            let told = tuner.trials().iter().find(|record| record.trial.name == *trial);
            told.cloned()
                .ok_or_else(|| lodecast::tune::TuneError::UnknownTrial { trial: trial.clone(), running: String::new() })
        })?;
        if output.wants_json() {
            return output.json(&serde_json::json!({
                "trial": record.trial.name, "status": record.status, "value": record.last_value(), "steps": record.cost(),
            }));
        }
        let value = record.last_value().map_or_else(String::new, |value| {
            format!(", {} {}", metric.name, metric_value(value, is_fraction(&metric, [value])))
        });
        output.line(format_args!("{}: {}{value}", record.trial.name, super::show::status(&record.status)))
    }
}
