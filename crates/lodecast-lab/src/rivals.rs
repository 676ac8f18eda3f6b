//! The rivals: what lodecast is compared with, each after its paper.

mod controller;
mod greedy;
mod hypergradient;
mod plateau;
mod schedule_free;
mod start;
mod threshold;

use std::fmt;
use std::str::FromStr;

use lodecast::{Direction, Family, Schedule};

pub use controller::{Controller, ControllerSettings, ControllerTraining, LearnedController, train_controller};
pub use greedy::{Greedy, GreedySettings};
pub use hypergradient::HypergradientDescent;
pub use plateau::{PlateauSettings, ReduceOnPlateau};
pub use schedule_free::ScheduleFreeLearning;
pub use threshold::Threshold;

pub use crate::optimizers::{Hypergradient, ScheduleFree};

use crate::error::{Error, Result};
use crate::optimizers::OptimizerKind;
use crate::run::contender::Contender;
use crate::run::method::FixedSchedule;

/// A rival by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rival {
    /// A schedule fixed before the run.
    Fixed(Family),
    /// Reduce on plateau.
    Plateau,
    /// GreedyLR.
    Greedy,
    /// Gradient descent with a hypergradient (SGDN-HD).
    HypergradientSgd,
    /// Adam with a hypergradient (Adam-HD).
    HypergradientAdam,
    /// Schedule-free gradient descent.
    ScheduleFreeSgd,
    /// Schedule-free AdamW.
    ScheduleFreeAdamW,
    /// A controller that was trained by reinforcement learning on runs of the task.
    Controller,
}

impl Rival {
    /// Every rival, in the order of tables.
    pub const ALL: [Rival; 13] = [
        Rival::Fixed(Family::Constant),
        Rival::Fixed(Family::Cosine),
        Rival::Fixed(Family::OneCycle),
        Rival::Fixed(Family::Staircase),
        Rival::Fixed(Family::Linear),
        Rival::Fixed(Family::WarmupStableDecay),
        Rival::Plateau,
        Rival::Greedy,
        Rival::HypergradientSgd,
        Rival::HypergradientAdam,
        Rival::ScheduleFreeSgd,
        Rival::ScheduleFreeAdamW,
        Rival::Controller,
    ];

    /// Name on the command line and in tables.
    pub fn name(self) -> &'static str {
        match self {
            Rival::Fixed(family) => family.name(),
            Rival::Plateau => "plateau",
            Rival::Greedy => "greedy",
            Rival::HypergradientSgd => Hypergradient::SGD.name(),
            Rival::HypergradientAdam => Hypergradient::ADAM.name(),
            Rival::ScheduleFreeSgd => ScheduleFree::SGD.name(),
            Rival::ScheduleFreeAdamW => ScheduleFree::ADAMW.name(),
            Rival::Controller => "controller",
        }
    }

    /// What it does and after whom, in a line.
    pub fn describes(self) -> &'static str {
        match self {
            Rival::Fixed(Family::Constant) => "one rate all along",
            Rival::Fixed(Family::Cosine) => "half a cosine down to nothing",
            Rival::Fixed(Family::OneCycle) => "up, down, and further down: one cycle",
            Rival::Fixed(Family::Staircase) => "halved in stages",
            Rival::Fixed(Family::Linear) => "a straight line down to nothing",
            Rival::Fixed(_) => "up, level, then down to nothing",
            Rival::Plateau => "lowered when the metric stops getting better: torch's ReduceLROnPlateau",
            Rival::Greedy => "raised and lowered with the loss: GreedyLR",
            Rival::HypergradientSgd => "gradient descent that descends in its own rate: Baydin et al. 2018",
            Rival::HypergradientAdam => "Adam that descends in its own rate: Baydin et al. 2018",
            Rival::ScheduleFreeSgd => {
                "gradient descent without a schedule, evaluated at the average: Defazio et al. 2024"
            }
            Rival::ScheduleFreeAdamW => "AdamW without a schedule, evaluated at the average: Defazio et al. 2024",
            Rival::Controller => "a network trained by reinforcement learning on runs of the task: Xu et al. 2019",
        }
    }

    /// Does the rival answer to the rates that suit `optimizer`? One that brings an optimizer of another kind does not.
    pub fn suits(self, optimizer: OptimizerKind) -> bool {
        let sgd = optimizer == OptimizerKind::Sgd;
        match self {
            Rival::HypergradientSgd | Rival::ScheduleFreeSgd => sgd,
            Rival::HypergradientAdam | Rival::ScheduleFreeAdamW => !sgd,
            _ => true,
        }
    }

    /// The family whose best peak in a sweep is the rate to start from.
    pub fn family(self) -> Family {
        match self {
            Rival::Fixed(family) => family,
            _ => Family::Constant,
        }
    }

    /// The rate for a run, from the best peak of [`Self::family`] in a sweep with the same kind of optimizer.
    ///
    /// Schedule-free gradient descent takes ten times as much: its steps carry no momentum, and its authors recommend ten
    /// to fifty times the usual rate.
    pub fn rate(self, best_peak: f64) -> f64 {
        if self == Rival::ScheduleFreeSgd { 10.0 * best_peak } else { best_peak }
    }

    /// The rate its authors start from, for where no sweep knows better.
    pub fn published_rate(self) -> Option<f64> {
        match self {
            Rival::HypergradientSgd | Rival::HypergradientAdam => Some(1e-3),
            Rival::ScheduleFreeSgd => Some(1.0),
            Rival::ScheduleFreeAdamW => Some(2.5e-3),
            _ => None,
        }
    }

    /// The rival at a rate, watching a validation metric of this direction. `controller` is who decides for
    /// [`Rival::Controller`].
    ///
    /// # Errors
    /// If the rate is not positive and finite, or a controller is needed and not given.
    pub fn contender(
        self,
        name: String,
        rate: f64,
        direction: Direction,
        controller: Option<&Controller>,
    ) -> Result<Contender<'static>> {
        if !(rate.is_finite() && rate > 0.0) {
            let remedy = "give a positive, finite one";
            return Err(Error::Setting { name: "learning rate", value: rate.to_string(), remedy });
        }
        let mut fingerprint = format!("{self} {rate:e}");
        let factory: Box<crate::MethodFactory<'static>> = match self {
            Rival::Fixed(family) => {
                let schedule = Schedule::parametric(family, rate);
                // As schedules are fingerprinted elsewhere, so that equal ones are not trained twice.
                fingerprint = serde_json::to_string(&schedule)?;
                Box::new(move |_, total| Ok(Box::new(FixedSchedule::new(schedule.clone(), total)?)))
            }
            Rival::Plateau => {
                let method = ReduceOnPlateau::new(rate, direction, PlateauSettings::default());
                Box::new(move |_, _| Ok(Box::new(method.clone())))
            }
            Rival::Greedy => {
                let method = Greedy::new(rate, GreedySettings::starting_at(rate));
                Box::new(move |_, _| Ok(Box::new(method.clone())))
            }
            Rival::HypergradientSgd => {
                Box::new(move |_, _| Ok(Box::new(HypergradientDescent::new(rate, Hypergradient::SGD))))
            }
            Rival::HypergradientAdam => {
                Box::new(move |_, _| Ok(Box::new(HypergradientDescent::new(rate, Hypergradient::ADAM))))
            }
            Rival::ScheduleFreeSgd => {
                Box::new(move |_, total| Ok(Box::new(ScheduleFreeLearning::new(rate, total, ScheduleFree::SGD))))
            }
            Rival::ScheduleFreeAdamW => {
                Box::new(move |_, total| Ok(Box::new(ScheduleFreeLearning::new(rate, total, ScheduleFree::ADAMW))))
            }
            Rival::Controller => {
                let Some(controller) = controller else {
                    let remedy = "train one first with train_controller";
                    return Err(Error::Setting { name: "controller", value: "(none)".to_owned(), remedy });
                };
                let controller = controller.clone();
                fingerprint = format!("{fingerprint} {}", serde_json::to_string(&controller)?);
                Box::new(move |_, total| {
                    Ok(Box::new(LearnedController::new(controller.clone(), rate, direction, total)))
                })
            }
        };
        Ok(Contender { name, fingerprint, factory })
    }
}

impl fmt::Display for Rival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Rival {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|rival| rival.name() == text).ok_or_else(|| Error::UnknownMethod {
            method: text.to_owned(),
            known: Self::ALL.map(Self::name).join(", "),
        })
    }
}

#[cfg(test)]
mod tests;
