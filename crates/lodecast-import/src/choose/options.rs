//! What a user says about an import.

use std::str::FromStr;

use lodecast::Direction;

use crate::choose::rate_schedule::RateSchedule;
use crate::error::{Error, Result};
use crate::format::Wanted;
use crate::limits::Limits;
use crate::role::Role;

/// What a user says about an import. The default leaves everything to the usual names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImportOptions {
    /// Series of the train loss.
    pub loss: Option<String>,
    /// Series of the learning rate.
    pub learning_rate: Option<String>,
    /// How the learning rate follows from the settings, where none was recorded.
    pub rate_schedule: Option<RateSchedule>,
    /// Validation metrics, in this order.
    pub validation: Vec<ValidationChoice>,
    /// Series of the epoch's number.
    pub epoch: Option<String>,
    /// Optimizer steps of an epoch, for series that count epochs where no series tells the epoch of a step.
    pub steps_per_epoch: Option<u64>,
    /// Planned length of every run, where no setting holds it.
    pub total_steps: Option<u64>,
    /// What becomes of restarted runs. Without it the last attempt is kept, but a run whose steps go back again and again is
    /// left out with the question what that means.
    pub restarts: Option<Restarts>,
    /// Settings that hold the attributes.
    pub attributes: AttributeNames,
    /// Columns and collection to read. Its series are chosen by the import.
    pub wanted: Wanted,
    /// Bounds on what is read.
    pub limits: Limits,
}

impl ImportOptions {
    /// Do the options say which series is for `role`, or that none is?
    pub(crate) fn decide(&self, role: Role) -> bool {
        match role {
            Role::Loss => self.loss.is_some(),
            Role::Rate => self.learning_rate.is_some() || self.rate_schedule.is_some(),
            Role::Validation | Role::Test => !self.validation.is_empty(),
            Role::Epoch => self.epoch.is_some(),
        }
    }
}

/// Settings that hold the attributes, where the user names them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttributeNames {
    /// Setting that holds the seed.
    pub seed: Option<String>,
    /// Setting that holds the planned number of optimizer steps.
    pub total_steps: Option<String>,
    /// Setting that holds the peak learning rate.
    pub peak_lr: Option<String>,
    /// Setting that holds the optimizer's name.
    pub optimizer: Option<String>,
    /// Setting that holds the schedule's name.
    pub schedule: Option<String>,
}

impl AttributeNames {
    /// The settings named, each with the option that names it.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [
            ("--seed-from", &self.seed),
            ("--total-steps-from", &self.total_steps),
            ("--peak-from", &self.peak_lr),
            ("--optimizer-from", &self.optimizer),
            ("--schedule-from", &self.schedule),
        ];
        all.into_iter().filter_map(|(option, name)| Some((option, name.as_deref()?)))
    }
}

/// What becomes of a run whose steps go back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Restarts {
    /// One run, in which a later attempt takes the place of what an earlier one had recorded from its first step on.
    #[default]
    Last,
    /// A run each attempt.
    Split,
}

impl FromStr for Restarts {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "last" => Ok(Self::Last),
            "split" => Ok(Self::Split),
            _ => Err("choose last or split".to_owned()),
        }
    }
}

/// A validation metric as the user names it: `NAME:max`, `NAME:min`, or `NAME` if its name says which way is better.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidationChoice {
    /// Name of the series.
    pub name: String,
    /// Which way is better, if it was said.
    pub direction: Option<Direction>,
}

impl FromStr for ValidationChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, direction) = match text.rsplit_once(':') {
            Some((name, "max")) => (name, Some(Direction::Max)),
            Some((name, "min")) => (name, Some(Direction::Min)),
            _ => (text, None),
        };
        if name.is_empty() {
            return Err(lodecast::Error::MetricDirection { metric: text.to_owned() }.into());
        }
        Ok(Self { name: name.to_owned(), direction })
    }
}
