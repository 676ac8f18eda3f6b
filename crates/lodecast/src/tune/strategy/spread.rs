//! A spread over shapes and peaks: the first point of a low-discrepancy sequence that nothing measured or asked for is near.
//!
//! From nothing, after the start design, that is the sequence itself; from the runs one has, what they leave open.

use super::proposal::{Proposal, Situation, Strategy};
use super::sequence::Sequence;
use super::start::start_design;
use crate::model::law::SHAPE_NUMBERS;
use crate::tune::error::TuneError;
use crate::{Result, Schedule};

pub(super) const STRATEGY: Strategy = Strategy {
    name: "spread",
    about: "spread evenly over shapes and peaks, away from what was measured",
    propose: |situation| propose(situation, situation.total_steps, "spread over shapes and peaks"),
};

/// Points of the sequence that are looked at.
const LOOKED_AT: u64 = 512;
/// Distance below which a point is near another, of one point in the space; of more it is less.
const NEAR: f64 = 0.6;
/// Dimensions that schedules differ in by much: peak, warm-up, hold.
const DIMENSIONS: f64 = 3.0;
/// Times at which curves are compared.
const COMPARED: usize = 12;

/// The start design, then the spread, with runs of `total_steps`.
pub(super) fn propose(situation: &Situation<'_>, total_steps: u64, reason: &str) -> Result<Proposal, TuneError> {
    if let Some(start) = next_start(situation)? {
        return Ok(start);
    }
    let ranges = &situation.ranges;
    let taken: Vec<Vec<f64>> = situation
        .study
        .taken()
        .into_iter()
        .map(|(schedule, settings)| {
            let places = ranges.iter().map(|(name, range)| settings.get(name).and_then(|value| range.place(value)));
            place(situation, &schedule, places.map(|place| place.unwrap_or(0.5)))
        })
        .collect();
    let sequence = Sequence::new(SHAPE_NUMBERS + ranges.len(), situation.seed);
    let near = NEAR * (taken.len().max(1) as f64).powf(-1.0 / (DIMENSIONS + ranges.len() as f64));
    let mut farthest: Option<(f64, Proposal)> = None;
    for index in 1..=LOOKED_AT {
        let numbers: Vec<f64> = sequence.point(index).collect();
        let schedule = situation.shapes.at(std::array::from_fn(|k| numbers[k]))?;
        let here = place(situation, &schedule, numbers[SHAPE_NUMBERS..].iter().copied());
        let distance = taken.iter().map(|other| distance(&here, other)).fold(f64::INFINITY, f64::min);
        if farthest.as_ref().is_none_or(|(most, _)| distance > *most) {
            let settings =
                ranges.iter().zip(&numbers[SHAPE_NUMBERS..]).map(|((name, range), at)| (name.clone(), range.at(*at)));
            let proposal = Proposal { schedule, total_steps, settings: settings.collect(), reason: reason.to_owned() };
            farthest = Some((distance, proposal));
        }
        if distance >= near {
            break;
        }
    }
    farthest.map(|(_, proposal)| proposal).ok_or(TuneError::NoRates)
}

/// The next of the start design, if this search began from nothing and has not asked for all of it.
pub(super) fn next_start(situation: &Situation<'_>) -> Result<Option<Proposal>, TuneError> {
    if !situation.start_design {
        return Ok(None);
    }
    let Some((schedule, reason)) = start_design(&situation.shapes)?.into_iter().nth(situation.asked as usize) else {
        return Ok(None);
    };
    let sequence = Sequence::new(SHAPE_NUMBERS + situation.ranges.len(), situation.seed);
    let numbers: Vec<f64> = sequence.point(situation.asked).collect();
    let chosen = situation.ranges.iter().zip(&numbers[SHAPE_NUMBERS..]);
    Ok(Some(Proposal {
        schedule,
        total_steps: situation.total_steps,
        settings: chosen.map(|((name, range), at)| (name.clone(), range.at(*at))).collect(),
        reason: reason.to_owned(),
    }))
}

/// Where a run lies: its peak within the range, its curve as a fraction of the peak, its other settings within theirs.
fn place(situation: &Situation<'_>, schedule: &Schedule, settings: impl Iterator<Item = f64>) -> Vec<f64> {
    let (low, high) = situation.shapes.peak;
    let rates: [f64; COMPARED] = std::array::from_fn(|k| schedule.learning_rate((k as f64 + 0.5) / COMPARED as f64));
    let peak = rates.iter().copied().fold(1e-300, f64::max);
    let weight = (COMPARED as f64).sqrt().recip();
    std::iter::once((peak / low).ln() / (high / low).ln())
        .chain(rates.map(|rate| weight * rate / peak))
        .chain(settings)
        .collect()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}
