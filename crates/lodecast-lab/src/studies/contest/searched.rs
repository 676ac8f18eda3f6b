//! A search at work: a tuner keeps what was tried, the search says what is next, the lab trains and tells, until the largest
//! budget is spent.

use lodecast::tune::{Trial, Tuner};

use super::configuration::ContestConfiguration;
use super::search::Search;
use super::seeds::SEEDS;
use super::store::{Kept, Wanted, Worker};
use super::tried::{Searched, Tried};
use crate::error::Result;
use crate::run::length::Length;

/// Searches until the largest budget is spent.
pub(super) fn search(
    worker: &Worker<'_>,
    configuration: &ContestConfiguration,
    length: Length,
    pipeline: u64,
    search: Search,
) -> Result<Searched> {
    let task = worker.task();
    let examples = task.train_examples();
    let total_steps = length.total_steps(examples);
    let (low, high) = search.peaks(configuration.optimizer, configuration.peaks);
    let rule = search.rule(configuration.optimizer);
    let most = configuration.budgets.iter().max().copied().unwrap_or(0) * total_steps;
    let mut tuner = Tuner::builder(task.metric(), total_steps)
        .task(task.name())
        .peaks(low, high)
        .strategy(search.strategy()?)
        .seed(pipeline)
        .budget(most)
        .build()?;
    let mut snapshots: Vec<Option<Tuner>> = vec![None; configuration.budgets.len()];
    let mut tried = Vec::new();
    loop {
        let before = tuner.clone();
        let Some(trial) = search.ask(&mut tuner)? else { break };
        let committed = tuner.committed();
        for (snapshot, budget) in snapshots.iter_mut().zip(&configuration.budgets) {
            // The first run that a budget does not hold ends it.
            if snapshot.is_none() && committed > budget * total_steps {
                *snapshot = Some(before.clone());
            }
        }
        // Runs of different searches share their seeds, run by run.
        let seed = pipeline * SEEDS + tried.len() as u64;
        let length = length.of_steps(trial.total_steps, examples);
        let wanted = Wanted { schedule: trial.schedule.clone(), rule, length, seed };
        let record = worker.run(&wanted, Kept::Curves)?;
        tuner.tell(&trial.name, &record.run)?;
        let Trial { schedule, total_steps, .. } = trial;
        tried.push(Tried { schedule, total_steps, value: record.validated(), committed });
    }
    let tuners = snapshots.into_iter().map(|snapshot| snapshot.unwrap_or_else(|| tuner.clone())).collect();
    Ok(Searched { tuners, tried })
}
