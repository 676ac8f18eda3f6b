//! The plain Gaussian process: final values from schedule features alone, no law. It errs otherwise than the law does.

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::features::Standardiser;
use super::gaussian_process::GaussianProcess;
use super::hyperparameters::Hyperprior;
use super::process_paths::ProcessPaths;

/// Least number of runs from which it says anything.
const LEAST_RUNS: usize = 3;
/// Expected signal and noise, in deviations of the targets.
const SIGNAL: f64 = 1.0;
const NOISE: f64 = 0.3;
/// Least deviation of the targets.
const LEAST_DEVIATION: f64 = 0.01;

/// A fitted plain process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PlainProcess {
    pub(super) standardiser: Standardiser,
    pub(super) process: GaussianProcess,
    /// Mean and deviation of its targets.
    pub(super) mean: f64,
    pub(super) deviation: f64,
}

impl PlainProcess {
    /// From features and `ln` of the final gap of runs, diverged ones at the gap of an untrained network.
    pub(crate) fn fit(features: &[Vec<f64>], ln_gaps: &[f64]) -> Option<Self> {
        if features.len() < LEAST_RUNS {
            return None;
        }
        let count = ln_gaps.len() as f64;
        let mean = ln_gaps.iter().sum::<f64>() / count;
        let deviation =
            (ln_gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / count).sqrt().max(LEAST_DEVIATION);
        let standardiser = Standardiser::of(features);
        let inputs = standardiser.standardised(features);
        let targets: Vec<f64> = ln_gaps.iter().map(|gap| (gap - mean) / deviation).collect();
        let process = GaussianProcess::fit(&inputs, &targets, &Hyperprior::about(SIGNAL, NOISE), None)?;
        Some(Self { standardiser, process, mean, deviation })
    }

    /// `ln` of the final gap to expect of a run with these features.
    pub(crate) fn mean(&self, features: &[f64], scratch: &mut Vec<f64>) -> f64 {
        self.mean + self.deviation * self.process.mean(&self.standardised(features), scratch)
    }

    /// The same with its doubt.
    pub(crate) fn predict(&self, features: &[f64], scratch: &mut Vec<f64>) -> Answer {
        let found = self.process.predict(&self.standardised(features), scratch);
        let unit = self.deviation * self.deviation;
        Answer {
            ln_gap: self.mean + self.deviation * found.mean,
            doubt: unit * found.variance,
            noise: unit * self.process.noise(),
        }
    }

    fn standardised(&self, features: &[f64]) -> Vec<f64> {
        let mut row = features.to_vec();
        self.standardiser.apply(&mut row);
        row
    }
}

/// A plain process ready to be drawn from at given candidates.
pub(crate) struct PlainPaths<'a> {
    plain: &'a PlainProcess,
    paths: ProcessPaths<'a>,
}

impl PlainProcess {
    /// Prepares joint draws at candidates with these features.
    pub(crate) fn paths(&self, features: &[Vec<f64>]) -> PlainPaths<'_> {
        PlainPaths { plain: self, paths: self.process.paths(&self.standardiser.standardised(features)) }
    }
}

impl PlainPaths<'_> {
    /// One draw of `ln` of the final gaps of all candidates, its distance to the mean multiplied by `widen`.
    pub(crate) fn draw(&self, random: &mut impl Rng, widen: f64) -> Vec<f64> {
        let PlainProcess { mean, deviation, .. } = self.plain;
        self.paths.draw(random, widen).into_iter().map(|draw| mean + deviation * draw).collect()
    }
}
