//! What a contest is about.

use serde::{Deserialize, Serialize};

use super::picks::PickRule;
use super::search::Search;
use super::seeds::SEEDS;
use crate::error::{Error, Result};
use crate::optimizers::OptimizerKind;
use crate::run::length::Length;
use crate::studies::checks::all_different;

/// The parts of a contest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContestConfiguration {
    /// Name of the task.
    pub task: String,
    /// Optimizer.
    pub optimizer: OptimizerKind,
    /// Length of the runs, if not the task's own; a variation changes its batches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<Length>,
    /// Lowest and highest peak rate that a search may try.
    pub peaks: (f64, f64),
    /// Budgets, each the steps of so many runs of the full length.
    pub budgets: Vec<u64>,
    /// Whole pipelines of each search.
    pub pipelines: u64,
    /// Fresh seeds that each pick is trained under.
    pub seeds: u64,
    /// How runs are chosen.
    pub searches: Vec<Search>,
    /// How a schedule is taken from them.
    pub picks: Vec<PickRule>,
}

impl ContestConfiguration {
    pub(super) fn check(&self) -> Result<()> {
        all_different("budget", &self.budgets)?;
        all_different("search", &self.searches)?;
        all_different("pick", &self.picks)?;
        let fail = |name, value: u64, remedy| Err(Error::Setting { name, value: value.to_string(), remedy });
        if let Some(&budget) = self.budgets.iter().find(|&&budget| !(1..SEEDS / 4).contains(&budget)) {
            return fail("budgets", budget, "give budgets of at least one run");
        }
        if self.pipelines == 0 {
            return fail("pipelines", 0, "repeat the whole pipeline at least once");
        }
        if !(1..SEEDS / 2).contains(&self.seeds) {
            return fail("seeds", self.seeds, "train each pick under at least one fresh seed");
        }
        Ok(())
    }
}
