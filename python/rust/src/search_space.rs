//! What a tuner may try, as Python says it.

use lodecast::Family;
use lodecast::tune::{SearchSpace, SettingRange};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::failure::Failure;

/// What was said of the space by keyword; what was not said is left as it is.
pub(crate) struct SpaceArguments<'py> {
    pub(crate) peaks: Option<(f64, f64)>,
    pub(crate) learning_rate: Option<f64>,
    pub(crate) warmup: Option<f64>,
    pub(crate) end: Option<f64>,
    pub(crate) families: Option<Vec<String>>,
    pub(crate) settings: Option<Bound<'py, PyDict>>,
}

impl SpaceArguments<'_> {
    /// `space` with what was said in its place.
    pub(crate) fn over(self, mut space: SearchSpace) -> Result<SearchSpace, Failure> {
        let Self { peaks, learning_rate, warmup, end, families, settings } = self;
        if peaks.is_some() && learning_rate.is_some() {
            let reason = "peaks are the range to try, learning_rate is one that worked: give one of them";
            return Err(Failure::Setting(reason.to_owned()));
        }
        let about = learning_rate.and_then(|rate| SearchSpace::about(rate).peaks);
        space.peaks = peaks.or(about).or(space.peaks);
        space.warmup = warmup.or(space.warmup);
        space.end = end.or(space.end);
        if let Some(families) = families {
            let family = |name: &String| name.replace('_', "-").parse::<Family>();
            space.families = families.iter().map(family).collect::<Result<_, _>>()?;
        }
        for (name, range) in settings.into_iter().flatten() {
            let name: String = name.extract()?;
            let range = setting_range(&name, &range)?;
            space.settings.insert(name, range);
        }
        Ok(space)
    }
}

/// The values that a setting may have: `(low, high)`, `(low, high, "log")`, or a list of words.
fn setting_range(name: &str, given: &Bound<'_, PyAny>) -> Result<SettingRange, Failure> {
    let wrong = || {
        let advice = "give (low, high), (low, high, 'log'), or a list of words; whole numbers stay whole";
        Failure::Setting(format!("settings: {name} = {given}: {advice}"))
    };
    if let Ok(words) = given.cast::<PyList>() {
        return Ok(SettingRange::Choice { values: words.extract().map_err(|_| wrong())? });
    }
    let range = given.cast::<PyTuple>().map_err(|_| wrong())?;
    let logarithmic = match range.len() {
        2 => false,
        3 if range.get_item(2)?.extract::<String>().is_ok_and(|word| word == "log") => true,
        _ => return Err(wrong()),
    };
    let (low, high) = (range.get_item(0)?, range.get_item(1)?);
    if let (Ok(low), Ok(high)) = (low.extract::<i64>(), high.extract::<i64>()) {
        return Ok(SettingRange::Integer { low, high, logarithmic });
    }
    let number = |value: Bound<'_, PyAny>| value.extract::<f64>().map_err(|_| wrong());
    Ok(SettingRange::Number { low: number(low)?, high: number(high)?, logarithmic })
}
