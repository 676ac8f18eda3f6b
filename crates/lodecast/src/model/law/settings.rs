//! What can be chosen about a fit of the law.

use serde::{Deserialize, Serialize};

/// Which value of a run counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Objective {
    /// The last one.
    #[default]
    Last,
    /// The best one so far: what is kept when checkpoints are.
    Best,
}

/// Settings of a fit of the law.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LawSettings {
    /// The metric of an untrained network; by default the median of the runs' first values.
    pub start: Option<f64>,
    /// The value of the metric that no run can pass; by default 0 of a loss, 1 or 100 of an accuracy, or learned.
    pub ideal: Option<f64>,
    /// Which value of a run counts.
    pub objective: Objective,
    /// Is there a term for rates that come before training is ready for them?
    pub warmup: bool,
    /// Seed of the fit's second start.
    pub seed: u64,
}

impl Default for LawSettings {
    fn default() -> Self {
        Self { start: None, ideal: None, objective: Objective::Last, warmup: true, seed: 0 }
    }
}
