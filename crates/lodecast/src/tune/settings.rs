//! [`TunerSettings`]: what a tuner is told before it asks, checked.

use serde::{Deserialize, Serialize};

use super::error::TuneError;
use super::space::SearchSpace;
use super::strategy::Strategy;
use crate::error::setting;
use crate::{LawSettings, Metric};

/// What a tuner was told before it asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TunerSettings {
    /// What is trained, in the user's words. A study of one task refuses another's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The metric and the direction in which it is better.
    pub metric: Metric,
    /// Length of the runs that a schedule is sought for, in optimizer steps.
    pub total_steps: u64,
    /// What may be tried.
    pub space: SearchSpace,
    /// How the next run is chosen.
    pub strategy: Strategy,
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// Training steps that may be spent in all; then nothing more is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<u64>,
    /// Does a search from nothing begin with three schedules that are known to tell much?
    pub start_design: bool,
    /// How the law is fitted to what was told.
    pub law: LawSettings,
}

impl TunerSettings {
    pub(super) fn check(&self) -> Result<(), TuneError> {
        let steps = self.total_steps;
        setting("total_steps", steps, steps > 0, "give the length of the runs in optimizer steps, at least 1")?;
        if let Some(budget) = self.budget {
            setting("budget", budget, budget >= steps, "give the steps of at least one run")?;
        }
        self.space.check()
    }
}
