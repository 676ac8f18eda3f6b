//! What the columns of a sweep or a run mean, and reading either from its files.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use clap::Args;
use lodecast::{Metric, Run, Sweep};
use lodecast_sweep_file::{ReadOptions, ReadReport, files_in, read_live, read_with_report};

use crate::output::Output;

/// Heading of these options in help texts.
const HEADING: &str = "Columns (only needed for files that lodecast did not write)";

/// What the columns of a sweep file mean, where the file does not say so itself.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Columns {
    /// Validation metric and its better direction; the first one given is the one to go by
    #[arg(long = "val", value_name = "NAME:max|min", help_heading = HEADING)]
    pub metrics: Vec<Metric>,
    /// Column of the run id
    #[arg(id = "run_column", long = "run", value_name = "COLUMN", help_heading = HEADING)]
    pub run: Option<String>,
    /// Column of the optimizer step
    #[arg(long, value_name = "COLUMN", help_heading = HEADING)]
    pub step: Option<String>,
    /// Column of the train loss
    #[arg(long, value_name = "COLUMN", help_heading = HEADING)]
    pub loss: Option<String>,
    /// Column of the learning rate
    #[arg(long, value_name = "COLUMN", help_heading = HEADING)]
    pub lr: Option<String>,
}

impl Columns {
    fn options(&self) -> ReadOptions {
        let mut options = ReadOptions::with_metrics(self.metrics.iter().cloned());
        options.run_id.clone_from(&self.run);
        options.step.clone_from(&self.step);
        options.train_loss.clone_from(&self.loss);
        options.learning_rate.clone_from(&self.lr);
        options
    }

    /// Reads a sweep, a file or a folder of them, and says what was left unused.
    pub(crate) fn read_sweep(&self, path: &Path, output: &mut Output) -> Result<Sweep> {
        let options = self.options();
        let parts = if path.is_dir() {
            files_in(path)?.iter().map(|file| read_live(file, &options)).collect::<Result<_, _>>()?
        } else {
            vec![read_with_report(path, &options)?]
        };
        let (sweeps, reports): (Vec<Sweep>, Vec<ReadReport>) = parts.into_iter().unzip();
        let ignored: BTreeSet<String> = reports.into_iter().flat_map(|report| report.ignored_columns).collect();
        if !ignored.is_empty() {
            let ignored = ignored.into_iter().collect::<Vec<_>>().join(", ");
            output.say(format_args!("{}: columns not used: {ignored}", path.display()));
        }
        Ok(Sweep::join(sweeps)?)
    }

    /// Reads the one run of a file, with the metric that a model goes by as its only validation column.
    pub(crate) fn read_run(&self, path: &Path, metric: &Metric) -> Result<Run> {
        let mut options = self.options();
        options.metrics = vec![self.metrics.first().cloned().unwrap_or_else(|| metric.clone())];
        Ok(lodecast_sweep_file::read_run(path, &options)?)
    }
}
