//! How results are pickled and copied: as the plain types that they are made of.

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use serde::Serialize;

/// What `__reduce__` returns: the function that makes the object anew, and its arguments.
pub(crate) type Reduced<'py> = (Bound<'py, PyAny>, Bound<'py, PyTuple>);

/// An object of a kind that [`restore`](crate::restore::restore) knows, as its plain types.
pub(crate) fn reduce<'py>(py: Python<'py>, kind: &str, state: &impl Serialize) -> PyResult<Reduced<'py>> {
    let restore = py.import("lodecast._engine")?.getattr("_restore")?;
    Ok((restore, (kind, pythonize::pythonize(py, state)?).into_pyobject(py)?))
}
