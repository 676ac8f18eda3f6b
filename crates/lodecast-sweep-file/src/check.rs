//! Checks that a sweep reads back equal before it is written.

use std::collections::HashSet;

use lodecast::{Metric, Run, Sweep};

use crate::error::{Error, Result, shorten};
use crate::role::{Attribute, Fixed};

/// Names every way in which a sweep could not be told apart from another in a file.
pub(crate) fn check(sweep: &Sweep) -> Result<()> {
    check_metrics(&sweep.metrics)?;
    let mut ids = HashSet::new();
    for run in &sweep.runs {
        check_run(run, sweep.metrics.len())?;
        if !ids.insert(run.id.as_str()) {
            return Err(repeated(&run.id));
        }
    }
    Ok(())
}

/// Checks the names of the metrics.
pub(crate) fn check_metrics(metrics: &[Metric]) -> Result<()> {
    let fail = |reason: String| Err(Error::Unwritable { reason });
    let mut names = HashSet::new();
    for metric in metrics {
        let name = metric.name.as_str();
        let shown = shorten(name);
        if name.is_empty() || name.trim() != name {
            return fail(format!("the metric name '{shown}' is empty or begins or ends with a space; rename it"));
        }
        if Fixed::ALL.into_iter().any(|fixed| fixed.name() == name) || name.starts_with(Attribute::PREFIX) {
            return fail(format!("the metric name '{shown}' is that of another column; rename it"));
        }
        if !names.insert(name) {
            return fail(format!("the metric '{shown}' is in it twice; rename one"));
        }
    }
    Ok(())
}

/// Checks one run by itself.
pub(crate) fn check_run(run: &Run, metrics: usize) -> Result<()> {
    if run.id.is_empty() {
        return Err(Error::Unwritable { reason: "a run has an empty id; name it".to_owned() });
    }
    check_columns(run, metrics)
        .map_err(|reason| Error::Unwritable { reason: format!("run '{}' {reason}", shorten(&run.id)) })
}

/// The error of a run id that was there before.
pub(crate) fn repeated(id: &str) -> Error {
    Error::Unwritable { reason: format!("the run id '{}' is in it twice; rename one", shorten(id)) }
}

fn check_columns(run: &Run, metrics: usize) -> Result<(), String> {
    if run.metrics() != metrics {
        return Err(format!("has {} validation columns where the sweep has {metrics} metrics", run.metrics()));
    }
    Ok(())
}
