//! How the next run is chosen: a registry of strategies, and what each of them sees.

mod confirm;
mod half;
mod improvement;
mod random;
mod sequence;
mod spread;
mod start;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::error::TuneError;
use super::trial::SettingValue;
use super::{Tuner, TunerSettings};
use crate::{Law, Result, Schedule, ShapeRange};

/// Every strategy, the default first. A new one is a file and a line.
const STRATEGIES: [Strategy; 6] = [
    spread::STRATEGY,
    random::STRATEGY,
    improvement::PLAIN_PROCESS,
    improvement::AVERAGED,
    confirm::STRATEGY,
    half::STRATEGY,
];

/// How the next run is chosen.
///
/// ```
/// use lodecast::tune::Strategy;
/// let strategy: Strategy = "averaged".parse()?;
/// println!("{strategy}: {}", strategy.about());
/// assert_eq!(Strategy::default().name(), "spread");
/// assert!("best".parse::<Strategy>().is_err());
/// # Ok::<(), lodecast::tune::TuneError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Strategy {
    name: &'static str,
    about: &'static str,
    propose: fn(&Situation<'_>) -> Result<Proposal, TuneError>,
}

impl Strategy {
    /// Every strategy, the default first.
    pub fn all() -> &'static [Self] {
        &STRATEGIES
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it does, in a sentence.
    pub fn about(&self) -> &'static str {
        self.about
    }

    pub(super) fn propose(&self, situation: &Situation<'_>) -> Result<Proposal, TuneError> {
        (self.propose)(situation)
    }
}

impl Default for Strategy {
    fn default() -> Self {
        STRATEGIES[0]
    }
}

impl PartialEq for Strategy {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Strategy {}

impl fmt::Debug for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl FromStr for Strategy {
    type Err = TuneError;

    fn from_str(text: &str) -> Result<Self, TuneError> {
        STRATEGIES.into_iter().find(|strategy| strategy.name == text).ok_or_else(|| TuneError::UnknownStrategy {
            strategy: text.to_owned(),
            known: STRATEGIES.map(|strategy| strategy.name).join(", "),
        })
    }
}

impl Serialize for Strategy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

impl<'de> Deserialize<'de> for Strategy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A run that a strategy proposes.
#[derive(Clone, Debug)]
pub(super) struct Proposal {
    pub(super) schedule: Schedule,
    pub(super) total_steps: u64,
    pub(super) settings: std::collections::BTreeMap<String, SettingValue>,
    pub(super) reason: String,
}

/// What a strategy sees.
pub(super) struct Situation<'a> {
    pub(super) tuner: &'a Tuner,
    /// Where new schedules may come from.
    pub(super) shapes: ShapeRange,
    /// Trials asked for so far.
    pub(super) asked: u64,
}

/// Runs that came to an end, from which models choose better than a spread does.
const LEAST_ENDED: usize = 3;

impl Situation<'_> {
    pub(super) fn settings(&self) -> &TunerSettings {
        self.tuner.settings()
    }

    /// The law of everything told, running trials imagined as it expects them; `None` while it is too early for one.
    fn law(&self) -> Option<Law> {
        if self.tuner.ended() < LEAST_ENDED {
            return None;
        }
        self.tuner.imagined_law()
    }

    /// Settings of the best run, as far as they may be tried.
    fn settings_of_the_best(&self) -> std::collections::BTreeMap<String, SettingValue> {
        self.tuner.settings_of(self.tuner.best_run().as_ref())
    }
}
