//! Columns of Python tables: numpy arrays read where they lie, and lists of texts.

use lodecast::Sweep;
use lodecast_sweep_file::{Column, ReadOptions, ReadReport, Values, read_columns};
use numpy::{PyArrayMethods, PyReadonlyArray1};
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

/// A column of measurements as an array in which what was not measured is NaN.
pub(crate) fn measurements<'py>(py: Python<'py>, column: &[Option<f64>]) -> Bound<'py, numpy::PyArray1<f64>> {
    numpy::PyArray1::from_iter(py, column.iter().map(|value| value.unwrap_or(f64::NAN)))
}

/// One-dimensional numbers from a sequence or an array.
pub(crate) fn numbers(values: &Bound<'_, PyAny>) -> PyResult<Vec<f64>> {
    if let Ok(array) = values.cast::<numpy::PyArray1<f64>>() {
        return Ok(array.readonly().as_array().to_vec());
    }
    values.extract()
}
