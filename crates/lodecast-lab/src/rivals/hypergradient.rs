//! Hypergradient descent as a method: its rule is among the optimizers.

use lodecast::{Attributes, Point};

use super::start::started_at;
use crate::optimizers::{Hypergradient, UpdateRule};
use crate::run::method::Method;

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
