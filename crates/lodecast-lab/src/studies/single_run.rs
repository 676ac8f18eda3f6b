//! One run on its own: a configuration in, a record out.

use lodecast::Schedule;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::optimizers::OptimizerKind;
use crate::run::length::Length;
use crate::run::method::FixedSchedule;
use crate::run::record::RunRecord;
use crate::run::train::Training;
use crate::settings::TaskSettings;
use crate::sharpness::Sharpness;
use crate::studies::checks::checked_length;
use crate::tasks;

/// One run on its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfiguration {
    /// Identity of the run, if not its schedule and its seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Name of the task.
    pub task: String,
    /// What the task is opened with: its scale, its data, its device.
    #[serde(default, skip_serializing_if = "TaskSettings::is_default")]
    pub settings: TaskSettings,
    /// Optimizer.
    pub optimizer: OptimizerKind,
    /// Learning-rate schedule.
    pub schedule: Schedule,
    /// Seed of the first weights and of the order of the examples.
    pub seed: u64,
    /// Measures the sharpness of the loss at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sharpness: Option<Sharpness>,
    /// Length of the run, if not the task's own; a variation changes its batches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<Length>,
}

/// Trains one run.
///
/// ```no_run
/// let configuration = r#"{"task": "mnist1d-cnn", "optimizer": "adamw", "seed": 1,
///     "schedule": {"kind": "parametric", "family": "cosine", "peak_lr": 0.01, "warmup": 0.0}}"#;
/// let record = lodecast_lab::run_one(&serde_json::from_str(configuration)?)?;
/// assert!(record.test_metric > 0.8);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the configuration names no known task or does not fit it, or the run fails.
pub fn run_one(configuration: &RunConfiguration) -> Result<RunRecord> {
    let task = tasks::open(&configuration.task, &configuration.settings)?;
    let length = checked_length(task.as_ref(), &configuration.task, configuration.length)?;
    let total_steps = length.total_steps(task.train_examples());
    let mut method = FixedSchedule::new(configuration.schedule.clone(), total_steps)?;
    let id = configuration.id.clone();
    let id = id.unwrap_or_else(|| format!("{} seed {}", configuration.schedule.describe(), configuration.seed));
    let RunConfiguration { optimizer, seed, sharpness, .. } = *configuration;
    let training = Training { id: &id, optimizer, seed, length, sharpness, cancel: None };
    let mut record = task.train(&training, &mut method)?;
    record.fingerprint = serde_json::to_string(configuration)?;
    Ok(record)
}

impl RunConfiguration {
    /// The configuration of a run that [`run_one`] trained; `None` of other runs, and of those of versions that did not keep it.
    pub fn of(record: &RunRecord) -> Option<Self> {
        serde_json::from_str(&record.fingerprint).ok()
    }

    /// The first thing in which two runs differ that runs of one sweep have in common: task, scale, variation, optimizer, length.
    /// Where the data lies and on what device they were trained may differ.
    pub fn difference(&self, other: &Self) -> Option<String> {
        let differ = |what: &str, mine: String, others: String| {
            (mine != others).then(|| format!("{what} was {mine} in one and {others} in the other"))
        };
        let length = |configuration: &Self| {
            configuration.length.map_or_else(|| "the task's own".to_owned(), |length| format!("{length:?}"))
        };
        differ("the task", self.task.clone(), other.task.clone())
            .or_else(|| differ("the scale", self.settings.scale.to_string(), other.settings.scale.to_string()))
            .or_else(|| {
                let variation = |configuration: &Self| configuration.settings.variation.to_string();
                differ("the variation", variation(self), variation(other))
            })
            .or_else(|| differ("the optimizer", self.optimizer.to_string(), other.optimizer.to_string()))
            .or_else(|| differ("the length", length(self), length(other)))
    }
}
