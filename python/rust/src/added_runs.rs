//! Runs that are added to a study: a sweep, or where they are.

use lodecast::Metric;
use lodecast::tune::Added;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::failure;
use crate::sweep::PySweep;

/// Runs in an argument: a sweep, or where they are.
pub(crate) fn read_runs<'py>(
    runs: &Bound<'py, PyAny>,
    metric: &Metric,
    train_loss: Option<&str>,
    learning_rate: Option<&str>,
) -> PyResult<Bound<'py, PySweep>> {
    if let Ok(sweep) = runs.cast::<PySweep>() {
        return Ok(sweep.clone());
    }
    let named = PyDict::new(runs.py());
    named.set_item("metric", metric.to_string())?;
    named.set_item("train_loss", train_loss)?;
    named.set_item("learning_rate", learning_rate)?;
    let read = runs.py().import("lodecast.io.runs")?.call_method("read_runs", (runs,), Some(&named))?;
    Ok(read.cast_into::<PySweep>()?)
}

/// Warns of runs that could not be added.
pub(crate) fn warn_of_refused(py: Python<'_>, added: &Added) -> PyResult<()> {
    let mut refused = added.refused.iter();
    refused.try_for_each(|run| failure::warn(py, &format!("run '{}' was not added: {}", run.run, run.error)))
}
