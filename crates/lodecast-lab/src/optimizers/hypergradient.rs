//! Hypergradient descent: the learning rate follows the loss's derivative by the rate itself.
//!
//! Baydin, Cornish, Martínez Rubio, Schmidt & Wood, *Online Learning Rate Adaptation with Hypergradient Descent*, ICLR 2018.
//! With `u` the direction of the last update, `rate ← rate + hyper_rate · gradient · u` before each step.

use burn::tensor::Tensor;

use super::vector_update::VectorUpdate;

/// Which optimizer, and how fast its rate moves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hypergradient {
    /// Is it Adam (Adam-HD) or gradient descent with momentum (SGDN-HD)?
    pub adam: bool,
    /// Learning rate of the learning rate.
    pub hyper_rate: f64,
}

impl Hypergradient {
    /// Gradient descent with momentum 0.9, its hyper-rate 0.001 as in the authors' published logs on MNIST.
    pub const SGD: Self = Self { adam: false, hyper_rate: 1e-3 };
    /// Adam, with the paper's hyper-rate of 1e-7.
    pub const ADAM: Self = Self { adam: true, hyper_rate: 1e-7 };

    pub(crate) const fn name(&self) -> &'static str {
        if self.adam { "adam-hd" } else { "sgd-hd" }
    }

    pub(crate) fn start(&self) -> Box<dyn VectorUpdate> {
        Box::new(Adaptive { settings: *self, rate: None, first: None, second: None, steps: 0 })
    }
}

/// The rule at work.
struct Adaptive {
    settings: Hypergradient,
    rate: Option<f64>,
    first: Option<Tensor<1>>,
    second: Option<Tensor<1>>,
    steps: i32,
}

impl Adaptive {
    const MOMENTUM: f64 = 0.9;
    const SECOND_DECAY: f64 = 0.999;
    const EPSILON: f64 = 1e-8;

    /// Direction of the last update; `None` before the first.
    fn direction(&self) -> Option<Tensor<1>> {
        let first = self.first.clone()?;
        let Some(second) = self.second.clone() else { return Some(first) };
        let correction = (1.0 - Self::SECOND_DECAY.powi(self.steps)).sqrt() / (1.0 - Self::MOMENTUM.powi(self.steps));
        Some(first / (second.sqrt() + Self::EPSILON) * correction)
    }

    fn take(&mut self, gradient: Tensor<1>) {
        let weight = if self.settings.adam { 1.0 - Self::MOMENTUM } else { 1.0 };
        let zero = gradient.zeros_like();
        let first = self.first.take().unwrap_or_else(|| zero.clone());
        if self.settings.adam {
            let second = self.second.take().unwrap_or(zero);
            let squares = gradient.clone() * gradient.clone();
            self.second = Some(second * Self::SECOND_DECAY + squares * (1.0 - Self::SECOND_DECAY));
        }
        self.first = Some(first * Self::MOMENTUM + gradient * weight);
        self.steps += 1;
    }
}

impl VectorUpdate for Adaptive {
    fn step(&mut self, rate: f64, weights: Tensor<1>, gradient: Tensor<1>) -> (Tensor<1>, f64) {
        let mut rate = self.rate.unwrap_or(rate);
        if let Some(direction) = self.direction() {
            let slope = f64::from((gradient.clone() * direction).sum().into_scalar::<f32>());
            let moved = rate + self.settings.hyper_rate * slope;
            // The recurrence can overshoot below zero, which would climb the loss: it waits at zero instead. A slope that
            // overflows says nothing, and the rate stays.
            if moved.is_finite() {
                rate = moved.max(0.0);
            }
        }
        self.rate = Some(rate);
        self.take(gradient);
        let moved = match self.direction() {
            Some(direction) => weights - direction * rate,
            None => weights,
        };
        (moved, rate)
    }

    fn arrived(&self, _weights: &Tensor<1>) -> Option<Tensor<1>> {
        None
    }
}
