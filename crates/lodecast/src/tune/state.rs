//! [`TunerState`]: everything a tuner knows, as plain data.

use serde::{Deserialize, Serialize};

use super::curve::Curve;
use super::error::TuneError;
use super::settings::TunerSettings;
use super::trial::TrialRecord;
use crate::{Attributes, Run};

/// Everything a tuner knows. What it asks next depends on nothing else. Serialises to JSON and back without loss.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TunerState {
    /// Version of this layout.
    pub version: u32,
    /// What it was told before it asked.
    pub settings: TunerSettings,
    /// What it asked for, in order, and what became of it.
    pub trials: Vec<TrialRecord>,
    /// Runs that it did not ask for.
    #[serde(default)]
    pub(super) known: Vec<KnownRun>,
}

/// A run that was not asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct KnownRun {
    pub(super) id: String,
    #[serde(default)]
    pub(super) attributes: Attributes,
    pub(super) curve: Curve,
}

impl KnownRun {
    pub(super) fn run(&self) -> crate::Result<Run> {
        self.curve.run(&self.id, self.attributes.clone(), None)
    }
}

impl TunerState {
    const VERSION: u32 = 1;

    pub(super) fn new(settings: TunerSettings) -> Self {
        Self { version: Self::VERSION, settings, trials: Vec::new(), known: Vec::new() }
    }

    /// Checks a state from outside.
    pub(super) fn check(&self) -> Result<(), TuneError> {
        if self.version != Self::VERSION {
            return Err(TuneError::OtherStudy {
                what: "the version of the layout",
                kept: self.version.to_string(),
                given: Self::VERSION.to_string(),
                remedy: "go on with the lodecast that wrote it",
            });
        }
        self.settings.check()?;
        for record in &self.trials {
            record.trial.schedule.check()?;
            record.curve.as_ref().map_or(Ok(()), Curve::check)?;
        }
        self.known.iter().try_for_each(|run| run.curve.check())?;
        Ok(())
    }
}
