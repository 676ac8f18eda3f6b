//! What an import read and what it left out.

use std::collections::BTreeSet;

use lodecast::Attributes;
use serde::Serialize;

use crate::assemble::settings::Settings;
use crate::format::Skipped;

/// What was read of one run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunReport {
    /// Its id in the sweep.
    pub run: String,
    /// Where it came from.
    pub source: String,
    /// Points: steps at which anything was measured.
    pub points: usize,
    /// First and last step.
    pub steps: (u64, u64),
    /// Points with a train loss.
    pub losses: usize,
    /// Points with a learning rate.
    pub learning_rates: usize,
    /// Points with each validation metric.
    pub validations: Vec<usize>,
    /// What was mended, joined or kept of it.
    pub notes: Vec<String>,
}

/// What an import read and what it left out.
#[derive(Debug, Default, Serialize)]
pub struct ImportReport {
    /// The runs, in the order in which they were handed over.
    pub runs: Vec<RunReport>,
    /// Runs that were left out, and why.
    pub skipped: Vec<Skipped>,
    /// What the walk through folders left out.
    pub notes: Vec<String>,
    /// Settings in which the runs differ: they tell configurations apart.
    pub settings: BTreeSet<String>,
    /// Settings that differ but are texts of each run's own, and so do not count.
    pub ignored_settings: BTreeSet<String>,
    /// Settings that differ but say who, where and when, or which of several seeds or folds, and so do not count.
    pub circumstances: BTreeSet<String>,
    /// Was the import broken off?
    pub interrupted: bool,
    #[serde(skip)]
    pub(super) all_settings: Settings,
}

impl ImportReport {
    /// Completes the attributes of the run of this number by the settings in which the runs differ, which are known only when
    /// all have been read.
    pub fn complete(&self, run: usize, attributes: &mut Attributes) {
        for name in &self.settings {
            if let Some(value) = self.all_settings.value(run, name) {
                attributes.other.insert(name.clone(), value.to_owned());
            }
        }
    }
}
