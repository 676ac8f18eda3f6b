//! Sharpness: the largest eigenvalues of the loss's Hessian, by Lanczos on differences of gradients.
//!
//! The framework has no second derivatives, so a Hessian-vector product is `(g(w + h v) - g(w - h v)) / 2h`. Its error is
//! a truncation that grows with `h²` and the rounding of the single-precision gradients, which grows with `1/h`: the usual
//! balance is `h` near the cube root of the precision, times the weights' own scale. The tests compare the result with
//! exact eigenvalues of a small smooth network.

use burn::module::Module;
use burn::tensor::{Tensor, TensorData};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::run::random::{AUGMENTATION, stream};
use crate::run::task::Task;
use crate::run::weights::{gradient, weights, with_weights};

/// Length of a difference's step, as a fraction of the length of all weights.
const STEP: f64 = 5e-3;
/// Seed of the start vector and of the loss's random numbers, the same for all runs.
const SEED: u64 = 0;
const START_VECTOR: u64 = 0;
const LOSS: u64 = 1;

/// What to measure, and on how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sharpness {
    /// Number of eigenvalues, the largest first.
    pub eigenvalues: usize,
    /// Hessian-vector products, two gradients each. A few suffice for the largest eigenvalue.
    pub iterations: usize,
    /// Training examples of the loss, evenly spread over the training set and the same for all runs.
    pub examples: usize,
}

impl Default for Sharpness {
    /// The largest eigenvalue on 500 examples.
    fn default() -> Self {
        Self { eigenvalues: 1, iterations: 10, examples: 500 }
    }
}

impl Sharpness {
    /// Iterations that suffice for so many eigenvalues at the end of a usual run.
    pub fn iterations_for(eigenvalues: usize) -> usize {
        10 + 5 * eigenvalues.saturating_sub(1)
    }

    pub(crate) fn check(&self) -> Result<()> {
        let fail = |name, value: usize, remedy| Err(Error::Setting { name, value: value.to_string(), remedy });
        if !(1..=self.iterations).contains(&self.eigenvalues) {
            return fail("eigenvalues", self.eigenvalues, "take at least 1 and at most as many as iterations");
        }
        if self.examples == 0 {
            return fail("examples", 0, "take at least one");
        }
        Ok(())
    }
}

/// The largest eigenvalues of the Hessian of a task's training loss at a network, the largest first.
pub(crate) fn top_eigenvalues<T: Task>(task: &T, model: &T::Model, settings: &Sharpness) -> Result<Vec<f64>> {
    settings.check()?;
    let count = settings.examples.min(task.train_examples());
    let batch: Vec<u32> = (0..count).map(|index| (index * task.train_examples() / count) as u32).collect();
    // Both draw the same numbers every time, or the difference of two gradients would be theirs.
    let batch = task.load(&batch, &mut stream(SEED, AUGMENTATION))?;
    // Running statistics are shared between a network and its clones: those of the caller's stay as they are.
    let model = model.valid().train();
    let here = weights(&model);
    let device = here.device();
    let dimension = here.shape().num_elements();
    let length = f64::from((here.clone() * here.clone()).sum().into_scalar::<f32>()).sqrt();
    let step = STEP * length.max(f64::MIN_POSITIVE);
    let slope = |weights: Tensor<1>| {
        let moved = with_weights(model.clone(), weights);
        gradient(task.loss(&moved, batch.clone(), &mut stream(SEED, LOSS)).backward(), &moved)
    };
    let product = |vector: &[f32]| -> Vec<f32> {
        let along = Tensor::<1>::from_data(TensorData::new(vector.to_vec(), [dimension]), &device) * step;
        let difference = (slope(here.clone() + along.clone()) - slope(here.clone() - along)) / (2.0 * step);
        difference.into_data().iter::<f32>().collect()
    };
    let mut random = stream(SEED, START_VECTOR);
    Ok(symmetric_eigenvalues(dimension, settings.eigenvalues, settings.iterations, &mut random, product))
}

/// The `count` largest eigenvalues of a symmetric matrix that is known by its products, the largest first.
///
/// Lanczos with full reorthogonalisation: exact once `iterations` reaches `dimension`, and good for the largest
/// eigenvalues long before.
pub fn symmetric_eigenvalues(
    dimension: usize,
    count: usize,
    iterations: usize,
    random: &mut ChaCha8Rng,
    mut product: impl FnMut(&[f32]) -> Vec<f32>,
) -> Vec<f64> {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
    let scale = |vector: &mut [f32], factor: f64| {
        for value in vector {
            *value = (f64::from(*value) * factor) as f32;
        }
    };
    let mut vector: Vec<f32> = (0..dimension).map(|_| random.random_range(-1.0..1.0)).collect();
    let length = dot(&vector, &vector).sqrt();
    scale(&mut vector, 1.0 / length);
    let (mut basis, mut diagonal, mut beside) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..iterations.min(dimension) {
        let mut next = product(&vector);
        diagonal.push(dot(&next, &vector));
        basis.push(vector);
        // Twice is enough to be orthogonal up to rounding.
        for _ in 0..2 {
            for known in &basis {
                let part = dot(&next, known);
                for (value, &other) in next.iter_mut().zip(known) {
                    *value = (f64::from(*value) - part * f64::from(other)) as f32;
                }
            }
        }
        let length = dot(&next, &next).sqrt();
        let largest = diagonal.iter().chain(&beside).map(|value: &f64| value.abs()).fold(0.0, f64::max);
        // What is left is rounding: the space is exhausted.
        if !length.is_finite() || length <= 1e-6 * largest {
            break;
        }
        beside.push(length);
        scale(&mut next, 1.0 / length);
        vector = next;
    }
    tridiagonal_eigenvalues(&diagonal, &beside, count)
}

/// The `count` largest eigenvalues of a symmetric tridiagonal matrix, by bisection on Sturm's count.
fn tridiagonal_eigenvalues(diagonal: &[f64], beside: &[f64], count: usize) -> Vec<f64> {
    if diagonal.iter().any(|value| !value.is_finite()) {
        return vec![f64::NAN; count];
    }
    let size = diagonal.len();
    let off = |index: usize| beside.get(index).copied().unwrap_or(0.0);
    let above = |bound: f64| {
        let mut number = 0;
        let mut pivot = 1.0;
        for index in 0..size {
            let coupling = if index == 0 { 0.0 } else { off(index - 1).powi(2) / pivot };
            pivot = diagonal[index] - bound - coupling;
            if pivot == 0.0 {
                pivot = f64::MIN_POSITIVE;
            }
            number += usize::from(pivot > 0.0);
        }
        number
    };
    // Gershgorin's bound.
    let reach =
        diagonal.iter().map(|value| value.abs()).fold(0.0, f64::max) + 2.0 * beside.iter().copied().fold(0.0, f64::max);
    let bisect = |rank: usize| {
        let (mut low, mut high) = (-reach, reach);
        for _ in 0..100 {
            let middle = f64::midpoint(low, high);
            if above(middle) > rank { low = middle } else { high = middle }
        }
        f64::midpoint(low, high)
    };
    (0..count.min(size)).map(bisect).collect()
}

#[cfg(test)]
mod tests;
