//! What each rule takes from a search.

use lodecast::Schedule;
use lodecast::tune::Tuner;

use super::configuration::ContestConfiguration;
use super::picks::Taking;
use super::search::Search;
use super::store::Worker;
use super::tried::Searched;
use crate::error::Result;
use crate::run::length::Length;

/// What each rule takes at each of the budgets, in their order.
pub(super) fn picks(
    worker: &Worker<'_>,
    configuration: &ContestConfiguration,
    length: Length,
    (pipeline, search): (u64, Search),
    searched: &Searched,
) -> Result<Vec<Vec<Schedule>>> {
    let total_steps = length.total_steps(worker.task().train_examples());
    let at_budget = |(tuner, budget): (&Tuner, &u64)| {
        let recommended = tuner.recommend()?;
        let taking = Taking {
            worker,
            pipeline,
            rule: search.rule(configuration.optimizer),
            length,
            total_steps,
            budget: *budget,
            tried: &searched.tried,
            tuner,
            recommended: &recommended,
        };
        configuration.picks.iter().map(|rule| (rule.take)(&taking)).collect()
    };
    searched.tuners.iter().zip(&configuration.budgets).map(at_budget).collect()
}
