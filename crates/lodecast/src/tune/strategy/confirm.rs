//! Finalists under another seed: a third of the runs goes to the measured schedules that may be the best, so that luck is told
//! from merit.

use std::collections::BTreeMap;

use super::proposal::{Proposal, Situation, Strategy};
use super::spread;
use crate::Result;
use crate::model::law::Appraiser;
use crate::tune::error::TuneError;

pub(super) const STRATEGY: Strategy = Strategy {
    name: "confirm",
    about: "the spread for two thirds of the runs, then the best three of them under other seeds",
    propose,
};

/// Finalists.
const FINALISTS: usize = 3;
/// Runs that must have ended before any is confirmed.
const LEAST_ENDED: usize = 3;

fn propose(situation: &Situation<'_>) -> Result<Proposal, TuneError> {
    // With no end in sight, every third run.
    let confirms = situation.mostly_spent.unwrap_or(situation.asked % 3 == 2);
    let finalist = if confirms { finalist(situation) } else { None };
    match finalist {
        Some(finalist) => Ok(finalist),
        None => spread::propose(situation, situation.total_steps, "spread over shapes and peaks"),
    }
}

/// Of the best measured schedules the one with the fewest runs.
fn finalist(situation: &Situation<'_>) -> Option<Proposal> {
    let mut measured = situation.study.measured();
    measured.retain(|run| run.total_steps == situation.total_steps);
    if measured.len() < LEAST_ENDED {
        return None;
    }
    let direction = situation.direction;
    measured.sort_by(|a, b| {
        if direction.is_better(a.value, b.value) { std::cmp::Ordering::Less } else { std::cmp::Ordering::Greater }
    });
    if let Some(law) = situation.law() {
        let appraiser = Appraiser::new(&law, situation.total_steps);
        let mut scratch = Vec::new();
        measured.sort_by_cached_key(|run| {
            // Expected gaps are not negative: their bits are in their order.
            appraiser.appraise(&run.schedule, &mut scratch).expected.max(0.0).to_bits()
        });
    }
    let mut finalists: Vec<usize> = Vec::new();
    for (index, run) in measured.iter().enumerate() {
        if finalists.len() < FINALISTS && finalists.iter().all(|&known| measured[known].schedule != run.schedule) {
            finalists.push(index);
        }
    }
    let taken = situation.study.taken();
    let runs = |index: usize| taken.iter().filter(|(schedule, _)| *schedule == measured[index].schedule).count();
    let chosen = &measured[finalists.into_iter().min_by_key(|&index| runs(index))?];
    let wanted: BTreeMap<_, _> = situation.study.settings_of(chosen);
    Some(Proposal {
        schedule: chosen.schedule.clone(),
        total_steps: situation.total_steps,
        settings: wanted,
        reason: format!("the schedule of '{}' under another seed", chosen.name),
    })
}
