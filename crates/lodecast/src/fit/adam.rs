//! Adam (Kingma & Ba 2015) under a one-cycle learning rate: how both models are fitted (method section 2).

use serde::{Deserialize, Serialize};

const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.999;
const EPSILON: f64 = 1e-8;
/// Gradients of a larger norm are scaled down to it.
const LARGEST_NORM: f64 = 10.0;

/// State of the optimizer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Adam {
    pub(crate) first: Vec<f64>,
    pub(crate) second: Vec<f64>,
    pub(crate) steps: u64,
}

impl Adam {
    pub(crate) fn new(parameters: usize) -> Self {
        Self { first: vec![0.0; parameters], second: vec![0.0; parameters], steps: 0 }
    }

    /// One step. A gradient that is not finite is passed over.
    pub(crate) fn step(&mut self, parameters: &mut [f64], gradient: &[f64], learning_rate: f64) {
        let norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
        if !norm.is_finite() {
            return;
        }
        let clip = if norm > LARGEST_NORM { LARGEST_NORM / norm } else { 1.0 };
        self.steps += 1;
        let correction_1 = 1.0 - BETA_1.powf(self.steps as f64);
        let correction_2 = 1.0 - BETA_2.powf(self.steps as f64);
        let moments = self.first.iter_mut().zip(&mut self.second);
        for ((parameter, &gradient), (first, second)) in parameters.iter_mut().zip(gradient).zip(moments) {
            let gradient = gradient * clip;
            *first = BETA_1 * *first + (1.0 - BETA_1) * gradient;
            *second = BETA_2 * *second + (1.0 - BETA_2) * gradient * gradient;
            *parameter -= learning_rate * (*first / correction_1) / ((*second / correction_2).sqrt() + EPSILON);
        }
    }
}

/// The one-cycle rate: cosine rise over 30 % from peak / 25, cosine fall to peak / 25,000.
pub(crate) fn one_cycle(peak_lr: f64, progress: f64) -> f64 {
    const RISE: f64 = 0.3;
    const INITIAL: f64 = 1.0 / 25.0;
    const FINAL: f64 = INITIAL / 1000.0;
    let (from, to, at) =
        if progress < RISE { (INITIAL, 1.0, progress / RISE) } else { (1.0, FINAL, (progress - RISE) / (1.0 - RISE)) };
    peak_lr * (to + (from - to) * 0.5 * (1.0 + (std::f64::consts::PI * at).cos()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_minimum_of_a_badly_scaled_bowl() {
        let mut parameters = vec![3.0, -2.0];
        let mut adam = Adam::new(2);
        for step in 0..2000 {
            let gradient = [2.0 * (parameters[0] - 1.0), 200.0 * (parameters[1] - 0.5)];
            adam.step(&mut parameters, &gradient, one_cycle(0.05, f64::from(step) / 2000.0));
        }
        assert!((parameters[0] - 1.0).abs() < 1e-3 && (parameters[1] - 0.5).abs() < 1e-3, "{parameters:?}");
    }

    #[test]
    fn the_first_step_has_the_size_of_the_rate() {
        let mut parameters = vec![0.0];
        Adam::new(1).step(&mut parameters, &[1e-3], 0.1);
        assert!((parameters[0] + 0.1).abs() < 1e-5);
    }

    #[test]
    fn a_gradient_that_is_not_finite_changes_nothing() {
        let (mut parameters, mut adam) = (vec![1.0], Adam::new(1));
        adam.step(&mut parameters, &[f64::NAN], 0.1);
        assert_eq!((parameters[0], adam.steps), (1.0, 0));
    }
}
