//! A rule of the registry, and what it takes a schedule from.

use lodecast::Schedule;
use lodecast::tune::{Recommendation, Tuner};

use crate::error::Result;
use crate::optimizers::UpdateRule;
use crate::run::length::Length;
use crate::studies::contest::store::Worker;
use crate::studies::contest::tried::Tried;

/// A rule that takes a schedule from measured runs.
#[derive(Clone, Copy)]
pub struct PickRule {
    pub(in crate::studies::contest) name: &'static str,
    pub(in crate::studies::contest) about: &'static str,
    pub(in crate::studies::contest) take: fn(&Taking<'_>) -> Result<Schedule>,
}

/// What a rule takes a schedule from.
pub(in crate::studies::contest) struct Taking<'a> {
    /// Trains what a rule wants trained besides.
    pub(in crate::studies::contest) worker: &'a Worker<'a>,
    pub(in crate::studies::contest) pipeline: u64,
    /// How the weights of the search's runs followed their gradients.
    pub(in crate::studies::contest) rule: UpdateRule,
    pub(in crate::studies::contest) length: Length,
    pub(in crate::studies::contest) total_steps: u64,
    /// The budget, in runs of the full length.
    pub(in crate::studies::contest) budget: u64,
    /// All runs of the search, also those beyond the budget.
    pub(in crate::studies::contest) tried: &'a [Tried],
    /// The tuner as it was when the budget was spent, and what it recommends.
    pub(in crate::studies::contest) tuner: &'a Tuner,
    pub(in crate::studies::contest) recommended: &'a Recommendation,
}

impl PickRule {
    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it takes, in a few words.
    pub fn about(&self) -> &'static str {
        self.about
    }
}
