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

/// What to train.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
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
        let record = run_one(&self.configuration()?)?;
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

    fn configuration(&self) -> Result<RunConfiguration> {
        if let Some(path) = &self.config {
            return read_configuration(path);
        }
        let task = self.setup.open()?;
        Ok(RunConfiguration {
            task: self.setup.task.clone(),
            settings: self.setup.settings(),
            optimizer: self.setup.optimizer,
            schedule: Schedule::parametric(self.family, self.peak).with_warmup(self.warmup)?,
            seed: self.seed,
            sharpness: None,
            length: self.setup.length(task.as_ref()),
        })
    }
}
