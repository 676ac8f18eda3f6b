//! The rivals: what lodecast is compared with, each after its paper. A registry.

mod controller;
mod entry;
mod fixed;
mod greedy;
mod hypergradient;
mod plateau;
mod schedule_free;
mod start;
mod threshold;

use std::str::FromStr;

pub use controller::{Controller, ControllerSettings, ControllerTraining, LearnedController, train_controller};
pub use entry::Rival;
pub use greedy::{Greedy, GreedySettings};
pub use hypergradient::HypergradientDescent;
pub use plateau::{PlateauSettings, ReduceOnPlateau};
pub use schedule_free::ScheduleFreeLearning;
pub use threshold::Threshold;

pub use crate::optimizers::{Hypergradient, ScheduleFree};

use crate::error::{Error, Result};

impl Rival {
    /// Half a cosine, what most people take.
    pub const COSINE: Rival = fixed::COSINE;

    /// Every rival, in the order of tables. A new one is a file and a line.
    pub const ALL: [Rival; 13] = [
        fixed::CONSTANT,
        fixed::COSINE,
        fixed::ONE_CYCLE,
        fixed::STAIRCASE,
        fixed::LINEAR,
        fixed::WARMUP_STABLE_DECAY,
        plateau::RIVAL,
        greedy::RIVAL,
        hypergradient::SGD,
        hypergradient::ADAM,
        schedule_free::SGD,
        schedule_free::ADAMW,
        controller::RIVAL,
    ];
}

impl FromStr for Rival {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|rival| rival.name() == text).ok_or_else(|| Error::UnknownMethod {
            method: text.to_owned(),
            known: Self::ALL.map(|rival| rival.name()).join(", "),
        })
    }
}

#[cfg(test)]
mod tests;
