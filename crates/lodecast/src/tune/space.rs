//! What may be tried: which schedules, and which values of the settings tuned beside the rate.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::TuneError;
use super::trial::SettingValue;
use crate::error::setting;
use crate::{Family, ShapeRange};

/// Factor to either side of a rate that worked, within which peaks are tried.
const ABOUT: f64 = 10.0;

/// What may be tried. Schedules warm up, hold and anneal in straight lines, unless it names families.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SearchSpace {
    /// Lowest and highest peak rate; by default those of the runs that are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peaks: Option<(f64, f64)>,
    /// The one warm-up there may be, as a fraction of the run; by default any up to 0.4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warmup: Option<f64>,
    /// The one last rate there may be, as a fraction of the peak; by default any from 0.001 to 0.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<f64>,
    /// The families there may be; any shape if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub families: Vec<Family>,
    /// Settings that are tuned beside the rate, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, SettingRange>,
}

/// The values that a setting may have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
#[non_exhaustive]
pub enum SettingRange {
    /// Numbers from `low` to `high`.
    Number {
        /// Lowest.
        low: f64,
        /// Highest.
        high: f64,
        /// Evenly in the logarithm?
        #[serde(default)]
        logarithmic: bool,
    },
    /// Whole numbers from `low` to `high`.
    Integer {
        /// Lowest.
        low: i64,
        /// Highest.
        high: i64,
        /// Evenly in the logarithm?
        #[serde(default)]
        logarithmic: bool,
    },
    /// One of these words.
    Choice {
        /// The words.
        values: Vec<String>,
    },
}

impl SettingRange {
    /// The value at a place between 0 and 1.
    pub(super) fn at(&self, place: f64) -> SettingValue {
        let number = |low: f64, high: f64, logarithmic: bool| {
            if logarithmic { (low.ln() + (high / low).ln() * place).exp() } else { low + (high - low) * place }
        };
        match self {
            &Self::Number { low, high, logarithmic } => SettingValue::Number(number(low, high, logarithmic)),
            &Self::Integer { low, high, logarithmic } => {
                let value = number(low as f64, high as f64, logarithmic).round() as i64;
                SettingValue::Integer(value.clamp(low, high))
            }
            Self::Choice { values } => {
                let index = (place * values.len() as f64) as usize;
                SettingValue::Choice(values[index.min(values.len() - 1)].clone())
            }
        }
    }

    /// A recorded value, as this setting has it; `None` if it is none that it may have.
    pub(super) fn recorded(&self, value: &str) -> Option<SettingValue> {
        match self {
            Self::Number { .. } => value.trim().parse().ok().map(SettingValue::Number),
            Self::Integer { .. } => value.trim().parse().ok().map(SettingValue::Integer),
            Self::Choice { values } => values.iter().find(|known| *known == value).cloned().map(SettingValue::Choice),
        }
    }

    /// Where in the range a recorded value lies, between 0 and 1; `None` if it lies nowhere in it.
    pub(super) fn place(&self, value: &str) -> Option<f64> {
        let within = |low: f64, high: f64, logarithmic: bool| {
            let value: f64 = value.trim().parse().ok()?;
            let place = if logarithmic { (value / low).ln() / (high / low).ln() } else { (value - low) / (high - low) };
            place.is_finite().then_some(place)
        };
        match self {
            &Self::Number { low, high, logarithmic } => within(low, high, logarithmic),
            &Self::Integer { low, high, logarithmic } => within(low as f64, high as f64, logarithmic),
            Self::Choice { values } => {
                let index = values.iter().position(|known| known == value)?;
                Some(index as f64 / (values.len() - 1).max(1) as f64)
            }
        }
    }

    fn check(&self) -> Result<(), crate::Error> {
        let remedy = "give a range 'low' < 'high' of finite numbers, above zero if it is logarithmic";
        match self {
            &Self::Number { low, high, logarithmic } => {
                let sound = low < high && low.is_finite() && high.is_finite() && (!logarithmic || low > 0.0);
                setting("settings", format!("{low} to {high}"), sound, remedy)
            }
            &Self::Integer { low, high, logarithmic } => {
                setting("settings", format!("{low} to {high}"), low < high && (!logarithmic || low > 0), remedy)
            }
            Self::Choice { values } => {
                setting("settings", format!("{values:?}"), !values.is_empty(), "give at least one value to choose from")
            }
        }
    }
}

impl SearchSpace {
    /// Peaks from a tenth of a rate that worked to ten times it.
    pub fn about(rate_that_worked: f64) -> Self {
        Self { peaks: Some((rate_that_worked / ABOUT, rate_that_worked * ABOUT)), ..Self::default() }
    }

    pub(super) fn check(&self) -> Result<(), TuneError> {
        if let Some((low, high)) = self.peaks {
            let sound = low > 0.0 && low < high && high.is_finite();
            setting(
                "peaks",
                format!("{low} to {high}"),
                sound,
                "give a positive lowest peak and a higher highest one",
            )?;
        }
        if let Some(warmup) = self.warmup {
            setting("warmup", warmup, (0.0..1.0).contains(&warmup), "give a fraction of the run, in [0, 1)")?;
        }
        if let Some(end) = self.end {
            setting("end", end, (0.0..=1.0).contains(&end), "give a fraction of the peak, in [0, 1]")?;
            let remedy = "families end where they end: leave out either 'end' or 'families'";
            setting("end", end, self.families.is_empty(), remedy)?;
        }
        self.settings.values().try_for_each(SettingRange::check)?;
        Ok(())
    }

    /// `range`, confined to what may be tried.
    pub(super) fn confined(&self, mut range: ShapeRange) -> ShapeRange {
        if let Some(warmup) = self.warmup {
            (range.shortest_warmup, range.longest_warmup) = (warmup, warmup);
        }
        if let Some(end) = self.end {
            (range.lowest_end, range.greatest_end) = (end, end);
        }
        range.families.clone_from(&self.families);
        range
    }

    /// The first thing in which two spaces differ: what, how it was, how it is.
    pub(super) fn difference(&self, other: &Self) -> Option<(&'static str, String, String)> {
        let differ = |what, mine: String, others: String| (mine != others).then_some((what, mine, others));
        let free = || "free".to_owned();
        let fraction = |value: Option<f64>| value.map_or_else(free, |value| value.to_string());
        let peaks = |peaks: Option<(f64, f64)>| peaks.map_or_else(free, |(low, high)| format!("{low} to {high}"));
        let families = |families: &[Family]| match families {
            [] => free(),
            families => families.iter().map(|family| family.name()).collect::<Vec<_>>().join(", "),
        };
        let settings = |space: &Self| format!("{:?}", space.settings);
        differ("the range of peaks", peaks(self.peaks), peaks(other.peaks))
            .or_else(|| differ("the warm-up", fraction(self.warmup), fraction(other.warmup)))
            .or_else(|| differ("the last rate", fraction(self.end), fraction(other.end)))
            .or_else(|| differ("the list of families", families(&self.families), families(&other.families)))
            .or_else(|| differ("the range of other settings", settings(self), settings(other)))
    }
}
