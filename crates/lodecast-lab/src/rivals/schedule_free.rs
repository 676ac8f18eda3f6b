//! Schedule-free learning as a method: its rule is among the optimizers.

use lodecast::{Attributes, Point};

use super::entry::{Makes, Rival};
use super::start::started_at;
use crate::optimizers::{OptimizerKind, ScheduleFree, UpdateRule};
use crate::run::method::Method;

/// It takes ten times the rate that suits the optimizer: its steps carry no momentum, and its authors recommend ten to fifty times the
/// usual rate.
pub(super) const SGD: Rival = Rival {
    optimizers: &[OptimizerKind::Sgd],
    rate_factor: 10.0,
    published_rate: Some(1.0),
    ..Rival::new(
        ScheduleFree::SGD.name(),
        "gradient descent without a schedule, evaluated at the average: Defazio et al. 2024",
        Makes::Method(|rate, _| {
            Box::new(move |_, total| Ok(Box::new(ScheduleFreeLearning::new(rate, total, ScheduleFree::SGD))))
        }),
    )
};

pub(super) const ADAMW: Rival = Rival {
    optimizers: &[OptimizerKind::Adam, OptimizerKind::AdamW],
    published_rate: Some(2.5e-3),
    ..Rival::new(
        ScheduleFree::ADAMW.name(),
        "AdamW without a schedule, evaluated at the average: Defazio et al. 2024",
        Makes::Method(|rate, _| {
            Box::new(move |_, total| Ok(Box::new(ScheduleFreeLearning::new(rate, total, ScheduleFree::ADAMW))))
        }),
    )
};

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
