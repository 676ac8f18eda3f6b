//! Options that say which run to look at, and how much of it has been seen.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use lodecast::{Metric, Point, Run};

use crate::failure::failure;
use crate::options::fraction::fraction;
use crate::options::sweep::Columns;

/// A run file, and how much of it counts as seen.
#[derive(Args, Clone, Debug)]
pub(crate) struct RunInput {
    /// File of the one run: .parquet, .csv or .jsonl
    #[arg(value_name = "RUN")]
    pub path: PathBuf,
    /// Planned length of the run, if the file does not say it
    #[arg(long, value_name = "STEPS")]
    pub total_steps: Option<u64>,
    /// Look only at this first part of the run, as if it had come no further
    #[arg(long, value_name = "FRACTION", value_parser = fraction)]
    pub observed: Option<f64>,
    #[command(flatten)]
    pub columns: Columns,
}

/// A run under way.
pub(crate) struct ObservedRun {
    /// All of it, also what was not to be looked at.
    pub run: Run,
    /// The points that were seen.
    pub observed: Vec<Point>,
    /// Planned length in steps.
    pub total_steps: u64,
    /// How far it has come, as a fraction.
    pub now: f64,
}

impl RunInput {
    /// Reads the run for a model that goes by `metric`.
    pub(crate) fn read(&self, metric: &Metric) -> Result<ObservedRun> {
        let mut run = self.columns.read_run(&self.path, metric)?;
        let Some(total_steps) = self.total_steps.or(run.attributes.total_steps) else {
            return Err(failure(
                format!("{} does not say how long the run is planned to be", self.path.display()),
                "give the planned number of optimizer steps with --total-steps",
            ));
        };
        run.attributes.total_steps = Some(total_steps);
        let until = self.observed.map_or(u64::MAX, |observed| (observed * total_steps as f64).floor() as u64);
        let observed: Vec<Point> = run.points(0).filter(|point| point.step <= until).collect();
        let now = observed.last().map_or(0.0, |point| point.step as f64 / total_steps as f64);
        if now >= 1.0 {
            return Err(failure(
                format!(
                    "run '{}' is over: its last step is {}, planned are {total_steps}",
                    run.id,
                    run.steps()[run.len() - 1]
                ),
                "look at its first part only with --observed 0.25, or give a longer --total-steps",
            ));
        }
        Ok(ObservedRun { run, observed, total_steps, now })
    }
}
