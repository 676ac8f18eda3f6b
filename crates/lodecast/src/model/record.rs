//! How a model came about, and what its forecasts were worth on what was held out.

use serde::{Deserialize, Serialize};

/// The error to expect where nothing was held out: the standard deviation of the metric over the sweep.
const UNKNOWN: f64 = 1.0;

/// How a model came about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FitRecord {
    /// Fingerprint of the sweep.
    pub sweep: String,
    /// Runs learned from.
    pub runs: usize,
    /// Their points.
    pub points: usize,
    /// Optimizer steps of each member.
    pub iterations: u64,
    /// Seed.
    pub seed: u64,
    /// Loss of each member on the configurations it did not see; empty where none were held out.
    pub held_out_loss: Vec<f64>,
    /// Signatures of the runs that each member did not see in its first cycle, on which it was measured; in model files of
    /// format 1 the names of their configurations.
    pub held_out: Vec<Vec<String>>,
    /// Signatures of the runs learned from; in model files of format 1 the names of their configurations.
    #[serde(default)]
    pub learned: Vec<String>,
    /// Root mean square error of the final metric on held-out configurations, in the model's units, after the first
    /// `fraction` of a run: `(fraction, error)`, fractions increasing.
    #[serde(default)]
    pub residuals: Vec<(f64, f64)>,
    /// Seconds the fit took.
    pub seconds: f64,
}

impl FitRecord {
    /// Error to expect of the final metric after `progress` of a run, interpolated; where nothing was held out, as much as
    /// the metric varies over the sweep.
    pub fn residual(&self, progress: f64) -> f64 {
        let after = self.residuals.partition_point(|&(fraction, _)| fraction <= progress);
        match (after.checked_sub(1).and_then(|at| self.residuals.get(at)), self.residuals.get(after)) {
            (Some(left), Some(right)) => left.1 + (right.1 - left.1) * (progress - left.0) / (right.0 - left.0),
            (Some(only), None) | (None, Some(only)) => only.1,
            (None, None) => UNKNOWN,
        }
    }
}
