//! Schedule-free learning: gradients at a point between the steps and their average, results at the average.
//!
//! Defazio, Yang, Mehta, Mishchenko, Khaled & Cutkosky, *The Road Less Scheduled*, NeurIPS 2024. With `z` the steps, `x`
//! their weighted average and `y = (1 - momentum) z + momentum x`: gradients are taken at `y`, `z` moves along them, and
//! the network that counts is `x`.

use burn::tensor::Tensor;

use super::vector_update::VectorUpdate;

/// Which optimizer, with the authors' settings: momentum 0.9, averaging weights that grow with the square of the rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScheduleFree {
    /// Is it Adam or plain gradient descent that `z` follows?
    pub adam: bool,
    /// Weight decay, applied at `y`.
    pub weight_decay: f64,
}

impl ScheduleFree {
    /// Gradient descent without weight decay.
    pub const SGD: Self = Self { adam: false, weight_decay: 0.0 };
    /// AdamW with the lab's weight decay of 0.01.
    pub const ADAMW: Self = Self { adam: true, weight_decay: 0.01 };

    pub(crate) const fn name(&self) -> &'static str {
        if self.adam { "schedule-free-adamw" } else { "schedule-free-sgd" }
    }

    pub(crate) fn start(&self) -> Box<dyn VectorUpdate> {
        Box::new(Averaging { settings: *self, z: None, second: None, steps: 0, highest_rate: 0.0, weight_sum: 0.0 })
    }
}

/// The rule at work. `y` is in the network, `x` follows from `y` and `z`.
struct Averaging {
    settings: ScheduleFree,
    z: Option<Tensor<1>>,
    second: Option<Tensor<1>>,
    steps: i32,
    highest_rate: f64,
    weight_sum: f64,
}

impl Averaging {
    const MOMENTUM: f64 = 0.9;
    const SECOND_DECAY: f64 = 0.999;
    const EPSILON: f64 = 1e-8;
}

impl VectorUpdate for Averaging {
    fn step(&mut self, rate: f64, y: Tensor<1>, gradient: Tensor<1>) -> (Tensor<1>, f64) {
        let z = self.z.take().unwrap_or_else(|| y.clone());
        self.steps += 1;
        self.highest_rate = self.highest_rate.max(rate);
        let weight = self.highest_rate.powi(2);
        self.weight_sum += weight;
        let share = if self.weight_sum > 0.0 { weight / self.weight_sum } else { 0.0 };

        let mut direction = gradient;
        if self.settings.adam {
            let squares = direction.clone() * direction.clone();
            let second = self.second.take().unwrap_or_else(|| squares.zeros_like());
            let second = second * Self::SECOND_DECAY + squares * (1.0 - Self::SECOND_DECAY);
            let correction = 1.0 - Self::SECOND_DECAY.powi(self.steps);
            direction = direction / ((second.clone() / correction).sqrt() + Self::EPSILON);
            self.second = Some(second);
        }
        if self.settings.weight_decay > 0.0 {
            direction = direction + y.clone() * self.settings.weight_decay;
        }
        // x moves to the new z by its share; y = (1 - momentum) z + momentum x, written without x.
        let moved = y.clone() * (1.0 - share)
            + z.clone() * share
            + direction.clone() * (rate * (Self::MOMENTUM * (1.0 - share) - 1.0));
        self.z = Some(z - direction * rate);
        (moved, rate)
    }

    fn arrived(&self, y: &Tensor<1>) -> Option<Tensor<1>> {
        let z = self.z.clone()?;
        Some((y.clone() - z * (1.0 - Self::MOMENTUM)) / Self::MOMENTUM)
    }
}
