//! What a strategy is: it sees a situation and proposes the next run.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};

use crate::tune::error::TuneError;
use crate::tune::measured::MeasuredRun;
use crate::tune::space::SettingRange;
use crate::tune::trial::SettingValue;
use crate::{Direction, Law, Schedule, ShapeRange};

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
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) propose: fn(&Situation<'_>) -> Result<Proposal, TuneError>,
}

impl Strategy {
    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it does, in a sentence.
    pub fn about(&self) -> &'static str {
        self.about
    }

    pub(in crate::tune) fn propose(&self, situation: &Situation<'_>) -> Result<Proposal, TuneError> {
        (self.propose)(situation)
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

impl Serialize for Strategy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

/// A run that a strategy proposes.
#[derive(Clone, Debug)]
pub(in crate::tune) struct Proposal {
    pub(in crate::tune) schedule: Schedule,
    pub(in crate::tune) total_steps: u64,
    pub(in crate::tune) settings: BTreeMap<String, SettingValue>,
    pub(in crate::tune) reason: String,
}

/// What is known of a search when its next run is chosen.
pub(in crate::tune) trait Study {
    /// Runs that reached their end, with their final value.
    fn measured(&self) -> Vec<MeasuredRun>;

    /// Schedules and settings of everything that was measured or asked for.
    fn taken(&self) -> Vec<(Schedule, BTreeMap<String, String>)>;

    /// How many runs came to an end, diverged ones included.
    fn ended(&self) -> usize;

    /// What the settings tuned beside the rate were in a run, as far as they may be tried.
    fn settings_of(&self, run: &MeasuredRun) -> BTreeMap<String, SettingValue>;

    /// The same of the best run, or the middle of each range before there is one.
    fn settings_of_the_best(&self) -> BTreeMap<String, SettingValue>;

    /// The law of everything told and of the running trials, which end as it expects.
    fn imagined_law(&self) -> Option<Law>;
}

/// What a strategy sees.
pub(in crate::tune) struct Situation<'a> {
    pub(in crate::tune) study: &'a dyn Study,
    pub(in crate::tune) direction: Direction,
    /// Length of the runs that a schedule is sought for.
    pub(in crate::tune) total_steps: u64,
    /// Other settings that are tuned.
    pub(in crate::tune) ranges: &'a BTreeMap<String, SettingRange>,
    /// Where new schedules may come from.
    pub(in crate::tune) shapes: ShapeRange,
    pub(in crate::tune) seed: u64,
    /// Does the search begin with the start design?
    pub(in crate::tune) start_design: bool,
    /// Is most of the budget spent? `None` where there is none.
    pub(in crate::tune) mostly_spent: Option<bool>,
    /// Trials asked for so far.
    pub(in crate::tune) asked: u64,
}

/// Runs that came to an end, from which models choose better than a spread does.
const LEAST_ENDED: usize = 3;

impl Situation<'_> {
    /// The law of everything told, running trials imagined as it expects them; `None` while it is too early for one.
    pub(super) fn law(&self) -> Option<Law> {
        if self.study.ended() < LEAST_ENDED { None } else { self.study.imagined_law() }
    }
}
