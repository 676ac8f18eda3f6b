//! What comes out of a fit: the model, and what it was made of.

use serde::{Deserialize, Serialize};

use super::choice::Choice;
use crate::data::LengthNote;
use crate::model::Model;

/// A run that was not learned from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LeftOut {
    /// The run.
    pub run: String,
    /// Why.
    pub reason: String,
}

/// What a fit was made of and how it went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FitSummary {
    /// Runs learned from.
    pub runs: usize,
    /// Configurations they belong to.
    pub configurations: usize,
    /// Their points, at the model's cadence.
    pub points: usize,
    /// Runs that diverged; they count as the sweep's worst from there on.
    pub diverged: Vec<String>,
    /// Runs that were not learned from.
    pub left_out: Vec<LeftOut>,
    /// What was assumed about planned lengths that were not recorded, or cannot be.
    #[serde(default)]
    pub lengths: Vec<LengthNote>,
    /// What speaks against relying on the model: settings that count for more than the rates do, of which it knows nothing or little.
    #[serde(default)]
    pub doubts: Vec<String>,
    /// Final training loss, mean over members.
    pub loss: f64,
    /// Best loss on the held-out configurations, mean over the members that have any.
    pub held_out_loss: Option<f64>,
    /// Seconds the fit took.
    pub seconds: f64,
    /// Which form of model was taken and why, where that was for [`fit_best`](super::fit_best) to find.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Choice>,
}

/// A fitted model and the summary of its fit.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Fitted {
    /// The model.
    pub model: Model,
    /// The summary.
    pub summary: FitSummary,
}
