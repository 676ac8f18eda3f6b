//! Hypergradient descent as a method: its rule is among the optimizers.

use lodecast::{Attributes, Point};

use super::entry::{Makes, Rival};
use super::start::started_at;
use crate::optimizers::{Hypergradient, OptimizerKind, UpdateRule};
use crate::run::method::Method;

pub(super) const SGD: Rival = Rival {
    optimizers: &[OptimizerKind::Sgd],
    published_rate: Some(1e-3),
    ..Rival::new(
        Hypergradient::SGD.name(),
        "gradient descent that descends in its own rate: Baydin et al. 2018",
        Makes::Method(|rate, _| {
            Box::new(move |_, _| Ok(Box::new(HypergradientDescent::new(rate, Hypergradient::SGD))))
        }),
    )
};

pub(super) const ADAM: Rival = Rival {
    optimizers: &[OptimizerKind::Adam, OptimizerKind::AdamW],
    published_rate: Some(1e-3),
    ..Rival::new(
        Hypergradient::ADAM.name(),
        "Adam that descends in its own rate: Baydin et al. 2018",
        Makes::Method(|rate, _| {
            Box::new(move |_, _| Ok(Box::new(HypergradientDescent::new(rate, Hypergradient::ADAM))))
        }),
    )
};

/// Hypergradient descent as a method: it starts at a rate and then goes its own way.
#[derive(Clone, Debug)]
pub struct HypergradientDescent {
    rate: f64,
    settings: Hypergradient,
}

impl HypergradientDescent {
    /// Starts at `rate`.
    pub fn new(rate: f64, settings: Hypergradient) -> Self {
        Self { rate, settings }
    }
}

impl Method for HypergradientDescent {
    fn name(&self) -> String {
        self.settings.name().to_owned()
    }

    fn learning_rate(&mut self, _step: u64) -> f64 {
        self.rate
    }

    fn observe(&mut self, _point: &Point) -> lodecast::Result<()> {
        Ok(())
    }

    fn attributes(&self) -> Attributes {
        started_at(self.settings.name(), self.rate)
    }

    fn update_rule(&self) -> UpdateRule {
        UpdateRule::Hypergradient(self.settings)
    }
}
