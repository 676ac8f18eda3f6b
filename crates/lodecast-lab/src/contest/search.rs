//! A search of the contest: a tuner asks, the lab trains and tells, until the largest budget is spent.

use lodecast::tune::{Strategy, Tuner};

use super::store::{Kept, Wanted, Worker};
use super::{ContestConfiguration, SEEDS};
use crate::error::Result;
use crate::task::Length;

/// The tuner as it was when each budget was spent, in the configuration's order.
pub(super) fn search(
    worker: &Worker<'_>,
    configuration: &ContestConfiguration,
    length: Length,
    pipeline: u64,
    strategy: Strategy,
) -> Result<Vec<Tuner>> {
    let task = worker.task();
    let examples = task.train_examples();
    let total_steps = length.total_steps(examples);
    let (low, high) = configuration.peaks;
    let most = configuration.budgets.iter().max().copied().unwrap_or(0) * total_steps;
    let mut tuner = Tuner::builder(task.metric(), total_steps)
        .task(task.name())
        .peaks(low, high)
        .strategy(strategy)
        .seed(pipeline)
        .budget(most)
        .build()?;
    let mut snapshots: Vec<Option<Tuner>> = vec![None; configuration.budgets.len()];
    let mut index = 0;
    loop {
        let before = tuner.clone();
        let Some(trial) = tuner.ask()? else { break };
        for (snapshot, budget) in snapshots.iter_mut().zip(&configuration.budgets) {
            // The first run that a budget does not hold ends it.
            if snapshot.is_none() && tuner.committed() > budget * total_steps {
                *snapshot = Some(before.clone());
            }
        }
        // Runs of different searches share their seeds, run by run.
        let seed = pipeline * SEEDS + index;
        let length = length.of_steps(trial.total_steps, examples);
        let wanted = Wanted { schedule: trial.schedule.clone(), length, seed };
        let record = worker.run(&wanted, Kept::Curves)?;
        tuner.tell(&trial.name, &record.run)?;
        index += 1;
    }
    Ok(snapshots.into_iter().map(|snapshot| snapshot.unwrap_or_else(|| tuner.clone())).collect())
}
