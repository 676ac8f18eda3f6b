//! How a schedule is taken from the runs of a search: a registry.

mod confirmed;

use lodecast::Schedule;
use lodecast::tune::{Recommendation, Tuner};

use super::ContestConfiguration;
use super::by_name::by_name;
use super::search::{Search, Searched, Tried};
use super::store::Worker;
use crate::error::Result;
use crate::task::Length;
use crate::update_rule::UpdateRule;

/// Every rule, by name.
const RULES: [PickRule; 4] = [
    PickRule { name: "best-run", about: "the schedule of the best measured run", take: best_run },
    PickRule {
        name: "plain-process",
        about: "what a Gaussian process on schedule features expects most of",
        take: plain_process,
    },
    PickRule { name: "ours", about: "what law and process averaged expect most of", take: |taking| Ok(ours(taking)) },
    confirmed::RULE,
];

/// A rule that takes a schedule from measured runs.
#[derive(Clone, Copy)]
pub struct PickRule {
    name: &'static str,
    about: &'static str,
    take: fn(&Taking<'_>) -> Result<Schedule>,
}

/// What a rule takes a schedule from.
struct Taking<'a> {
    /// Trains what a rule wants trained besides.
    worker: &'a Worker<'a>,
    pipeline: u64,
    /// How the weights of the search's runs followed their gradients.
    rule: UpdateRule,
    length: Length,
    total_steps: u64,
    /// The budget, in runs of the full length.
    budget: u64,
    /// All runs of the search, also those beyond the budget.
    tried: &'a [Tried],
    /// The tuner as it was when the budget was spent, and what it recommends.
    tuner: &'a Tuner,
    recommended: &'a Recommendation,
}

impl PickRule {
    /// Every rule.
    pub fn all() -> &'static [Self] {
        &RULES
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it takes, in a few words.
    pub fn about(&self) -> &'static str {
        self.about
    }
}

by_name!(PickRule, UnknownPick, pick);

fn best_run(taking: &Taking<'_>) -> Result<Schedule> {
    let best = &taking.recommended.best_run.run;
    let asked = taking.tuner.trials().iter().find(|record| record.trial.name == *best);
    asked.map_or_else(|| Ok(ours(taking)), |record| Ok(record.trial.schedule.clone()))
}

fn plain_process(taking: &Taking<'_>) -> Result<Schedule> {
    let choice = taking.recommended.choices.iter().find(|choice| choice.name == "plain process alone");
    choice.map_or_else(|| best_run(taking), |choice| Ok(choice.schedule.clone()))
}

fn ours(taking: &Taking<'_>) -> Schedule {
    taking.recommended.schedule.clone()
}

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
