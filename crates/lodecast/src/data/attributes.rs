//! What is known about a run besides its curves.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What is known about a run besides its curves. Every field may be unknown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Attributes {
    /// Family of the learning-rate schedule (`cosine`, `one-cycle`, ...).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub schedule: Option<String>,
    /// Peak learning rate of the schedule.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub peak_lr: Option<f64>,
    /// Random seed of the run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub seed: Option<u64>,
    /// Optimizer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub optimizer: Option<String>,
    /// Planned length in optimizer steps, where it can be known; a run may have stopped before.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub total_steps: Option<u64>,
    /// Where the run came from (file, tracker).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source: Option<String>,
    /// Anything else that was recorded, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub other: BTreeMap<String, String>,
}
