//! `lodecast.Evaluation`.

use lodecast::Evaluation;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::pickle::{self, Reduced};

/// How good forecasts are, beside simple baselines.
#[pyclass(frozen, name = "Evaluation", module = "lodecast")]
pub(crate) struct PyEvaluation(pub(crate) Evaluation);

#[pymethods]
impl PyEvaluation {
    /// Draws the error of each way to forecast, by how much of a run was seen, with matplotlib.
    #[pyo3(signature = (**options))]
    fn plot<'py>(slf: &Bound<'py, Self>, options: Option<&Bound<'py, PyDict>>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("lodecast.view.plots")?.call_method("evaluation", (slf,), options)
    }

    /// The metric that is forecast.
    #[getter]
    fn metric(&self) -> &str {
        &self.0.metric
    }

    /// Was no run forecast by a member that had seen its configuration?
    #[getter]
    fn held_out(&self) -> bool {
        self.0.held_out
    }

    /// Runs that are not forecast since they stopped before their end: what they would have come to is unknown.
    #[getter]
    fn stopped(&self) -> Vec<String> {
        self.0.stopped.clone()
    }

    /// One dictionary an observed fraction and method: errors, rank correlation, coverage.
    #[getter]
    fn skills<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(pythonize::pythonize(py, &self.0.skills)?)
    }

    /// One dictionary a forecast: run, observed fraction, prediction, what it became.
    #[getter]
    fn forecasts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(pythonize::pythonize(py, &self.0.forecasts)?)
    }

    fn __repr__(&self) -> String {
        let held_out = if self.0.held_out { "held out" } else { "not held out" };
        format!("<lodecast.Evaluation: {} forecasts of {}, {held_out}>", self.0.forecasts.len(), self.0.metric)
    }

    fn __str__(slf: &Bound<'_, Self>) -> PyResult<String> {
        slf.py().import("lodecast.view.text")?.call_method1("evaluation", (slf,))?.extract()
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        pickle::reduce(py, "Evaluation", &self.0)
    }

    fn _repr_html_(slf: &Bound<'_, Self>) -> PyResult<String> {
        slf.py().import("lodecast.view.notebook")?.call_method1("evaluation", (slf,))?.extract()
    }
}
