//! [`Entry`]: what is kept of a run, in the order in which it came. The run is what comes of them.

use lodecast::Point;
use serde::{Deserialize, Serialize};

use crate::decision::Choice;

/// Something that happened to a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Entry {
    /// It was measured.
    Point(Point),
    /// It was made as long as this.
    Extended(u64),
    /// Its training went back to this step: what had been measured beyond it counts no longer.
    Resumed(u64),
    /// Its training began again from nothing: what had been measured counts no longer.
    BeganAgain,
    /// Somebody chose its schedule.
    Chosen(Choice),
    /// Its schedule is the scheduler's to decide upon again.
    HandedBack,
}

/// Adds an entry to those that count. What was measured beyond a checkpoint counts no longer; what somebody decided still does.
pub(crate) fn push(entries: &mut Vec<Entry>, entry: Entry) {
    match entry {
        Entry::Resumed(step) => {
            entries.retain(|entry| !matches!(entry, Entry::Point(point) if point.step > step));
        }
        Entry::BeganAgain => entries.retain(|entry| !matches!(entry, Entry::Point(_))),
        other => entries.push(other),
    }
}

/// Says whether a point tells nothing that is not known, or contradicts it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Told {
    /// It is new, or adds to what is known.
    News,
    /// All of it is known.
    Known,
    /// Something else is known.
    Otherwise,
}

/// Compares a point with those of the same step.
pub(crate) fn compare(point: &Point, known: &[Point]) -> Told {
    let latest = |of: fn(&Point) -> Option<f64>| known.iter().rev().find_map(of);
    let pairs = [
        (point.train_loss, latest(|point| point.train_loss)),
        (point.learning_rate, latest(|point| point.learning_rate)),
        (point.validation, latest(|point| point.validation)),
    ];
    let given = || pairs.iter().filter_map(|(given, known)| Some(((*given)?, known)));
    if given().any(|(given, known)| known.is_some_and(|known| known.to_bits() != given.to_bits())) {
        return Told::Otherwise;
    }
    if known.is_empty() || given().any(|(_, known)| known.is_none()) { Told::News } else { Told::Known }
}
