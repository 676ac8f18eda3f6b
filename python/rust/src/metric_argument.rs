//! Metrics as arguments: the names of one or several, and which of a sweep is meant.

use lodecast::Sweep;
use pyo3::prelude::*;

use crate::failure::Failure;

/// One text or several.
#[derive(FromPyObject)]
pub(crate) enum Metrics {
    One(String),
    Several(Vec<String>),
}

impl Metrics {
    pub(crate) fn texts(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Several(texts) => texts,
        }
    }
}

/// Index of a metric, by default the first.
pub(crate) fn index_in(sweep: &Sweep, name: Option<&str>) -> Result<usize, Failure> {
    match name {
        Some(name) => Ok(sweep.metric_index(name)?),
        None if sweep.metrics.is_empty() => {
            Err(Failure::Sweep("it has no validation metric; read it with metrics=\"NAME:max\"".to_owned()))
        }
        None => Ok(0),
    }
}
