//! Sweeps: every schedule family at every peak learning rate, or any other schedules, under every seed.

use lodecast::{Family, Schedule};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::Result;
use crate::optimizers::OptimizerKind;
use crate::run::length::Length;
use crate::run::method::FixedSchedule;
use crate::run::train::{Trainable, Training};
use crate::settings::TaskSettings;
use crate::studies::checks::{all_different, checked_length};
use crate::studies::crew::{Execution, RunId, run_all};
use crate::studies::gather::{SweepOutcome, gather};
use crate::studies::single_run::RunConfiguration;

/// What to sweep over.
///
/// ```
/// let configuration: lodecast_lab::SweepConfiguration = serde_json::from_str(
///     r#"{
///         "task": "mnist1d-cnn",
///         "optimizer": "adamw",
///         "families": ["constant", "cosine", "one-cycle", "staircase"],
///         "peak_learning_rates": [0.005, 0.01, 0.02, 0.04, 0.08],
///         "seeds": [1, 2, 3, 4, 5]
///     }"#,
/// )?;
/// assert_eq!(configuration.runs(), 100);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepConfiguration {
    /// Name of the task.
    pub task: String,
    /// What the task is opened with: its scale, its data, its device.
    #[serde(default, skip_serializing_if = "TaskSettings::is_default")]
    pub settings: TaskSettings,
    /// Optimizer.
    pub optimizer: OptimizerKind,
    /// Schedule families.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub families: Vec<Family>,
    /// Peak learning rates of each family.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub peak_learning_rates: Vec<f64>,
    /// Schedules of any form, besides those of the families.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schedules: Vec<Schedule>,
    /// Fraction of the run in which the rate rises linearly before each family's own curve.
    #[serde(default)]
    pub warmup: f64,
    /// Seeds of each family at each peak.
    pub seeds: Vec<u64>,
    /// Length of the runs, if not the task's own; a variation changes its batches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<Length>,
}

impl SweepConfiguration {
    /// Number of runs.
    pub fn runs(&self) -> usize {
        (self.families.len() * self.peak_learning_rates.len() + self.schedules.len()) * self.seeds.len()
    }

    /// The schedules with a name each: by family, then peak, then those of any form.
    ///
    /// # Errors
    /// If there is none, one is there twice or gives impossible rates.
    fn named_schedules(&self) -> Result<Vec<(String, Schedule)>> {
        let mut schedules = Vec::new();
        if self.schedules.is_empty() || !self.families.is_empty() {
            all_different("family", &self.families)?;
            all_different("peak learning rate", &self.peak_learning_rates)?;
        }
        for family in &self.families {
            for &peak in &self.peak_learning_rates {
                let schedule = Schedule::parametric(*family, peak).with_warmup(self.warmup)?;
                // The schedule's own short name rounds the peak, and two peaks may round alike.
                schedules.push((format!("{family} {peak:e}"), schedule));
            }
        }
        for schedule in &self.schedules {
            schedule.check()?;
            schedules.push((format!("{} {}", schedule.describe(), schedule.fingerprint()), schedule.clone()));
        }
        all_different("schedule", &schedules.iter().map(|(name, _)| name).collect::<Vec<_>>())?;
        Ok(schedules)
    }

    /// The runs by schedule, then seed, as configurations of their own: each can be trained by another process, on
    /// another machine, and [`gather`](crate::gather) makes the same sweep of their results.
    ///
    /// # Errors
    /// If the configuration repeats itself, is empty or gives impossible rates.
    pub fn run_configurations(&self) -> Result<Vec<RunConfiguration>> {
        all_different("seed", &self.seeds)?;
        let schedules = self.named_schedules()?;
        let of_seeds = |(name, schedule): (String, Schedule)| {
            self.seeds.iter().map(move |&seed| RunConfiguration {
                id: Some(format!("{name} seed {seed}")),
                task: self.task.clone(),
                settings: self.settings.clone(),
                optimizer: self.optimizer,
                schedule: schedule.clone(),
                seed,
                sharpness: None,
                length: self.length,
            })
        };
        Ok(schedules.into_iter().flat_map(of_seeds).collect())
    }
}

/// Runs or resumes a sweep.
///
/// # Errors
/// If the configuration does not fit the task, repeats itself or is empty; if the journal cannot be used; if no run
/// can be trained or the work is cancelled. Runs finished by then are in the journal. A run that cannot be trained while others
/// can is left out, and named in the outcome.
pub fn run_sweep(
    task: &dyn Trainable,
    configuration: &SweepConfiguration,
    execution: &Execution<'_>,
) -> Result<SweepOutcome> {
    let length = checked_length(task, &configuration.task, configuration.length)?;
    let runs = configuration.run_configurations()?;
    let total_steps = length.total_steps(task.train_examples());
    let ids: Vec<RunId> = runs.iter().filter_map(|run| run.id.clone()).map(RunId::plain).collect();
    let whole = json!({ "kind": "sweep", "sweep": configuration, "length": length, "data": task.description() });
    let work = run_all(&ids, &whole, execution, |index| {
        let RunConfiguration { optimizer, seed, ref schedule, .. } = runs[index];
        let id = ids[index].id.as_str();
        let training = Training { id, optimizer, seed, length, sharpness: None, cancel: Some(execution.cancel) };
        task.train(&training, &mut FixedSchedule::new(schedule.clone(), total_steps)?)
    })?;
    let outcome = gather(work.records.into_iter().flatten().collect())?;
    Ok(SweepOutcome { failures: work.failures, ..outcome })
}
