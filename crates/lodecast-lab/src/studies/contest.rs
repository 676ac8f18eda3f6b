//! The contest: whole tuning pipelines side by side, each search with each pick, at several budgets.
//!
//! A pipeline is everything from the first run to a schedule: a search asks for runs, a pick takes a schedule from what they
//! measured on the validation set, and that schedule is trained under fresh seeds. Searches are nested: the first six of 24 runs
//! are the budget of six. What the picks reach is measured on the test set, which no choice has seen.

mod by_name;
mod configuration;
mod picked;
mod picks;
mod search;
mod searched;
mod seeds;
mod store;
mod table;
#[cfg(test)]
mod tests;
mod tried;

use lodecast::Metric;
use serde::Serialize;
use serde_json::json;

pub use configuration::ContestConfiguration;
pub use picks::PickRule;
pub use search::{BEYOND_THE_GRID, GRID_FAMILIES, Search};
pub use table::{ContestDifference, ContestRow};

use crate::error::Result;
use crate::run::train::Trainable;
use crate::studies::checks::checked_length;
use crate::studies::crew::Execution;
use picked::picks;
use searched::search;
use seeds::SEEDS;
use store::{Kept, Store, Wanted};

/// A finished contest.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Contest {
    /// What it was about.
    pub configuration: ContestConfiguration,
    /// Metric of the table, measured on the test set.
    pub metric: Metric,
    /// Length of a run in optimizer steps.
    pub total_steps: u64,
    /// A row for each search, pick and budget.
    pub rows: Vec<ContestRow>,
    /// What each pick gains over the best measured run of the same search and budget, and each search over the first one with
    /// the same pick and budget.
    pub differences: Vec<ContestDifference>,
}

/// Runs or resumes a contest.
///
/// # Errors
/// If the configuration does not fit the task, or repeats itself; if the journal cannot be used; if a run fails or the work is
/// cancelled. Runs finished by then are in the journal, which another contest of the same task, optimizer and length may share.
pub fn contest(
    task: &dyn Trainable,
    configuration: &ContestConfiguration,
    execution: &Execution<'_>,
) -> Result<Contest> {
    configuration.check()?;
    let length = checked_length(task, &configuration.task, configuration.length)?;
    // Neither budgets nor pipelines, searches or seeds: a finished contest can be extended by more of each.
    let whole = json!({
        "kind": "contest", "task": configuration.task, "optimizer": configuration.optimizer, "length": length,
        "data": task.description(),
    });
    let searches = configuration.searches.iter();
    let units: Vec<(u64, Search)> =
        searches.flat_map(|search| (0..configuration.pipelines).map(move |pipeline| (pipeline, *search))).collect();
    let most = configuration.budgets.iter().max().copied().unwrap_or(0) as usize;
    let picked = configuration.picks.len() * configuration.budgets.len() * configuration.seeds as usize;
    let total = units.len() * (most + picked);
    let store = Store::open(task, configuration.optimizer, &whole, execution)?;

    let found = store.work_through(execution, total, &units, |worker, (pipeline, chosen)| {
        let searched = search(worker, configuration, length, *pipeline, *chosen)?;
        picks(worker, configuration, length, (*pipeline, *chosen), &searched)
    })?;
    // Every pick under every fresh seed of its pipeline; what several took is trained once.
    let mut wanted = Vec::new();
    for ((pipeline, searched_with), by_budget) in units.iter().zip(&found) {
        let rule = searched_with.rule(configuration.optimizer);
        for schedule in by_budget.iter().flatten() {
            let seeds = (0..configuration.seeds).map(|seed| pipeline * SEEDS + SEEDS / 2 + seed);
            wanted.extend(seeds.map(|seed| Wanted { schedule: schedule.clone(), rule, length, seed }));
        }
    }
    let records = store.work_through(execution, total, &wanted, |worker, wanted| worker.run(wanted, Kept::Ends))?;
    let finals: Vec<f64> = records.iter().map(|record| record.test_metric).collect();
    let metric = task.metric();
    let rows = table::rows(configuration, &metric, &finals);
    let differences = table::differences(configuration, &metric, &rows);
    let total_steps = length.total_steps(task.train_examples());
    Ok(Contest { configuration: configuration.clone(), metric, total_steps, rows, differences })
}
