//! At random: what a random search does, after the start design.

use rand::RngExt;

use super::proposal::{Proposal, Situation, Strategy};
use super::spread::next_start;
use crate::Result;
use crate::random::{Purpose, stream};
use crate::tune::error::TuneError;

pub(super) const STRATEGY: Strategy =
    Strategy { name: "random", about: "shapes, peaks and settings at random", propose };

fn propose(situation: &Situation<'_>) -> Result<Proposal, TuneError> {
    if let Some(start) = next_start(situation)? {
        return Ok(start);
    }
    // A stream a trial: what it draws does not depend on what came before.
    let mut random = stream(situation.seed, Purpose::Trial, 1 + situation.asked);
    let schedule = situation.shapes.at(std::array::from_fn(|_| random.random()))?;
    let chosen = situation.ranges.iter().map(|(name, range)| (name.clone(), range.at(random.random())));
    Ok(Proposal {
        schedule,
        total_steps: situation.total_steps,
        settings: chosen.collect(),
        reason: "drawn at random".to_owned(),
    })
}
