//! Columns of Python tables: numpy arrays read where they lie, and lists of texts.

use std::collections::BTreeSet;

use lodecast::{Attributes, Sweep};
use lodecast_sweep_file::{Column, ReadOptions, ReadReport, Values, read_columns};
use numpy::{PyArray1, PyArrayMethods, PyReadonlyArray1};
use pyo3::prelude::*;

use crate::failure::Failure;
use crate::work;

/// A column as `lodecast.io.tables` hands it over: contiguous, of one of these types.
#[derive(FromPyObject)]
pub(crate) enum Array<'py> {
    Float(PyReadonlyArray1<'py, f64>),
    Single(PyReadonlyArray1<'py, f32>),
    Signed(PyReadonlyArray1<'py, i64>),
    Unsigned(PyReadonlyArray1<'py, u64>),
    Text(Vec<Option<String>>),
}

impl Array<'_> {
    fn values(&self) -> Result<Values<'_>, Failure> {
        let strided =
            |_| Failure::Sweep("a column is not contiguous; pass it through numpy.ascontiguousarray".to_owned());
        Ok(match self {
            Self::Float(array) => Values::Float(array.as_slice().map_err(strided)?),
            Self::Single(array) => Values::Single(array.as_slice().map_err(strided)?),
            Self::Signed(array) => Values::Signed(array.as_slice().map_err(strided)?),
            Self::Unsigned(array) => Values::Unsigned(array.as_slice().map_err(strided)?),
            Self::Text(texts) => Values::Text(texts),
        })
    }
}

/// Name, values, and where they are missing.
pub(crate) type NamedArray<'py> = (String, Array<'py>, Option<PyReadonlyArray1<'py, bool>>);

/// A sweep from the columns of a table.
pub(crate) fn sweep(
    py: Python<'_>,
    arrays: &[NamedArray<'_>],
    nan_is_missing: bool,
    options: &ReadOptions,
) -> PyResult<(Sweep, ReadReport)> {
    let columns = arrays
        .iter()
        .map(|(name, array, missing)| {
            let missing = missing.as_ref().map(|missing| missing.as_slice()).transpose();
            let missing = missing.map_err(|_| Failure::Sweep(format!("the mask of '{name}' is not contiguous")))?;
            Ok(Column { name: name.clone(), values: array.values()?, missing, nan_is_missing })
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    work::detached(py, || Ok(read_columns(&columns, "the table", options)?))
}

/// A column as it goes out: a name, values, and where there are any (everywhere if it does not say).
pub(crate) type OutColumn<'py> = (String, Bound<'py, PyAny>, Option<Bound<'py, PyArray1<bool>>>);

/// The columns of a sweep, one metric point a row: those of the points, the metrics, and the attributes that a run has.
pub(crate) fn columns<'py>(py: Python<'py>, sweep: &Sweep) -> PyResult<Vec<OutColumn<'py>>> {
    let points = || sweep.runs.iter().flat_map(|run| (0..run.len()).map(move |at| (run, at)));
    let ids: Vec<&str> = points().map(|(run, _)| run.id.as_str()).collect();
    let mut columns = vec![
        ("run_id".to_owned(), ids.into_pyobject(py)?, None),
        ("step".to_owned(), PyArray1::from_iter(py, points().map(|(run, at)| run.steps[at])).into_any(), None),
    ];
    let numbers = |name: &str, values: Vec<Option<f64>>| {
        let there = PyArray1::from_iter(py, values.iter().map(Option::is_some));
        (name.to_owned(), measurements(py, &values).into_any(), Some(there))
    };
    columns.push(numbers("train_loss", points().map(|(run, at)| run.train_loss[at]).collect()));
    columns.push(numbers("learning_rate", points().map(|(run, at)| run.learning_rate[at]).collect()));
    for (column, metric) in sweep.metrics.iter().enumerate() {
        columns.push(numbers(&metric.name, points().map(|(run, at)| run.validation[column][at]).collect()));
    }
    let texts = |name: &str, of: &dyn Fn(&Attributes) -> Option<String>| -> PyResult<Option<OutColumn<'py>>> {
        let values: Vec<Option<String>> = points().map(|(run, _)| of(&run.attributes)).collect();
        let known = values.iter().any(Option::is_some);
        Ok(if known { Some((name.to_owned(), values.into_pyobject(py)?, None)) } else { None })
    };
    let counts = |name: &str, of: &dyn Fn(&Attributes) -> Option<u64>| {
        let values: Vec<Option<u64>> = points().map(|(run, _)| of(&run.attributes)).collect();
        values.iter().any(Option::is_some).then(|| {
            let there = PyArray1::from_iter(py, values.iter().map(Option::is_some));
            let filled = PyArray1::from_iter(py, values.iter().map(|value| value.unwrap_or(0)));
            (name.to_owned(), filled.into_any(), Some(there))
        })
    };
    columns.extend(texts("schedule", &|known| known.schedule.clone())?);
    if sweep.runs.iter().any(|run| run.attributes.peak_lr.is_some()) {
        columns.push(numbers("peak_lr", points().map(|(run, _)| run.attributes.peak_lr).collect()));
    }
    columns.extend(counts("seed", &|known| known.seed));
    columns.extend(texts("optimizer", &|known| known.optimizer.clone())?);
    columns.extend(counts("total_steps", &|known| known.total_steps));
    columns.extend(texts("source", &|known| known.source.clone())?);
    let others: BTreeSet<&String> = sweep.runs.iter().flat_map(|run| run.attributes.other.keys()).collect();
    for name in others {
        columns.extend(texts(&format!("attribute.{name}"), &|known| known.other.get(name).cloned())?);
    }
    Ok(columns)
}

/// A column of measurements as an array in which what was not measured is NaN.
pub(crate) fn measurements<'py>(py: Python<'py>, column: &[Option<f64>]) -> Bound<'py, PyArray1<f64>> {
    PyArray1::from_iter(py, column.iter().map(|value| value.unwrap_or(f64::NAN)))
}

/// One-dimensional numbers from a sequence or an array.
pub(crate) fn numbers(values: &Bound<'_, PyAny>) -> PyResult<Vec<f64>> {
    if let Ok(array) = values.cast::<PyArray1<f64>>() {
        return Ok(array.readonly().as_array().to_vec());
    }
    values.extract()
}
