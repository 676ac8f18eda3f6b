//! How a schedule is taken from the runs of a search: a registry.

mod confirmed;
mod measured;
mod rule;

pub use rule::PickRule;
pub(super) use rule::Taking;

use super::by_name::by_name;
use measured::{best_run, ours, plain_process};

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

impl PickRule {
    /// Every rule.
    pub fn all() -> &'static [Self] {
        &RULES
    }
}

by_name!(PickRule, UnknownPick, pick);
