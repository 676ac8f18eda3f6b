//! Options that say what the lab trains: task, optimizer, length, seeds.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::Result;
use clap::Args;
use lodecast_lab::{DeviceKind, Execution, Length, OptimizerKind, RunRecord, Scale, TaskSettings, Trainable, tasks};

/// What to train.
#[derive(Args, Clone, Debug)]
pub(crate) struct Setup {
    /// Task: mnist1d-cnn, fashion-mnist-cnn, fashion-mnist-resnet18, cifar100-resnet18, imagenet-resnet34 or text-transformer
    #[arg(long, default_value = Self::TASK)]
    pub task: String,
    /// Part of the task's full size, in (0, 1]: narrows the network and takes fewer examples
    #[arg(long, value_name = "FACTOR", default_value_t = Scale::FULL)]
    pub scale: Scale,
    /// The task's data, a file or a folder, if not where the task looks for it
    #[arg(long, value_name = "PATH")]
    pub data: Option<PathBuf>,
    /// Device: cpu, cuda or wgpu
    #[arg(long, default_value = "cpu")]
    pub device: DeviceKind,
    /// Optimizer: sgd (momentum 0.9), adam or adamw
    #[arg(long, default_value = "sgd")]
    pub optimizer: OptimizerKind,
    /// Passes over the training examples, if not the task's own
    #[arg(long)]
    pub epochs: Option<u64>,
    /// Examples an optimizer step, if not the task's own
    #[arg(long)]
    pub batch_size: Option<usize>,
    /// Metric points an epoch, if not the task's own
    #[arg(long)]
    pub points_per_epoch: Option<u64>,
}

impl Setup {
    /// The task unless another is named.
    pub(crate) const TASK: &str = "mnist1d-cnn";

    /// The task, ready to be trained.
    pub(crate) fn open(&self) -> Result<Box<dyn Trainable>> {
        Ok(tasks::open(&self.task, &self.settings())?)
    }

    /// What the task is opened with.
    pub(crate) fn settings(&self) -> TaskSettings {
        TaskSettings { scale: self.scale, data: self.data.clone(), device: self.device }
    }

    /// Was any part of the length asked for?
    pub(crate) fn has_length(&self) -> bool {
        self.epochs.is_some() || self.batch_size.is_some() || self.points_per_epoch.is_some()
    }

    /// The length asked for; `None` if all of it is the task's own.
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

/// How many runs at a time.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Jobs {
    /// Runs in flight at a time, one core each; results do not depend on it [default: all cores]
    #[arg(long, value_name = "COUNT")]
    jobs: Option<NonZeroUsize>,
}

impl Jobs {
    /// Their number.
    pub(crate) fn count(self) -> NonZeroUsize {
        self.jobs.unwrap_or_else(Execution::all_cores)
    }

    /// How long so many at a time take for these runs, whether they ran in one go or in several.
    pub(crate) fn seconds(self, records: &[RunRecord]) -> f64 {
        records.iter().map(|record| record.wall_seconds).sum::<f64>() / self.count().get() as f64
    }
}

/// Seeds on the command line: `7`, `0,1,5`, `100-104` (both ends included), or a mixture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seeds(pub(crate) Vec<u64>);

impl Seeds {
    /// Most seeds a range may have.
    pub(crate) const MOST: u64 = 10_000;
}

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut seeds = Vec::new();
        for part in text.split(',') {
            let number =
                |text: &str| text.trim().parse::<u64>().map_err(|_| format!("'{text}' is no seed: write 0,1,5 or 0-4"));
            match part.split_once('-') {
                Some((first, last)) => {
                    let (first, last) = (number(first)?, number(last)?);
                    if first > last || last - first >= Self::MOST {
                        return Err(format!(
                            "'{part}': the first seed of a range comes first, and it has at most {}",
                            Self::MOST
                        ));
                    }
                    seeds.extend(first..=last);
                }
                None => seeds.push(number(part)?),
            }
        }
        Ok(Self(seeds))
    }
}

impl std::fmt::Display for Seeds {
    /// A row of neighbours as a range.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.0.first(), self.0.last()) {
            (Some(first), Some(last)) if self.0.len() > 2 && self.0.windows(2).all(|pair| pair[1] == pair[0] + 1) => {
                write!(f, "{first}-{last}")
            }
            _ => f.write_str(&self.0.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_lists_and_ranges() {
        let read = |text: &str| text.parse::<Seeds>().map(|seeds| seeds.0);
        assert_eq!(read("7"), Ok(vec![7]));
        assert_eq!(read("1,3-5, 9"), Ok(vec![1, 3, 4, 5, 9]));
        for bad in ["", "x", "5-3", "1-", "0-99999999999"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert_eq!(Seeds(vec![100, 101, 102]).to_string(), "100-102");
        assert_eq!(Seeds(vec![1, 5]).to_string(), "1,5");
    }
}
