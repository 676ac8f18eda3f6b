//! Options that say what the lab trains: task, optimizer, length, and of one run schedule and seed.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use clap::builder::PossibleValuesParser;
use lodecast::{Family, Schedule};
use lodecast_lab::tasks::TASKS;
use lodecast_lab::{DeviceKind, Length, OptimizerKind, RunConfiguration, Scale, TaskSettings, Trainable, tasks};

use super::configuration::read_configuration;
use super::variation::VariationOptions;

/// What to train.
#[derive(Args, Clone, Debug)]
pub(crate) struct Setup {
    /// Task: 'lodecast lab tasks' lists them [default: mnist1d-cnn]
    #[arg(long, value_parser = PossibleValuesParser::new(TASKS.map(|task| task.name)), hide_possible_values = true)]
    pub task: Option<String>,
    /// Part of the task's full size, in (0, 1]: narrows the network and takes fewer examples
    #[arg(long, value_name = "FACTOR", default_value_t = Scale::FULL)]
    pub scale: Scale,
    /// The task's data, a file or a folder, if not where the task looks for it
    #[arg(long, value_name = "PATH")]
    pub data: Option<PathBuf>,
    /// Device: cpu, cuda or wgpu
    #[arg(long, default_value = "cpu")]
    pub device: DeviceKind,
    /// Optimizer: sgd (momentum 0.9), adam or adamw [default: sgd]
    #[arg(long)]
    pub optimizer: Option<OptimizerKind>,
    /// Passes over the training examples, if not the task's own
    #[arg(long)]
    pub epochs: Option<u64>,
    /// Examples an optimizer step, if not the task's own
    #[arg(long)]
    pub batch_size: Option<usize>,
    /// Metric points an epoch, if not the task's own
    #[arg(long)]
    pub points_per_epoch: Option<u64>,
    #[command(flatten)]
    pub variation: VariationOptions,
}

impl Setup {
    /// The task asked for, or else the smallest.
    pub(crate) fn task(&self) -> &str {
        self.task.as_deref().unwrap_or(TASKS[0].name)
    }

    /// The optimizer asked for, or else plain gradient descent with momentum.
    pub(crate) fn optimizer(&self) -> OptimizerKind {
        self.optimizer.unwrap_or(OptimizerKind::Sgd)
    }

    /// The task, ready to be trained.
    pub(crate) fn open(&self) -> Result<Box<dyn Trainable>> {
        Ok(tasks::open(self.task(), &self.settings())?)
    }

    /// What the task is opened with.
    pub(crate) fn settings(&self) -> TaskSettings {
        TaskSettings {
            scale: self.scale,
            data: self.data.clone(),
            device: self.device,
            variation: self.variation.variation(),
        }
    }

    /// Was any part of the length asked for?
    pub(crate) fn has_length(&self) -> bool {
        self.epochs.is_some() || self.batch_size.is_some() || self.points_per_epoch.is_some()
    }

    /// The length asked for, without the variation; `None` if all of it is the task's own.
    pub(crate) fn length(&self, task: &dyn Trainable) -> Option<Length> {
        let own = task.default_length();
        let asked = Length {
            epochs: self.epochs.unwrap_or(own.epochs),
            batch_size: self.batch_size.unwrap_or(own.batch_size),
            points_per_epoch: self.points_per_epoch.unwrap_or(own.points_per_epoch),
        };
        (asked != own).then_some(asked)
    }
}

/// What one run trains.
#[derive(Args, Debug)]
pub(crate) struct RunOptions {
    /// Everything below as JSON, instead of options
    #[arg(long, value_name = "FILE", conflicts_with_all = ["task", "scale", "data", "device", "optimizer", "epochs", "batch_size", "points_per_epoch", "width", "batch", "label_noise", "data_share", "dead_from", "data_seed", "family", "peak", "warmup", "seed"])]
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

impl RunOptions {
    /// The run that the options describe.
    pub(crate) fn configuration(&self) -> Result<RunConfiguration> {
        if let Some(path) = &self.config {
            return read_configuration(path);
        }
        Ok(RunConfiguration {
            id: None,
            task: self.setup.task().to_owned(),
            settings: self.setup.settings(),
            optimizer: self.setup.optimizer(),
            schedule: Schedule::parametric(self.family, self.peak).with_warmup(self.warmup)?,
            seed: self.seed,
            sharpness: None,
            // The task's own where all of it is.
            length: if self.setup.has_length() { self.setup.length(self.setup.open()?.as_ref()) } else { None },
        })
    }
}
