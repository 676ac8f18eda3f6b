//! Trials: runs that were asked for, and what became of them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::curve::Curve;
use crate::{Attributes, Result, Run, Schedule};

/// A run to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Trial {
    /// Its name, by which it reports.
    pub name: String,
    /// The schedule to follow.
    pub schedule: Schedule,
    /// Its length in optimizer steps.
    pub total_steps: u64,
    /// A seed of its own. Whoever trains all runs under one seed may ignore it.
    pub seed: u64,
    /// Other settings to train with, by name; empty if none are tuned.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, SettingValue>,
    /// Why this run.
    pub reason: String,
}

/// The value of a setting that is tuned beside the rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SettingValue {
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// A choice among words.
    Choice(String),
}

impl fmt::Display for SettingValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => value.fmt(f),
            Self::Number(value) => value.fmt(f),
            Self::Choice(value) => value.fmt(f),
        }
    }
}

/// What became of a trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum TrialStatus {
    /// It has not reported its end.
    Running,
    /// It reached its end.
    Finished,
    /// It ended in NaN or infinity: a result, too.
    Diverged,
    /// It ended before its planned length.
    Stopped,
    /// It could not be trained.
    Failed {
        /// Why.
        reason: String,
    },
    /// Nobody waits for it any more. If it reports after all, that counts.
    Abandoned,
}

/// A trial with what became of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TrialRecord {
    /// The trial.
    pub trial: Trial,
    /// Who trains it, if they said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// What became of it.
    pub status: TrialStatus,
    /// Reports of other trials that came in since it was asked for.
    #[serde(default)]
    pub later_reports: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) curve: Option<Curve>,
}

impl TrialRecord {
    /// Training steps it has cost; of one that was never heard of again all of them, of one that failed those it reported.
    pub fn cost(&self) -> u64 {
        let seen = self.curve.as_ref().map_or(0, Curve::last_step).min(self.trial.total_steps);
        match self.status {
            TrialStatus::Running | TrialStatus::Abandoned | TrialStatus::Finished => self.trial.total_steps,
            TrialStatus::Diverged | TrialStatus::Stopped | TrialStatus::Failed { .. } => seen,
        }
    }

    /// The last finite value of the metric that it reported.
    pub fn last_value(&self) -> Option<f64> {
        self.curve.as_ref().and_then(Curve::last_value)
    }

    /// Has it ended, for better or worse?
    pub fn is_over(&self) -> bool {
        self.status != TrialStatus::Running
    }

    /// The run it made so far, if it reported anything.
    ///
    /// # Errors
    /// Never of a record that was made by a tuner.
    pub fn run(&self) -> Result<Option<Run>> {
        let Some(curve) = &self.curve else { return Ok(None) };
        curve.run(&self.trial.name, self.trial.attributes(), Some(&self.trial.schedule)).map(Some)
    }
}

impl Trial {
    /// What a run of this trial is known by.
    pub(super) fn attributes(&self) -> Attributes {
        let mut attributes = Attributes {
            seed: Some(self.seed),
            total_steps: Some(self.total_steps),
            other: self.settings.iter().map(|(name, value)| (name.clone(), value.to_string())).collect(),
            ..Attributes::default()
        };
        if let Schedule::Parametric { family, peak_lr, warmup } = &self.schedule {
            attributes.schedule = Some(family.name().to_owned());
            attributes.peak_lr = Some(*peak_lr);
            attributes.other.insert("warmup".to_owned(), warmup.to_string());
        }
        attributes
    }
}
