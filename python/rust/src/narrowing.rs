//! `lodecast.Narrowing`: a run that would tell a law much, and what would be forecast then.

use lodecast::Narrowing;
use pyo3::prelude::*;

use crate::pick::PyFinalForecast;
use crate::pickle::{self, Reduced};
use crate::schedule::PySchedule;

/// A run that would tell much where next to nothing is known, and what would be forecast then.
#[pyclass(frozen, name = "Narrowing", module = "lodecast")]
pub(crate) struct PyNarrowing(pub(crate) Narrowing);

#[pymethods]
impl PyNarrowing {
    /// The schedule to run.
    #[getter]
    fn schedule(&self) -> PySchedule {
        PySchedule(self.0.schedule.clone())
    }

    /// What it would tell.
    #[getter]
    fn tells(&self) -> &str {
        &self.0.tells
    }

    /// The final value under the schedule in question, if this run and those before it end as is expected of them now.
    #[getter]
    fn predicted(&self) -> PyFinalForecast {
        PyFinalForecast(self.0.predicted)
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        pickle::reduce(py, "Narrowing", &self.0)
    }

    fn __repr__(&self) -> String {
        let Narrowing { schedule, tells, predicted, .. } = &self.0;
        let (low, high) = (predicted.low_68, predicted.high_68);
        format!("<lodecast.Narrowing: {} tells {tells}; then {low:.4} to {high:.4}>", schedule.describe())
    }
}
