//! How a schedule is taken from the runs of a search: a registry.

use std::fmt;
use std::str::FromStr;

use lodecast::Schedule;
use lodecast::tune::{Recommendation, Tuner};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};

/// Every rule, by name.
const RULES: [PickRule; 3] = [
    PickRule { name: "best-run", about: "the schedule of the best measured run", take: best_run },
    PickRule {
        name: "plain-process",
        about: "what a Gaussian process on schedule features expects most of",
        take: plain_process,
    },
    PickRule { name: "ours", about: "what law and process averaged expect most of", take: ours },
];

/// A rule that takes a schedule from measured runs.
#[derive(Clone, Copy)]
pub struct PickRule {
    name: &'static str,
    about: &'static str,
    take: fn(&Tuner, &Recommendation) -> Schedule,
}

impl PickRule {
    /// Every rule.
    pub fn all() -> &'static [Self] {
        &RULES
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it takes, in a few words.
    pub fn about(&self) -> &'static str {
        self.about
    }
}

fn best_run(tuner: &Tuner, recommended: &Recommendation) -> Schedule {
    let asked = tuner.trials().iter().find(|record| record.trial.name == recommended.best_run.run);
    asked.map_or_else(|| ours(tuner, recommended), |record| record.trial.schedule.clone())
}

fn plain_process(tuner: &Tuner, recommended: &Recommendation) -> Schedule {
    let choice = recommended.choices.iter().find(|choice| choice.name == "plain process alone");
    choice.map_or_else(|| best_run(tuner, recommended), |choice| choice.schedule.clone())
}

fn ours(_: &Tuner, recommended: &Recommendation) -> Schedule {
    recommended.schedule.clone()
}

/// What each rule takes.
pub(super) fn picks(tuner: &Tuner, rules: &[PickRule]) -> Result<Vec<Schedule>> {
    let recommended = tuner.recommend()?;
    Ok(rules.iter().map(|rule| (rule.take)(tuner, &recommended)).collect())
}

impl PartialEq for PickRule {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for PickRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Display for PickRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl FromStr for PickRule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        RULES
            .into_iter()
            .find(|rule| rule.name == text)
            .ok_or_else(|| Error::UnknownPick { pick: text.to_owned(), known: RULES.map(|rule| rule.name).join(", ") })
    }
}

impl Serialize for PickRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

impl<'de> Deserialize<'de> for PickRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
