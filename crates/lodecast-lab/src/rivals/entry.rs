//! A rival of the registry: its name, the rate that it starts from, and how it is made for a run.

use std::fmt;

use lodecast::{Direction, Family, Schedule};

use super::controller::Controller;
use crate::error::{Error, Result};
use crate::optimizers::OptimizerKind;
use crate::run::contender::{Contender, MethodFactory};
use crate::run::method::{FixedSchedule, Method};

/// A rival: something that lodecast is compared with.
#[derive(Clone, Copy)]
pub struct Rival {
    pub(super) name: &'static str,
    pub(super) describes: &'static str,
    /// The optimizers whose rates it answers to.
    pub(super) optimizers: &'static [OptimizerKind],
    /// The family whose best peak in a sweep is the rate to start from.
    pub(super) family: Family,
    /// By how much its rate is higher than that peak.
    pub(super) rate_factor: f64,
    /// The rate its authors start from.
    pub(super) published_rate: Option<f64>,
    pub(super) makes: Makes,
}

/// How a rival is made.
#[derive(Clone, Copy)]
pub(super) enum Makes {
    /// It is the schedule of its family.
    Schedule,
    /// From a rate and the direction in which the metric is better.
    Method(fn(f64, Direction) -> Box<MethodFactory<'static>>),
    /// By a controller that was trained before.
    Controlled(fn(f64, Direction, Controller) -> Box<MethodFactory<'static>>),
}

impl Rival {
    /// One that starts from the best constant rate of a sweep, whatever the optimizer.
    pub(super) const fn new(name: &'static str, describes: &'static str, makes: Makes) -> Self {
        Self {
            name,
            describes,
            optimizers: &OptimizerKind::ALL,
            family: Family::Constant,
            rate_factor: 1.0,
            published_rate: None,
            makes,
        }
    }

    /// Name on the command line and in tables.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it does and after whom, in a line.
    pub fn describes(&self) -> &'static str {
        self.describes
    }

    /// Does the rival answer to the rates that suit `optimizer`? One that brings an optimizer of another kind does not.
    pub fn suits(&self, optimizer: OptimizerKind) -> bool {
        self.optimizers.contains(&optimizer)
    }

    /// The family whose best peak in a sweep is the rate to start from.
    pub fn family(&self) -> Family {
        self.family
    }

    /// Is it the schedule of its family, fixed before the run?
    pub fn is_fixed(&self) -> bool {
        matches!(self.makes, Makes::Schedule)
    }

    /// Is it a controller that has to be trained first?
    pub fn needs_controller(&self) -> bool {
        matches!(self.makes, Makes::Controlled(_))
    }

    /// The rate for a run, from the best peak of [`Self::family`] in a sweep with the same kind of optimizer.
    pub fn rate(&self, best_peak: f64) -> f64 {
        self.rate_factor * best_peak
    }

    /// The rate its authors start from, for where no sweep knows better.
    pub fn published_rate(&self) -> Option<f64> {
        self.published_rate
    }

    /// The rival at a rate, watching a validation metric of this direction. `controller` is who decides for one that needs one.
    ///
    /// # Errors
    /// If the rate is not positive and finite, or a controller is needed and not given.
    pub fn contender(
        &self,
        name: String,
        rate: f64,
        direction: Direction,
        controller: Option<&Controller>,
    ) -> Result<Contender<'static>> {
        if !(rate.is_finite() && rate > 0.0) {
            let remedy = "give a positive, finite one";
            return Err(Error::Setting { name: "learning rate", value: rate.to_string(), remedy });
        }
        let (fingerprint, factory): (String, Box<MethodFactory<'static>>) = match self.makes {
            Makes::Schedule => {
                let schedule = Schedule::parametric(self.family, rate);
                // As schedules are fingerprinted elsewhere, so that equal ones are not trained twice.
                let fingerprint = serde_json::to_string(&schedule)?;
                let make = move |_, total| -> lodecast::Result<Box<dyn Method>> {
                    Ok(Box::new(FixedSchedule::new(schedule.clone(), total)?))
                };
                (fingerprint, Box::new(make))
            }
            Makes::Method(make) => (format!("{self} {rate:e}"), make(rate, direction)),
            Makes::Controlled(make) => {
                let Some(controller) = controller else {
                    let remedy = "train one first with train_controller";
                    return Err(Error::Setting { name: "controller", value: "(none)".to_owned(), remedy });
                };
                let fingerprint = format!("{self} {rate:e} {}", serde_json::to_string(controller)?);
                (fingerprint, make(rate, direction, controller.clone()))
            }
        };
        Ok(Contender { name, fingerprint, factory })
    }
}

impl PartialEq for Rival {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Rival {}

impl fmt::Debug for Rival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Display for Rival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
