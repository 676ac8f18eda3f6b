//! A network of one hidden layer in double precision, small enough to be written out.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// What the controller sees.
pub(super) const FEATURES: usize = 6;
/// What the rate is multiplied by for each action.
pub(super) const ACTIONS: [f64; 3] = [0.5, 1.0, 2.0];

const HIDDEN: usize = 16;

/// `outputs = W2 tanh(W1 features + b1) + b2`, all weights in one list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Network {
    outputs: usize,
    weights: Vec<f64>,
    first_moments: Vec<f64>,
    second_moments: Vec<f64>,
    steps: i32,
}

impl Network {
    /// Small random weights in the hidden layer, none after it: every action is as likely, every state as valuable.
    pub(super) fn new(outputs: usize, random: &mut ChaCha8Rng) -> Self {
        let hidden = HIDDEN * (FEATURES + 1);
        let count = hidden + outputs * (HIDDEN + 1);
        let bound = 1.0 / (FEATURES as f64).sqrt();
        let mut weights = vec![0.0; count];
        for weight in &mut weights[..hidden] {
            *weight = random.random_range(-bound..bound);
        }
        Self { outputs, weights, first_moments: vec![0.0; count], second_moments: vec![0.0; count], steps: 0 }
    }

    fn hidden(&self, features: &[f64; FEATURES]) -> [f64; HIDDEN] {
        std::array::from_fn(|unit| {
            let row = &self.weights[unit * (FEATURES + 1)..][..=FEATURES];
            let sum: f64 = row.iter().zip(features).map(|(weight, feature)| weight * feature).sum();
            (sum + row[FEATURES]).tanh()
        })
    }

    /// What comes out for what is seen.
    pub(super) fn outputs(&self, features: &[f64; FEATURES]) -> Vec<f64> {
        let hidden = self.hidden(features);
        let last = &self.weights[HIDDEN * (FEATURES + 1)..];
        let output = |row: &[f64]| row.iter().zip(&hidden).map(|(w, h)| w * h).sum::<f64>() + row[HIDDEN];
        last.chunks_exact(HIDDEN + 1).map(output).collect()
    }

    /// The outputs as probabilities of the actions.
    pub(super) fn probabilities(&self, features: &[f64; FEATURES]) -> [f64; ACTIONS.len()] {
        let outputs = self.outputs(features);
        let largest = outputs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let powers: [f64; ACTIONS.len()] = std::array::from_fn(|action| (outputs[action] - largest).exp());
        let sum: f64 = powers.iter().sum();
        powers.map(|power| power / sum)
    }

    /// A gradient to be filled by [`Self::add_gradient`].
    pub(super) fn no_gradient(&self) -> Vec<f64> {
        vec![0.0; self.weights.len()]
    }

    /// Adds the gradient of a loss whose derivatives by the outputs are `slopes`.
    pub(super) fn add_gradient(&self, features: &[f64; FEATURES], slopes: &[f64], gradient: &mut [f64]) {
        let hidden = self.hidden(features);
        let start = HIDDEN * (FEATURES + 1);
        let mut back = [0.0; HIDDEN];
        for (output, slope) in slopes.iter().enumerate().take(self.outputs) {
            let row = start + output * (HIDDEN + 1);
            for unit in 0..HIDDEN {
                gradient[row + unit] += slope * hidden[unit];
                back[unit] += slope * self.weights[row + unit];
            }
            gradient[row + HIDDEN] += slope;
        }
        for unit in 0..HIDDEN {
            let slope = back[unit] * (1.0 - hidden[unit].powi(2));
            let row = unit * (FEATURES + 1);
            for feature in 0..FEATURES {
                gradient[row + feature] += slope * features[feature];
            }
            gradient[row + FEATURES] += slope;
        }
    }

    /// One step of Adam.
    pub(super) fn step(&mut self, rate: f64, gradient: &[f64]) {
        self.steps += 1;
        let corrections = (1.0 - 0.9f64.powi(self.steps), 1.0 - 0.999f64.powi(self.steps));
        for (index, slope) in gradient.iter().enumerate() {
            let first = &mut self.first_moments[index];
            *first = 0.9 * *first + 0.1 * slope;
            let second = &mut self.second_moments[index];
            *second = 0.999 * *second + 0.001 * slope * slope;
            self.weights[index] -= rate * (*first / corrections.0) / ((*second / corrections.1).sqrt() + 1e-8);
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn gradients_are_those_of_finite_differences() {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let mut network = Network::new(2, &mut random);
        for weight in &mut network.weights {
            *weight = random.random_range(-1.0..1.0);
        }
        let features = [0.3, -0.7, 1.1, 0.0, -0.2, 0.9];
        let slopes = [0.4, -1.3];
        let loss = |network: &Network| network.outputs(&features).iter().zip(slopes).map(|(o, s)| o * s).sum::<f64>();
        let mut gradient = network.no_gradient();
        network.add_gradient(&features, &slopes, &mut gradient);
        for index in 0..gradient.len() {
            let mut shifted = [network.clone(), network.clone()];
            shifted[0].weights[index] -= 1e-5;
            shifted[1].weights[index] += 1e-5;
            let slope = (loss(&shifted[1]) - loss(&shifted[0])) / 2e-5;
            assert!((slope - gradient[index]).abs() < 1e-8, "weight {index}: {slope} {}", gradient[index]);
        }
    }
}
