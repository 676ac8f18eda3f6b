//! A search of the registry: who says what is next, and what the rates drive.

use lodecast::tune::{Strategy, Trial, Tuner};

use crate::error::Result;
use crate::optimizers::{OptimizerKind, UpdateRule};

/// How runs are chosen.
#[derive(Clone, Copy)]
pub struct Search {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) asks: Asks,
    pub(super) trains: Trains,
}

/// Who says what is next.
#[derive(Clone, Copy)]
pub(super) enum Asks {
    /// A strategy of the tuner.
    Strategy(Strategy),
    /// Another search, from what the tuner was told. What the tuner itself would ask is at random.
    Rival(fn(&mut Tuner) -> Result<Option<Trial>>),
}

/// What the rates that are asked for drive.
#[derive(Clone, Copy)]
pub(super) enum Trains {
    /// The contest's optimizer.
    Optimizer,
    /// Another rule, at the peaks that suit it where these suit the optimizer.
    Rule(fn(OptimizerKind) -> UpdateRule, fn(OptimizerKind, (f64, f64)) -> (f64, f64)),
}

impl Search {
    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it does, in a sentence.
    pub fn about(&self) -> &'static str {
        self.about
    }

    /// How the weights of its runs follow their gradients.
    pub(in crate::studies::contest) fn rule(&self, optimizer: OptimizerKind) -> UpdateRule {
        match self.trains {
            Trains::Optimizer => UpdateRule::Optimizer,
            Trains::Rule(rule, _) => rule(optimizer),
        }
    }

    /// What suits its update rule where `peaks` suit the optimizer.
    pub(in crate::studies::contest) fn peaks(&self, optimizer: OptimizerKind, peaks: (f64, f64)) -> (f64, f64) {
        match self.trains {
            Trains::Optimizer => peaks,
            Trains::Rule(_, suited) => suited(optimizer, peaks),
        }
    }

    pub(in crate::studies::contest) fn strategy(&self) -> Result<Strategy> {
        match self.asks {
            Asks::Strategy(strategy) => Ok(strategy),
            Asks::Rival(_) => Ok("random".parse()?),
        }
    }

    pub(in crate::studies::contest) fn ask(&self, tuner: &mut Tuner) -> Result<Option<Trial>> {
        match self.asks {
            Asks::Strategy(_) => Ok(tuner.ask()?),
            Asks::Rival(ask) => ask(tuner),
        }
    }
}

impl From<Strategy> for Search {
    fn from(strategy: Strategy) -> Self {
        Self {
            name: strategy.name(),
            about: strategy.about(),
            asks: Asks::Strategy(strategy),
            trains: Trains::Optimizer,
        }
    }
}
