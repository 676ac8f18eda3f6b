//! A Gaussian process over schedule features: squared exponential with a length a feature, its hyperparameters at their
//! most probable values.

use serde::{Deserialize, Serialize};

use super::groups::Groups;
use super::hyperparameters::{Fitted, Hyperprior, Kernel, log_likelihood, most_probable};
use super::linear_algebra::{Cholesky, dot};
use crate::kernels::covariance::SquaredExponential;
use crate::representatives::representatives;

/// Runs that a process is made of at most, and those from which its hyperparameters are learned: beyond, evenly spread ones.
const MEMBERS: usize = 500;
const TEACHERS: usize = 160;

/// A fitted process with zero mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Fitted", into = "Fitted")]
pub(crate) struct GaussianProcess {
    pub(super) fitted: Fitted,
    pub(super) kernel: Kernel,
    /// The inputs once more, as predictions ask for them.
    inputs: SquaredExponential,
    pub(super) factor: Cholesky,
    /// `K⁻¹ y`.
    pub(super) weights: Vec<f64>,
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
            representatives(targets.len(), most).fold(fitted, |mut fitted, at| {
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
        let finite = weights.iter().all(|weight| weight.is_finite());
        let inputs = SquaredExponential::new(kernel.signal, &kernel.inverse_lengths, &fitted.inputs);
        finite.then_some(Self { fitted, kernel, inputs, factor, weights, log_likelihood })
    }

    /// Variance of the noise.
    pub(crate) fn noise(&self) -> f64 {
        self.kernel.noise
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

    /// The target to expect at `input`. `scratch` is room that is used again.
    pub(crate) fn mean(&self, input: &[f64], scratch: &mut Vec<f64>) -> f64 {
        self.covariances(input, scratch);
        dot(scratch, &self.weights)
    }

    /// Prediction at `input`, without the noise of a new run. `scratch` is room that is used again.
    pub(crate) fn predict(&self, input: &[f64], scratch: &mut Vec<f64>) -> Prediction {
        let mean = self.mean(input, scratch);
        self.factor.solve_lower(scratch);
        Prediction { mean, variance: (self.kernel.signal - dot(scratch, scratch)).max(0.0) }
    }

    /// Covariances of `input` with all that it was made from.
    pub(super) fn covariances(&self, input: &[f64], covariances: &mut Vec<f64>) {
        self.inputs.covariances(input, covariances);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
