//! What the law's curve leaves of the final values: a Gaussian process on schedule features and settings.

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use super::features::Standardiser;
use super::gaussian_process::{GaussianProcess, Prediction};
use super::groups::Groups;
use super::hyperparameters::Hyperprior;
use super::process_paths::ProcessPaths;

/// The process on the residuals `ln final - ln law`, and the scale it works in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ResidualProcess {
    pub(super) standardiser: Standardiser,
    pub(super) scale: f64,
    pub(super) process: Option<GaussianProcess>,
    /// Weight of the process against noise alone, and the variance of that noise.
    pub(super) weight: f64,
    pub(super) noise_alone: f64,
}

/// What is asked of a residual process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Purpose {
    /// Forecasts of single runs.
    Forecast,
    /// Choice among many candidates, where the process must not be too sure of itself.
    Search,
}

impl ResidualProcess {
    /// The process of `residuals` at `features` (one row a run), for final values that scatter by `spread`; `like` is one of the
    /// same runs for another purpose.
    pub(crate) fn fit(
        features: &[Vec<f64>],
        residuals: &[f64],
        spread: f64,
        purpose: Purpose,
        like: Option<&Self>,
    ) -> Self {
        let standardiser = Standardiser::of(features);
        let expected = 0.15 * spread + 0.003;
        let squares: f64 = residuals.iter().map(|residual| residual * residual).sum();
        let count = residuals.len() as f64;
        let scale = ((2.0 * expected * expected + squares) / (2.0 + count)).sqrt();
        let inputs = standardiser.standardised(features);
        let targets: Vec<f64> = residuals.iter().map(|residual| residual / scale).collect();
        let prior = match purpose {
            Purpose::Forecast => Hyperprior::about(0.8, 0.6),
            Purpose::Search => Hyperprior::about(0.5, 0.9),
        };
        let process = GaussianProcess::fit(&inputs, &targets, &prior, like.and_then(|like| like.process.as_ref()));
        let (noise_alone, log_noise_alone) = noise_alone(&targets, &prior);
        let weight = match (&process, purpose) {
            (None, _) => 0.0,
            (Some(_), Purpose::Forecast) => 1.0,
            (Some(process), Purpose::Search) => 1.0 / (1.0 + (log_noise_alone - process.log_likelihood()).exp()),
        };
        Self { standardiser, scale, process, weight, noise_alone }
    }

    /// The residual to expect at `features`.
    pub(crate) fn mean(&self, features: &mut [f64], scratch: &mut Vec<f64>) -> f64 {
        let Some(process) = &self.process else { return 0.0 };
        self.standardiser.apply(features);
        self.scale * (self.weight * process.mean(features, scratch))
    }

    /// The residual to expect at `features`, and its variance without the noise of a new run.
    pub(crate) fn predict(&self, features: &mut [f64], scratch: &mut Vec<f64>) -> Prediction {
        let Some(process) = &self.process else { return Prediction { mean: 0.0, variance: 0.0 } };
        self.standardiser.apply(features);
        let Prediction { mean, variance } = process.predict(features, scratch);
        // A mixture of the process and of no residual at all.
        let mixed = self.weight * mean;
        Prediction {
            mean: self.scale * mixed,
            variance: self.scale * self.scale * (self.weight * (variance + mean * mean) - mixed * mixed).max(0.0),
        }
    }

    /// What the process expects of each of its own runs without having seen any of its group: residual and variance, noise included.
    /// Empty where the process is made of only some of them.
    pub(crate) fn left_out(&self, groups: &Groups) -> Vec<Prediction> {
        let Some(process) = self.process.as_ref().filter(|process| process.len() == groups.runs()) else {
            return Vec::new();
        };
        let found = process.left_out(groups);
        let unit = self.scale * self.scale;
        let scaled = |found: Prediction| Prediction {
            mean: self.scale * found.mean,
            variance: unit * (found.variance + process.noise()),
        };
        found.into_iter().map(scaled).collect()
    }

    /// Size of the residuals it was made from.
    pub(crate) fn scale(&self) -> f64 {
        self.scale
    }

    /// Variance of a new run about what can be predicted.
    pub(crate) fn noise(&self) -> f64 {
        let noise = self.process.as_ref().map_or(0.0, GaussianProcess::noise);
        self.scale * self.scale * (self.weight * noise + (1.0 - self.weight) * self.noise_alone)
    }
}

/// The most probable variance of targets that are noise alone, and the logarithm of their likelihood under it.
fn noise_alone(targets: &[f64], prior: &Hyperprior) -> (f64, f64) {
    let squares: f64 = targets.iter().map(|target| target * target).sum();
    let count = targets.len() as f64;
    let log_likelihood = |ln_noise: f64| {
        -0.5 * (squares * (-2.0 * ln_noise).exp() + count * (2.0 * ln_noise + std::f64::consts::TAU.ln()))
    };
    let log_posterior =
        |ln_noise: f64| log_likelihood(ln_noise) - 0.5 * ((ln_noise - prior.noise.0) / prior.noise.1).powi(2);
    let grid = (0..=200).map(|k| prior.noise.0 + prior.noise.1 * (f64::from(k) / 50.0 - 2.0) * 2.0);
    let best =
        grid.fold(prior.noise.0, |best, next| if log_posterior(next) > log_posterior(best) { next } else { best });
    ((2.0 * best).exp(), log_likelihood(best))
}

/// A residual process ready to be drawn from at given candidates.
pub(crate) struct Paths<'a> {
    residual: &'a ResidualProcess,
    process: Option<ProcessPaths<'a>>,
    candidates: usize,
}

impl ResidualProcess {
    /// Prepares joint draws at candidates with these features.
    pub(crate) fn paths(&self, features: &[Vec<f64>]) -> Paths<'_> {
        let inputs = self.standardiser.standardised(features);
        let process = self.process.as_ref().map(|process| process.paths(&inputs));
        Paths { residual: self, process, candidates: features.len() }
    }
}

impl Paths<'_> {
    /// One draw of the residuals of all candidates, its distance to the mean multiplied by `widen`. With the weight of noise
    /// alone, there is no residual in it.
    pub(crate) fn draw(&self, random: &mut impl Rng, widen: f64) -> Vec<f64> {
        let in_force = random.random::<f64>() < self.residual.weight;
        match &self.process {
            Some(process) if in_force => {
                process.draw(random, widen).into_iter().map(|draw| self.residual.scale * draw).collect()
            }
            _ => vec![0.0; self.candidates],
        }
    }
}
