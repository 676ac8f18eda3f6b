//! The covariance of a Gaussian process, and the most probable hyperparameters of what it was told.

use serde::{Deserialize, Serialize};

use super::linear_algebra::{Cholesky, dot};

/// Steps of the search for them.
const ITERATIONS: usize = 60;
/// Keeps the factor of a nearly noiseless process positive definite.
pub(super) const JITTER: f64 = 1e-8;

/// Normal priors of the logarithms of a process's hyperparameters, each a mean and a deviation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Hyperprior {
    pub(crate) length: (f64, f64),
    pub(crate) signal: (f64, f64),
    pub(crate) noise: (f64, f64),
}

impl Hyperprior {
    /// Lengths about 1.5, signal and noise (deviations) about those given, for targets of unit scale.
    pub(crate) fn about(signal: f64, noise: f64) -> Self {
        Self { length: (1.5f64.ln(), 0.7), signal: (signal.ln(), 0.5), noise: (noise.ln(), 0.7) }
    }
}

/// What defines a fitted process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Fitted {
    pub(super) features: usize,
    /// One row a run.
    pub(super) inputs: Vec<f64>,
    pub(super) targets: Vec<f64>,
    pub(super) hyperparameters: Vec<f64>,
}

/// Hyperparameters in the form the covariance needs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Kernel {
    pub(super) inverse_lengths: Vec<f64>,
    /// Variances.
    pub(super) signal: f64,
    pub(super) noise: f64,
}

impl Kernel {
    /// From the logarithms of lengths, signal and noise.
    pub(super) fn new(hyperparameters: &[f64]) -> Self {
        let (scales, lengths) =
            (&hyperparameters[hyperparameters.len() - 2..], &hyperparameters[..hyperparameters.len() - 2]);
        Self {
            inverse_lengths: lengths.iter().map(|ln| (-ln).exp()).collect(),
            signal: (2.0 * scales[0]).exp(),
            noise: (2.0 * scales[1]).exp(),
        }
    }

    pub(super) fn covariance(&self, a: &[f64], b: &[f64]) -> f64 {
        let distance: f64 =
            self.inverse_lengths.iter().zip(a).zip(b).map(|((scale, a), b)| ((a - b) * scale).powi(2)).sum();
        self.signal * (-0.5 * distance).exp()
    }

    /// Factor of the covariance of the targets, and the part of that covariance without noise.
    pub(super) fn factor(&self, fitted: &Fitted) -> Option<(Cholesky, Vec<f64>)> {
        let count = fitted.targets.len();
        let run = |k: usize| &fitted.inputs[k * fitted.features..(k + 1) * fitted.features];
        let mut covariance = vec![0.0; count * count];
        for a in 0..count {
            for b in 0..=a {
                let value = self.covariance(run(a), run(b));
                covariance[a * count + b] = value;
                covariance[b * count + a] = value;
            }
        }
        let mut noisy = covariance.clone();
        for k in 0..count {
            noisy[k * count + k] += self.noise + JITTER;
        }
        Some((Cholesky::of(noisy, count)?, covariance))
    }
}

pub(super) fn log_likelihood(factor: &Cholesky, targets: &[f64], weights: &[f64]) -> f64 {
    let count = targets.len() as f64;
    -0.5 * (dot(targets, weights) + factor.ln_determinant() + count * std::f64::consts::TAU.ln())
}

/// Hyperparameters (logarithms of lengths, signal, noise) of greatest posterior density: BFGS from those given, or else from the prior's mean.
pub(super) fn most_probable(data: &Fitted, prior: &Hyperprior, from: Option<&[f64]>) -> Vec<f64> {
    let size = data.features + 2;
    let normal = |k: usize| match k {
        k if k < data.features => prior.length,
        k if k == data.features => prior.signal,
        _ => prior.noise,
    };
    // In units of the prior's deviations.
    let hyperparameters = |x: &[f64]| -> Vec<f64> { (0..size).map(|k| normal(k).0 + normal(k).1 * x[k]).collect() };
    let objective = |x: &[f64]| {
        let (value, mut gradient) = negative_log_likelihood(data, &hyperparameters(x))?;
        for k in 0..size {
            gradient[k] = gradient[k] * normal(k).1 + x[k];
        }
        let value = value + 0.5 * dot(x, x);
        value.is_finite().then_some((value, gradient))
    };
    let mut x: Vec<f64> = match from {
        Some(from) if from.len() == size => (0..size).map(|k| (from[k] - normal(k).0) / normal(k).1).collect(),
        _ => vec![0.0; size],
    };
    let Some((mut value, mut gradient)) = objective(&x) else { return hyperparameters(&x) };
    // Inverse Hessian; the prior alone gives the identity.
    let mut inverse = vec![0.0; size * size];
    (0..size).for_each(|k| inverse[k * size + k] = 1.0);
    for _ in 0..ITERATIONS {
        let mut direction: Vec<f64> =
            (0..size).map(|row| -dot(&inverse[row * size..(row + 1) * size], &gradient)).collect();
        let longest = direction.iter().fold(0.0f64, |most, step| most.max(step.abs()));
        if longest > 2.0 {
            for step in &mut direction {
                *step *= 2.0 / longest;
            }
        }
        let slope = dot(&direction, &gradient);
        if slope > -1e-7 {
            break;
        }
        let mut length = 1.0;
        let accepted = (0..12).find_map(|_| {
            let next: Vec<f64> = x.iter().zip(&direction).map(|(x, step)| x + length * step).collect();
            let found = objective(&next).filter(|(found, _)| *found < value + 1e-4 * length * slope);
            length *= 0.5;
            found.map(|(found, gradient)| (next, found, gradient))
        });
        let Some((next, found, found_gradient)) = accepted else { break };
        let moved: Vec<f64> = next.iter().zip(&x).map(|(next, x)| next - x).collect();
        let turned: Vec<f64> = found_gradient.iter().zip(&gradient).map(|(next, gradient)| next - gradient).collect();
        update_inverse(&mut inverse, &moved, &turned);
        let gained = value - found;
        (x, value, gradient) = (next, found, found_gradient);
        if gained < 1e-6 {
            break;
        }
    }
    hyperparameters(&x)
}

/// BFGS: `H ← (I - ρ s yᵀ) H (I - ρ y sᵀ) + ρ s sᵀ`.
fn update_inverse(inverse: &mut [f64], moved: &[f64], turned: &[f64]) {
    let size = moved.len();
    let curvature = dot(moved, turned);
    if curvature <= 1e-10 {
        return;
    }
    let product: Vec<f64> = (0..size).map(|row| dot(&inverse[row * size..(row + 1) * size], turned)).collect();
    let factor = (1.0 + dot(turned, &product) / curvature) / curvature;
    for row in 0..size {
        for column in 0..size {
            inverse[row * size + column] += factor * moved[row] * moved[column]
                - (product[row] * moved[column] + moved[row] * product[column]) / curvature;
        }
    }
}

/// Negative logarithm of the marginal likelihood, and its gradient in the logarithms of the hyperparameters.
fn negative_log_likelihood(data: &Fitted, hyperparameters: &[f64]) -> Option<(f64, Vec<f64>)> {
    let kernel = Kernel::new(hyperparameters);
    let (factor, covariance) = kernel.factor(data)?;
    let (count, features) = (data.targets.len(), data.features);
    let mut weights = data.targets.clone();
    factor.solve(&mut weights);
    let inverse = factor.inverse();
    let mut gradient = vec![0.0; features + 2];
    for a in 0..count {
        let row_a = &data.inputs[a * features..(a + 1) * features];
        for b in 0..a {
            let row_b = &data.inputs[b * features..(b + 1) * features];
            // d(-ln p)/dK = (K⁻¹ - w wᵀ) / 2, twice for the two triangles.
            let slope = (inverse[a * count + b] - weights[a] * weights[b]) * covariance[a * count + b];
            for k in 0..features {
                gradient[k] += slope * ((row_a[k] - row_b[k]) * kernel.inverse_lengths[k]).powi(2);
            }
            gradient[features] += 2.0 * slope;
        }
        let slope = inverse[a * count + a] - weights[a] * weights[a];
        gradient[features] += slope * kernel.signal;
        gradient[features + 1] += slope * kernel.noise;
    }
    Some((-log_likelihood(&factor, &data.targets, &weights), gradient))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn gradients_are_finite_differences(
            inputs in prop::collection::vec(-2.0..2.0f64, 21), targets in prop::collection::vec(-2.0..2.0f64, 7),
            hyperparameters in prop::collection::vec(-1.0..1.0f64, 5),
        ) {
            let data = Fitted { features: 3, inputs, targets, hyperparameters: Vec::new() };
            let (_, gradient) = negative_log_likelihood(&data, &hyperparameters).expect("positive definite");
            for k in 0..5 {
                let at = |step: f64| {
                    let mut moved = hyperparameters.clone();
                    moved[k] += step;
                    negative_log_likelihood(&data, &moved).expect("positive definite").0
                };
                let finite = (at(1e-5) - at(-1e-5)) / 2e-5;
                prop_assert!((finite - gradient[k]).abs() < 1e-4 * (1.0 + finite.abs()), "{k}: {} for {finite}", gradient[k]);
            }
        }
    }
}
