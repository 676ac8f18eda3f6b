//! `lodecast lab run`: train one run.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use lodecast::{Family, Schedule};
use lodecast_lab::{RunConfiguration, run_one};

use super::lab_sweep::read_configuration;
use crate::lab_setup::Setup;
use crate::output::Output;
use crate::report::{Table, learning_rate, significant};
use crate::whole_file;

/// What to train, and where to write what came of it.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// File to write the run into, as JSON, once it is finished; 'lodecast lab gather' makes a sweep of several
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    run: RunOptions,
}

/// What to train.
#[derive(Args, Debug)]
pub(crate) struct RunOptions {
    /// Everything below as JSON, instead of options
    #[arg(long, value_name = "FILE", conflicts_with_all = ["task", "scale", "data", "device", "optimizer", "epochs", "batch_size", "points_per_epoch", "family", "peak", "warmup", "seed"])]
    config: Option<PathBuf>,
    #[command(flatten)]
    setup: Setup,
    /// Schedule family
    #[arg(long, default_value = "cosine")]
    family: Family,
    /// Peak learning rate
    #[arg(long, default_value_t = 0.05, value_name = "RATE")]
    peak: f64,
    /// Fraction of the run in which the rate rises linearly first
    #[arg(long, default_value_t = 0.0, value_name = "FRACTION")]
    warmup: f64,
    /// Seed of the first weights and of the order of the examples
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

impl Arguments {
    pub(crate) fn run(&self, output: &mut Output) -> Result<()> {
        let record = run_one(&self.run.configuration()?)?;
        if let Some(path) = &self.out {
            whole_file::write_text(path, &serde_json::to_string(&record)?)?;
        }
        if output.wants_json() {
            return output.json(&record);
        }
        let mut table = Table::new("", ["#step", "#train loss", "#learning rate", &format!("#{}", record.metric.name)]);
        let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| significant(value, 4));
        for point in record.run.points(0) {
            table.push([
                point.step.to_string(),
                number(point.train_loss),
                point.learning_rate.map_or_else(|| "-".to_owned(), learning_rate),
                number(point.validation),
            ]);
        }
        output.table(&table)?;
        output.say(format_args!(
            "{} on the test set: {}; {:.2} s",
            record.metric.name,
            significant(record.test_metric, 4),
            record.wall_seconds
        ));
        Ok(())
    }
}

impl RunOptions {
    /// The run that the options describe.
    pub(crate) fn configuration(&self) -> Result<RunConfiguration> {
        if let Some(path) = &self.config {
            return read_configuration(path);
        }
        Ok(RunConfiguration {
            id: None,
            task: self.setup.task.clone(),
            settings: self.setup.settings(),
            optimizer: self.setup.optimizer,
            schedule: Schedule::parametric(self.family, self.peak).with_warmup(self.warmup)?,
            seed: self.seed,
            sharpness: None,
            // The task's own where all of it is.
            length: if self.setup.has_length() { self.setup.length(self.setup.open()?.as_ref()) } else { None },
        })
    }
}
