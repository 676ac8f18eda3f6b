//! Schedule-free learning as a method: its rule is among the optimizers.

use lodecast::{Attributes, Point};

use super::start::started_at;
use crate::optimizers::{ScheduleFree, UpdateRule};
use crate::run::method::Method;

/// Schedule-free learning as a method: a linear warm-up, then one rate.
#[derive(Clone, Debug)]
pub struct ScheduleFreeLearning {
    rate: f64,
    warmup_steps: u64,
    settings: ScheduleFree,
}

impl ScheduleFreeLearning {
    /// Fraction of a run in which the rate rises, as in most of the paper's experiments.
    pub const WARMUP: f64 = 0.05;

    /// Learns at `rate` in a run of `total_steps`.
    pub fn new(rate: f64, total_steps: u64, settings: ScheduleFree) -> Self {
        Self { rate, warmup_steps: (total_steps as f64 * Self::WARMUP).round() as u64, settings }
    }
}

impl Method for ScheduleFreeLearning {
    fn name(&self) -> String {
        self.settings.name().to_owned()
    }

    fn learning_rate(&mut self, step: u64) -> f64 {
        if step < self.warmup_steps { self.rate * (step + 1) as f64 / self.warmup_steps as f64 } else { self.rate }
    }

    fn observe(&mut self, _point: &Point) -> lodecast::Result<()> {
        Ok(())
    }

    fn attributes(&self) -> Attributes {
        started_at(self.settings.name(), self.rate)
    }

    fn update_rule(&self) -> UpdateRule {
        UpdateRule::ScheduleFree(self.settings)
    }
}
