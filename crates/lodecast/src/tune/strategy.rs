//! How the next run is chosen: the registry of strategies.

mod confirm;
mod half;
mod improvement;
mod proposal;
mod random;
mod sequence;
mod spread;
mod start;

use std::str::FromStr;

use serde::{Deserialize, Deserializer};

pub use proposal::Strategy;
pub(super) use proposal::{Proposal, Situation, Study};

use super::error::TuneError;

/// Every strategy, the default first. A new one is a file and a line.
const STRATEGIES: [Strategy; 6] = [
    spread::STRATEGY,
    random::STRATEGY,
    improvement::PLAIN_PROCESS,
    improvement::AVERAGED,
    confirm::STRATEGY,
    half::STRATEGY,
];

impl Strategy {
    /// Every strategy, the default first.
    pub fn all() -> &'static [Self] {
        &STRATEGIES
    }
}

impl Default for Strategy {
    fn default() -> Self {
        STRATEGIES[0]
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

impl<'de> Deserialize<'de> for Strategy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
