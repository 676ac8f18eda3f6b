//! Fitting a model to a sweep: `Sweep` -> [`fit()`] -> [`Model`].

mod adam;
mod best;
mod checkpoint;
mod controlled;
mod law;
mod measure;
mod network;
mod objective;
mod options;
mod paper;
mod sample;
mod settings;
mod share;
mod split;
mod trainer;
mod warm;

pub use best::{BestFit, Choice, FormError, fit_best};
pub use controlled::ControlledFit;
pub use law::LawFit;
pub(crate) use measure::{controlled_steps, reference_steps};
pub use options::FitOptions;
pub use paper::PaperFit;
pub use settings::{FitSettings, Training};

use crate::data::{LengthNote, Sweep};
use crate::error::Result;
use crate::model::Model;

/// What a fit tells while it runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FitProgress {
    /// Optimizer steps done by every member.
    pub iteration: u64,
    /// Optimizer steps to do.
    pub iterations: u64,
    /// Training loss, smoothed, mean over the members.
    pub loss: f64,
    /// Loss on the held-out configurations, mean over the members that have any; `None` before the first check.
    pub held_out: Option<f64>,
}

/// A run that was not learned from.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LeftOut {
    /// The run.
    pub run: String,
    /// Why.
    pub reason: String,
}

/// What a fit was made of and how it went.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
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
    /// Which form of model was taken and why, where that was for [`fit_best`] to find.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Choice>,
}

/// A fitted model and the summary of its fit.
#[derive(Clone, Debug)]
pub struct Fitted {
    /// The model.
    pub model: Model,
    /// The summary.
    pub summary: FitSummary,
}

/// Fits a model to a sweep.
///
/// The result depends on the sweep, the settings and nothing else: not on the number of threads, nor on whether the fit
/// was interrupted and resumed; and on the earlier model that it starts from, if it does ([`FitOptions::start_from`]).
///
/// # Errors
/// If the settings are out of range, the sweep has nothing to learn from, the fit cannot start from the earlier model, or the
/// checkpoint cannot be read or written;
/// [`Error::Interrupted`](crate::Error::Interrupted) when asked to stop.
pub fn fit(sweep: &Sweep, settings: &FitSettings, options: FitOptions<'_>) -> Result<Fitted> {
    settings.check()?;
    settings.fit(sweep, options)
}
