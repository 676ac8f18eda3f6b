//! What every study checks of its configuration.

use std::collections::BTreeSet;
use std::fmt::Display;

use crate::error::{Error, Result};
use crate::run::length::Length;
use crate::run::train::Trainable;

/// The length of the runs, once task and length are known to fit.
pub(crate) fn checked_length(task: &dyn Trainable, configured: &str, length: Option<Length>) -> Result<Length> {
    if task.name() != configured {
        return Err(Error::TaskMismatch { configured: configured.to_owned(), given: task.name().to_owned() });
    }
    let length = task.length(length);
    length.check(task.train_examples())?;
    Ok(length)
}

/// Refuses an empty list, and a value that is there twice.
pub(crate) fn all_different(what: &'static str, values: &[impl Display]) -> Result<()> {
    if values.is_empty() {
        return Err(Error::Setting { name: what, value: "(none)".to_owned(), remedy: "give at least one" });
    }
    let mut seen = BTreeSet::new();
    match values.iter().map(ToString::to_string).find(|value| !seen.insert(value.clone())) {
        Some(name) => Err(Error::Duplicate { what, name }),
        None => Ok(()),
    }
}
