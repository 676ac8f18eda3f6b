//! The fit of the law's curve: parameters, their doubt, and how far runs scatter about it.

use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use super::curve::{Curve, Gradient, PARAMETERS, Path, SEGMENTS, parameter as at};
use super::least_squares::{Curves, Problem};
use super::linear_algebra::quadratic_form;
use super::prior::Prior;
use crate::random::{Purpose, stream};

/// Ends of the segments that enter the fit (0-based).
pub(crate) const OBSERVED: [usize; 21] =
    [1, 3, 5, 7, 10, 13, 15, 19, 23, 27, 31, 35, 39, 43, 47, 51, 55, 57, 59, 61, 63];
/// Squared weight of the first of them against the last but one.
const FIRST_WEIGHT: f64 = 0.3;
/// Squared weights of a run's curve and of its end.
const CURVE_WEIGHT: f64 = 4.0;
const END_WEIGHT: f64 = 2.0;
/// Range of the scatter about the law.
const SIGMA: (f64, f64) = (0.0015, 0.5);
/// How often the scatter is estimated anew.
const ROUNDS: usize = 3;
/// Relative gain at which a minimisation ends, while starts and scatter are still to be found, and at last.
const COARSE: f64 = 1e-5;
const FINE: f64 = 1e-7;
/// With fewer runs than this, a second start is tried.
const CERTAIN_RUNS: usize = 24;
const SECOND_START: f64 = 0.6;
/// Whitened coordinate of the warm-up's harm from which one start is made: at the prior's mean its slope is too small.
const HARMFUL_START: f64 = 1.6;

/// What is known of the law's parameters after the runs: a normal in whitened coordinates, and the scatter about the law.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Posterior {
    pub(crate) prior: Prior,
    /// Value of an untrained network and best final value.
    pub(crate) start: f64,
    pub(crate) best: f64,
    pub(crate) v: Gradient,
    /// Covariance of `v`, row by row.
    pub(crate) covariance: Vec<f64>,
    pub(crate) sigma: f64,
    /// Logarithm of the marginal likelihood, up to a constant of the data.
    pub(crate) log_evidence: f64,
}

/// The measured part of a run, weighted: `values` at the ends of all segments, NaN where there is none.
pub(crate) fn curves(path: Path, values: &[f64; SEGMENTS]) -> Option<Curves> {
    let last = OBSERVED.len() - 1;
    let first = OBSERVED.iter().position(|&end| values[end].is_finite())?;
    let squared = |k: usize| FIRST_WEIGHT + (1.0 - FIRST_WEIGHT) * k as f64 / last as f64;
    // What was not recorded at first leaves its weight to the rest; what a stopped run has not reached does not.
    let total: f64 = (first..last).map(squared).sum();
    let mut curves = Curves { path, ends: Vec::new(), ln_values: Vec::new(), weights: Vec::new() };
    for (k, &end) in OBSERVED.iter().enumerate() {
        if values[end].is_finite() {
            let weight = if k == last { END_WEIGHT } else { CURVE_WEIGHT * squared(k) / total };
            curves.ends.push(end);
            curves.ln_values.push(values[end].ln());
            curves.weights.push(weight.sqrt());
        }
    }
    Some(curves)
}

impl Posterior {
    /// What is known before any run.
    pub(crate) fn before(prior: Prior, start: f64, best: f64) -> Self {
        let mut covariance = vec![0.0; PARAMETERS * PARAMETERS];
        (0..PARAMETERS).for_each(|k| covariance[k * PARAMETERS + k] = 1.0);
        Self { prior, start, best, v: [0.0; PARAMETERS], covariance, sigma: 0.1, log_evidence: 0.0 }
    }

    /// Fits the law to runs whose final values scatter by `spread` in their logarithm.
    pub(crate) fn fit(prior: &Prior, start: f64, best: f64, runs: &[Curves], spread: f64, seed: u64) -> Self {
        let problem = Problem { runs, prior, start, best };
        let least = 0.1 * spread + 0.004;
        let mut sigma = 1.5 * least;
        let mut starts = vec![[0.0; PARAMETERS]];
        if runs.len() < CERTAIN_RUNS {
            let mut random = stream(seed, Purpose::Parameters, 0);
            starts.push(std::array::from_fn(|_| {
                SECOND_START * Distribution::<f64>::sample(&StandardNormal, &mut random)
            }));
        }
        if prior.has_warmup() {
            let mut harmful = [0.0; PARAMETERS];
            harmful[at::WARMUP_HARM] = HARMFUL_START;
            starts.push(harmful);
        }
        let minima = starts.into_iter().map(|start| problem.minimise(start, sigma, COARSE));
        let mut minimum = minima.reduce(|best, next| if next.cost < best.cost { next } else { best });
        for round in 1..=ROUNDS {
            if let Some(minimum) = &mut minimum {
                sigma = scatter(&problem, &minimum.v, sigma, least);
                *minimum = problem.minimise(minimum.v, sigma, if round == ROUNDS { FINE } else { COARSE });
            }
        }
        let minimum_v = minimum.as_ref().map_or([0.0; PARAMETERS], |minimum| minimum.v);
        let cost = minimum.map_or(0.0, |minimum| minimum.cost);
        let mut posterior = Self::before(prior.clone(), start, best);
        posterior.v = minimum_v;
        posterior.sigma = sigma;
        if let Some(factor) = problem.normal(&minimum_v, sigma).factor(0.0) {
            let weight: f64 = runs.iter().flat_map(|run| &run.weights).map(|weight| weight * weight).sum();
            posterior.log_evidence = -cost - factor.ln_determinant() / 2.0 - weight * sigma.ln();
            posterior.covariance = factor.inverse();
        }
        posterior
    }

    /// The curve at the most probable parameters.
    pub(crate) fn curve(&self) -> Curve {
        Curve::new(&self.prior.parameters(&self.v), self.start, self.best)
    }

    /// `ln y` at the end of a run, and its slopes in whitened coordinates.
    pub(crate) fn end(&self, curve: &Curve, path: &Path) -> (f64, Gradient) {
        let mut end = (0.0, [0.0; PARAMETERS]);
        curve.derivatives(path, &[SEGMENTS - 1], |_, value, slopes| end = (value, self.prior.whiten_gradient(slopes)));
        end
    }

    /// Variance of `ln y` by the doubt about the parameters.
    pub(crate) fn variance(&self, slopes: &Gradient) -> f64 {
        quadratic_form(&self.covariance, slopes).max(0.0)
    }
}

/// The scatter about the law by evidence: residuals over what the fit left free.
fn scatter(problem: &Problem<'_>, v: &Gradient, sigma: f64, least: f64) -> f64 {
    let normal = problem.normal(v, sigma);
    // tr(F (F + I)⁻¹) = k - tr((F + I)⁻¹).
    let free = normal.factor(0.0).map_or(0.0, |factor| {
        let inverse = factor.inverse();
        PARAMETERS as f64 - (0..PARAMETERS).map(|k| inverse[k * PARAMETERS + k]).sum::<f64>()
    });
    let residuals = problem.residuals(v);
    let mut sizes: Vec<f64> = residuals.iter().map(|residual| residual.abs()).collect();
    let cut = 3.0 * median(&mut sizes) + 1e-4;
    let weights = problem.runs.iter().flat_map(|run| &run.weights);
    let (mut squares, mut count) = (0.0, 0.0);
    for (residual, weight) in residuals.iter().zip(weights) {
        squares += (weight * residual.clamp(-cut, cut)).powi(2);
        count += weight * weight;
    }
    let variance = (squares + 2.0 * least * least) / ((count - free).max(0.3 * count) + 2.0);
    variance.sqrt().clamp(SIGMA.0, SIGMA.1)
}

/// Median of values; zero of none.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => values[odd / 2],
        even => f64::midpoint(values[even / 2 - 1], values[even / 2]),
    }
}

/// Standard deviation about the mean; zero of none.
pub(crate) fn deviation(values: &[f64]) -> f64 {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt()
}
