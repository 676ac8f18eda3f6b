//! [`RatesFile`]: the file by which a training is told its learning rates.

use std::path::Path;

use lodecast::{Interval, Knot, Schedule};
use serde::{Deserialize, Serialize};

use crate::adherence::Departure;
use crate::error::Result;
use crate::json_file::{self, Layout};

const LAYOUT: Layout<RatesFile> = Layout {
    name: "file of rates",
    // It holds some hundreds of knots.
    most_bytes: 16 << 20,
    check: RatesFile::check,
    remedy: "it is written by 'lodecast follow'; wait for the next one, or start that again",
};

/// Rates of a run under way, as they stand in the file: replaced whole whenever something was decided.
///
/// The knots are the whole schedule, the past included: those of a new revision say the same as those of the one before for every
/// step before [`effective_from_step`](Self::effective_from_step), so that it does not matter when a training reads it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RatesFile {
    /// Version of this layout.
    pub format: u32,
    /// The run, as its log calls it; empty before it is there.
    #[serde(default)]
    pub run: String,
    /// Counts the decisions, from 1.
    pub revision: u64,
    /// First step at which this revision may differ from the one before; it lies beyond every step that had been logged.
    pub effective_from_step: u64,
    /// Planned length of the run in optimizer steps.
    pub total_steps: u64,
    /// The schedule: straight lines between these, over `step / total_steps`.
    pub knots: Vec<Knot>,
    /// The metric that is predicted, as `name:max` or `name:min`.
    pub metric: String,
    /// What the run is predicted to end at under this schedule: the interval holds two of three runs.
    pub predicted: Option<Interval>,
    /// Why this was decided.
    pub reason: String,
    /// Last step that had been logged.
    pub last_seen_step: Option<u64>,
    /// Where the logged rates are other than these, if they are.
    #[serde(default)]
    pub not_followed: Option<Departure>,
    /// Is the run at its planned end?
    #[serde(default)]
    pub finished: bool,
}

impl RatesFile {
    /// Version of the layout that is written.
    pub const FORMAT: u32 = 1;

    /// A file that says something, for documentation and tests.
    #[doc(hidden)]
    pub fn example() -> Self {
        Self {
            format: Self::FORMAT,
            run: "run".to_owned(),
            revision: 1,
            effective_from_step: 0,
            total_steps: 100,
            knots: vec![Knot { progress: 0.0, learning_rate: 0.1 }],
            metric: "val_accuracy:max".to_owned(),
            predicted: None,
            reason: "the schedule that the run starts with".to_owned(),
            last_seen_step: None,
            not_followed: None,
            finished: false,
        }
    }

    /// Reads the file at `path`.
    ///
    /// # Errors
    /// If it cannot be read, is of another version, or would give impossible rates.
    pub fn read(path: &Path) -> Result<Self> {
        json_file::read(path, &LAYOUT)
    }

    /// Writes the file to `path`, whole or not at all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        json_file::write(path, self)
    }

    /// Learning rate for an optimizer step: finite and positive, as the knots are.
    pub fn learning_rate(&self, step: u64) -> f64 {
        Knot::learning_rate_at(&self.knots, step as f64 / self.total_steps.max(1) as f64)
    }

    /// The schedule.
    pub fn schedule(&self) -> Schedule {
        Schedule::PiecewiseLinear { knots: self.knots.clone() }
    }

    /// Says what is wrong with the file.
    fn check(&self) -> std::result::Result<(), String> {
        if self.format != Self::FORMAT {
            return Err(format!("its format is {}, this lodecast reads {}", self.format, Self::FORMAT));
        }
        if self.total_steps == 0 {
            return Err("its total_steps is 0".to_owned());
        }
        if let Some(knot) = self.knots.iter().find(|knot| !(knot.learning_rate > 0.0 && knot.learning_rate.is_finite()))
        {
            return Err(format!("its learning rate at {} of the run is {}", knot.progress, knot.learning_rate));
        }
        self.schedule().check().map_err(|error| error.to_string())
    }
}
