//! What a trial reports to a tuner, as Python has it: its final value, its run, or its points.

use lodecast::tune::Report;
use lodecast::{Metric, Point};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping, PyString};

use crate::count::Count;
use crate::failure::Failure;
use crate::run::PyRun;

/// The report in an argument.
pub(crate) fn report(given: &Bound<'_, PyAny>, metric: &Metric, total_steps: u64) -> PyResult<Report> {
    if let Ok(run) = given.cast::<PyRun>() {
        return Ok(Report::Points(run.get().measured(metric, total_steps)?));
    }
    if let Ok(value) = given.extract::<f64>() {
        return Ok(Report::Final(value));
    }
    let is_table = given.cast::<PyDict>().is_ok() || given.cast::<PyString>().is_ok();
    let points = if is_table { None } else { given.try_iter().ok() };
    let Some(points) = points else {
        let kind = given.get_type().name()?;
        let advice =
            "tell its final value, its lodecast.Run, or its points: dictionaries with 'step' and what was measured";
        return Err(Failure::Argument(format!("a {kind} is no report of a trial: {advice}")).into());
    };
    Ok(Report::Points(points.map(|given| point(&given?, metric)).collect::<PyResult<_>>()?))
}

/// A point, from a dictionary. `None` was not measured; NaN is what a diverged run has.
fn point(given: &Bound<'_, PyAny>, metric: &Metric) -> PyResult<Point> {
    let Ok(known) = given.cast::<PyMapping>() else {
        let kind = given.get_type().name()?;
        let name = &metric.name;
        let advice =
            format!("give a dictionary with 'step', '{name}' and, where known, 'train_loss' and 'learning_rate'");
        return Err(Failure::Argument(format!("a point is no {kind}: {advice}")).into());
    };
    let mut point = Point::default();
    let mut stepped = false;
    for item in known.items()?.iter() {
        let (name, value): (String, Bound<'_, PyAny>) = item.extract()?;
        match name.as_str() {
            "step" => (point.step, stepped) = (value.extract::<Count>()?.0, true),
            "train_loss" => point.train_loss = value.extract()?,
            "learning_rate" => point.learning_rate = value.extract()?,
            name if name == "validation" || name == metric.name => point.validation = value.extract()?,
            unknown => {
                let text = format!(
                    "a point has no '{unknown}': the study wants 'step', '{}', 'train_loss' and 'learning_rate'",
                    metric.name
                );
                return Err(Failure::Setting(text).into());
            }
        }
    }
    if stepped { Ok(point) } else { Err(Failure::Setting("a point needs its 'step'".to_owned()).into()) }
}
