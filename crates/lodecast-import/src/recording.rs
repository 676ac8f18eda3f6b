//! What a tracker recorded of one run, before anybody has said which series is the loss.

pub(crate) mod gaps;
pub(crate) mod placeholders;
mod ramp;
pub(crate) mod recorder;
mod series;

use std::collections::{BTreeMap, BTreeSet};

use lodecast::Direction;

pub use series::Series;

/// One run as a tracker recorded it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recording {
    /// Identity of the run within its source.
    pub id: String,
    /// Path or address it was read from, for people.
    pub source: String,
    /// Hyper-parameters and what else was set, as text; nested keys are joined by `.`.
    pub settings: BTreeMap<String, String>,
    /// Numbers of the only row of a table: where other runs show that they are settings, they are.
    pub only_row: BTreeMap<String, String>,
    /// Numbers and texts that changed in the course of the run, and so are no settings.
    pub measured: BTreeSet<String>,
    /// The metrics, by name.
    pub series: BTreeMap<String, Series>,
    /// Samples of which only the epoch was recorded, by name: their steps are epochs.
    pub by_epoch: BTreeMap<String, Series>,
    /// Moments at which the run is known to have been begun or taken up again: the first of each file, and what trackers mark.
    pub sessions: Vec<Session>,
    /// Which way of a metric is better, where the tracker knows it.
    pub directions: BTreeMap<String, Direction>,
    /// What was mended or lost while reading: a truncated tail, a bad checksum.
    pub notes: Vec<String>,
    /// Planned length in optimizer steps, where the format itself records it.
    pub planned_steps: Option<u64>,
    /// Was it ended before its plan, or is it under way, as the tracker says?
    pub is_unfinished: bool,
    /// Do the steps count epochs, because the format records nothing finer?
    pub steps_are_epochs: bool,
    /// Are the moments of each series its own, so that they do not tell what was recorded at the same time?
    pub is_out_of_time: bool,
}

/// A moment at which a run was begun or taken up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// The first moment that belongs to it.
    pub moment: u64,
    /// Step from which on it takes the place of what was recorded before, where the tracker says so.
    pub from_step: Option<u64>,
}

impl Recording {
    /// An empty recording.
    pub fn new(id: impl Into<String>, source: impl Into<String>) -> Self {
        Self { id: id.into(), source: source.into(), ..Self::default() }
    }
}
