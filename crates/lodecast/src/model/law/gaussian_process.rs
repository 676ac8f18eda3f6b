//! A Gaussian process over schedule features: squared exponential with a length a feature, its hyperparameters at their
//! most probable values.

use rand::{Rng, RngExt};
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use super::groups::Groups;
use super::hyperparameters::{Fitted, Hyperprior, Kernel, log_likelihood, most_probable};
use super::linear_algebra::{Cholesky, dot};

/// Runs that a process is made of at most, and those from which its hyperparameters are learned: beyond, evenly spread ones.
const MEMBERS: usize = 500;
const TEACHERS: usize = 160;
/// Cosines (with their sines) that a draw of the prior is made of.
const COSINES: usize = 128;

/// A fitted process with zero mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Fitted", into = "Fitted")]
pub(crate) struct GaussianProcess {
    fitted: Fitted,
    factor: Cholesky,
    /// `K⁻¹ y`.
    weights: Vec<f64>,
    log_likelihood: f64,
}

impl TryFrom<Fitted> for GaussianProcess {
    type Error = &'static str;

    fn try_from(fitted: Fitted) -> Result<Self, Self::Error> {
        let shapes_agree = fitted.features > 0
            && fitted.inputs.len() == fitted.targets.len() * fitted.features
            && fitted.hyperparameters.len() == fitted.features + 2;
        if !shapes_agree {
            return Err("a Gaussian process whose inputs, targets and hyperparameters disagree in number");
        }
        Self::conditioned(fitted).ok_or("a Gaussian process whose covariance is not positive definite")
    }
}

impl From<GaussianProcess> for Fitted {
    fn from(process: GaussianProcess) -> Self {
        process.fitted
    }
}

/// Mean and variance of a prediction; the noise is apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Prediction {
    pub(crate) mean: f64,
    pub(crate) variance: f64,
}

impl GaussianProcess {
    /// The process of `targets` at `inputs` (one row a target), its hyperparameters the most probable ones, looked for from the
    /// prior's mean or from those of a process like it. `None` if there is nothing finite to learn from.
    pub(crate) fn fit(inputs: &[Vec<f64>], targets: &[f64], prior: &Hyperprior, like: Option<&Self>) -> Option<Self> {
        let features = inputs.first()?.len();
        let select = |most: usize| {
            let fitted = Fitted { features, inputs: Vec::new(), targets: Vec::new(), hyperparameters: Vec::new() };
            spread_evenly(targets.len(), most).fold(fitted, |mut fitted, at| {
                fitted.inputs.extend(&inputs[at]);
                fitted.targets.push(targets[at]);
                fitted
            })
        };
        let teachers = select(TEACHERS);
        let hyperparameters =
            most_probable(&teachers, prior, like.map(|process| process.fitted.hyperparameters.as_slice()));
        let mut fitted = select(MEMBERS);
        fitted.hyperparameters = hyperparameters;
        Self::conditioned(fitted)
    }

    fn conditioned(fitted: Fitted) -> Option<Self> {
        let kernel = Kernel::new(&fitted.hyperparameters);
        let (factor, _) = kernel.factor(&fitted)?;
        let mut weights = fitted.targets.clone();
        factor.solve(&mut weights);
        let log_likelihood = log_likelihood(&factor, &fitted.targets, &weights);
        weights.iter().all(|weight| weight.is_finite()).then_some(Self { fitted, factor, weights, log_likelihood })
    }

    /// Variance of the noise.
    pub(crate) fn noise(&self) -> f64 {
        Kernel::new(&self.fitted.hyperparameters).noise
    }

    /// Logarithm of the marginal likelihood of the targets.
    pub(crate) fn log_likelihood(&self) -> f64 {
        self.log_likelihood
    }

    /// Number of features a row.
    pub(crate) fn features(&self) -> usize {
        self.fitted.features
    }

    /// Number of targets it was made from.
    pub(crate) fn len(&self) -> usize {
        self.weights.len()
    }

    /// Prediction of each target by the process without those of its group, noise apart; one an input it was made from.
    pub(crate) fn left_out(&self, groups: &Groups) -> Vec<Prediction> {
        let inverse = self.factor.inverse();
        let count = self.weights.len();
        let noise = self.noise();
        let mut found = vec![Prediction { mean: 0.0, variance: 0.0 }; count];
        for members in groups.members() {
            let size = members.len();
            let precision = members.iter().flat_map(|&a| members.iter().map(move |&b| (a, b)));
            let precision = precision.map(|(a, b)| inverse[a * count + b]).collect();
            let Some(factor) = Cholesky::of(precision, size) else { continue };
            let mut missed: Vec<f64> = members.iter().map(|&k| self.weights[k]).collect();
            factor.solve(&mut missed);
            let covariance = factor.inverse();
            for (place, &k) in members.iter().enumerate() {
                let variance = (covariance[place * size + place] - noise).max(0.0);
                found[k] = Prediction { mean: self.fitted.targets[k] - missed[place], variance };
            }
        }
        found
    }

    /// Prediction at `input`, without the noise of a new run. `scratch` is room that is used again.
    pub(crate) fn predict(&self, input: &[f64], scratch: &mut Vec<f64>) -> Prediction {
        let kernel = Kernel::new(&self.fitted.hyperparameters);
        scratch.clear();
        scratch.extend(self.fitted.inputs.chunks_exact(self.fitted.features).map(|run| kernel.covariance(run, input)));
        let mean = dot(scratch, &self.weights);
        self.factor.solve_lower(scratch);
        Prediction { mean, variance: (kernel.signal - dot(scratch, scratch)).max(0.0) }
    }
}

/// A process ready to be drawn from at given candidates, by Matheron's rule: a draw of the prior, corrected by how it misses
/// the targets. Draws of the prior are sums of random cosines (Rahimi & Recht 2007).
pub(crate) struct ProcessPaths<'a> {
    process: &'a GaussianProcess,
    kernel: Kernel,
    candidates: Vec<Vec<f64>>,
    /// Covariance with the targets, one row a candidate.
    covariances: Vec<Vec<f64>>,
    means: Vec<f64>,
}

impl GaussianProcess {
    /// Prepares joint draws at `candidates`.
    pub(crate) fn paths(&self, candidates: &[Vec<f64>]) -> ProcessPaths<'_> {
        let kernel = Kernel::new(&self.fitted.hyperparameters);
        let runs = || self.fitted.inputs.chunks_exact(self.fitted.features);
        let covariances: Vec<Vec<f64>> =
            candidates.iter().map(|input| runs().map(|run| kernel.covariance(run, input)).collect()).collect();
        let means = covariances.iter().map(|row: &Vec<f64>| dot(row, &self.weights)).collect();
        ProcessPaths { process: self, kernel, candidates: candidates.to_vec(), covariances, means }
    }
}

impl ProcessPaths<'_> {
    /// One draw at all candidates, its distance to the mean multiplied by `widen`.
    pub(crate) fn draw(&self, random: &mut impl Rng, widen: f64) -> Vec<f64> {
        let mut normal = || -> f64 { random.sample(StandardNormal) };
        let features = self.process.fitted.features;
        let frequencies: Vec<f64> =
            (0..COSINES * features).map(|k| normal() * self.kernel.inverse_lengths[k % features]).collect();
        let amplitudes: Vec<(f64, f64)> = (0..COSINES).map(|_| (normal(), normal())).collect();
        let size = (self.kernel.signal / COSINES as f64).sqrt();
        let prior = |input: &[f64]| {
            let waves = frequencies.chunks_exact(features).zip(&amplitudes);
            size * waves
                .map(|(frequency, (cosine, sine))| {
                    let (sin, cos) = dot(frequency, input).sin_cos();
                    cosine * cos + sine * sin
                })
                .sum::<f64>()
        };
        let fitted = &self.process.fitted;
        let noise = self.kernel.noise.sqrt();
        let mut missed: Vec<f64> = (fitted.inputs.chunks_exact(features).zip(&fitted.targets))
            .map(|(run, target)| target - prior(run) - noise * normal())
            .collect();
        self.process.factor.solve(&mut missed);
        let draws = self.candidates.iter().zip(&self.covariances);
        let draws = draws.map(|(input, covariance)| prior(input) + dot(covariance, &missed));
        draws.zip(&self.means).map(|(draw, mean)| mean + widen * (draw - mean)).collect()
    }
}

/// Indices of at most `most` of `count`, evenly spread.
fn spread_evenly(count: usize, most: usize) -> impl Iterator<Item = usize> {
    let taken = count.min(most);
    (0..taken).map(move |k| k * count / taken.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_have_the_mean_and_the_variance_of_predictions() {
        let inputs: Vec<Vec<f64>> = (0..6).map(|k| vec![f64::from(k) / 2.0, f64::from(k % 2)]).collect();
        let targets: Vec<f64> = inputs.iter().map(|input| input[0].cos()).collect();
        let process = GaussianProcess::fit(&inputs, &targets, &Hyperprior::about(0.8, 0.6), None).expect("finite");
        let candidates = [vec![1.1, 0.0], vec![5.0, 1.0]];
        let paths = process.paths(&candidates);
        let mut random = crate::random::stream(1, crate::random::Purpose::Candidate, 0);
        let draws: Vec<Vec<f64>> = (0..4000).map(|_| paths.draw(&mut random, 1.0)).collect();
        for (at, candidate) in candidates.iter().enumerate() {
            let predicted = process.predict(candidate, &mut Vec::new());
            let mean = draws.iter().map(|draw| draw[at]).sum::<f64>() / draws.len() as f64;
            let variance = draws.iter().map(|draw| (draw[at] - mean).powi(2)).sum::<f64>() / draws.len() as f64;
            let error = (predicted.variance / draws.len() as f64).sqrt();
            assert!((mean - predicted.mean).abs() < 4.0 * error, "{mean} for {predicted:?}");
            assert!((variance / predicted.variance - 1.0).abs() < 0.12, "{variance} for {predicted:?}");
        }
    }

    #[test]
    fn a_smooth_function_is_learned_and_doubt_grows_away_from_it() {
        let inputs: Vec<Vec<f64>> = (0..25).map(|k| vec![-2.0 + 4.0 * f64::from(k) / 24.0, f64::from(k % 5)]).collect();
        let targets: Vec<f64> = inputs.iter().map(|input| input[0].sin()).collect();
        let process = GaussianProcess::fit(&inputs, &targets, &Hyperprior::about(0.8, 0.6), None).expect("finite");
        let mut scratch = Vec::new();
        let inside = process.predict(&[0.7, 2.0], &mut scratch);
        assert!((inside.mean - 0.7f64.sin()).abs() < 0.1, "{inside:?}");
        let outside = process.predict(&[9.0, 2.0], &mut scratch);
        assert!(outside.variance > 5.0 * inside.variance, "{outside:?} beside {inside:?}");
        let text = serde_json::to_string(&process).expect("plain data");
        assert_eq!(serde_json::from_str::<GaussianProcess>(&text).expect("its own"), process);
        assert!(serde_json::from_str::<GaussianProcess>(&text.replacen('[', "[0.5,", 1)).is_err());
    }
}
