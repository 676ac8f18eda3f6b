//! Reduce on plateau: the rate falls by a factor when the metric has stopped getting better.
//!
//! The rule of `torch.optim.lr_scheduler.ReduceLROnPlateau`, asked at each metric point that has a validation metric.

use lodecast::{Attributes, Direction, Point};

use super::entry::{Makes, Rival};
use super::start::started_at;
use super::threshold::{Threshold, worst};
use crate::run::method::Method;

pub(super) const RIVAL: Rival = Rival::new(
    "plateau",
    "lowered when the metric stops getting better: torch's ReduceLROnPlateau",
    Makes::Method(|rate, direction| {
        let method = ReduceOnPlateau::new(rate, direction, PlateauSettings::default());
        Box::new(move |_, _| Ok(Box::new(method.clone())))
    }),
);

/// Settings of [`ReduceOnPlateau`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlateauSettings {
    /// What the rate is multiplied by.
    pub factor: f64,
    /// Metric points without improvement that are let pass.
    pub patience: u32,
    /// What counts as an improvement.
    pub threshold: Threshold,
    /// Metric points after a reduction in which none is counted.
    pub cooldown: u32,
    /// Lowest rate.
    pub lowest: f64,
}

impl Default for PlateauSettings {
    /// PyTorch's: a tenth after more than 10 points without a relative improvement of 0.0001.
    fn default() -> Self {
        Self { factor: 0.1, patience: 10, threshold: Threshold::Relative(1e-4), cooldown: 0, lowest: 0.0 }
    }
}

/// Reduce on plateau, as a method.
#[derive(Clone, Debug)]
pub struct ReduceOnPlateau {
    settings: PlateauSettings,
    direction: Direction,
    initial: f64,
    rate: f64,
    best: f64,
    bad: u32,
    cooling: u32,
}

impl ReduceOnPlateau {
    /// Smallest change of the rate that is made.
    const LEAST_CHANGE: f64 = 1e-8;

    /// Starts at `rate` and watches a metric of this direction.
    pub fn new(rate: f64, direction: Direction, settings: PlateauSettings) -> Self {
        Self { settings, direction, initial: rate, rate, best: worst(direction), bad: 0, cooling: 0 }
    }

    fn take(&mut self, metric: f64) {
        if self.settings.threshold.is_better(metric, self.best, self.direction) {
            self.best = metric;
            self.bad = 0;
        } else {
            self.bad += 1;
        }
        if self.cooling > 0 {
            self.cooling -= 1;
            self.bad = 0;
        }
        if self.bad > self.settings.patience {
            let reduced = (self.rate * self.settings.factor).max(self.settings.lowest);
            if self.rate - reduced > Self::LEAST_CHANGE {
                self.rate = reduced;
            }
            self.cooling = self.settings.cooldown;
            self.bad = 0;
        }
    }
}

impl Method for ReduceOnPlateau {
    fn name(&self) -> String {
        "plateau".to_owned()
    }

    fn learning_rate(&mut self, _step: u64) -> f64 {
        self.rate
    }

    fn observe(&mut self, point: &Point) -> lodecast::Result<()> {
        if let Some(metric) = point.validation {
            self.take(metric);
        }
        Ok(())
    }

    fn attributes(&self) -> Attributes {
        started_at("plateau", self.initial)
    }
}
