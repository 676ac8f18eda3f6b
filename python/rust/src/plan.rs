//! `lodecast.Plan`.

use lodecast::{Plan, Prediction};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::pickle::{self, Reduced};
use crate::schedule::PySchedule;

/// What is predicted for the end of a run.
#[pyclass(frozen, name = "Prediction", module = "lodecast")]
pub(crate) struct PyPrediction(pub(crate) Prediction);

#[pymethods]
impl PyPrediction {
    /// Validation metric.
    #[getter]
    fn metric(&self) -> f64 {
        self.0.metric
    }

    /// One standard deviation over the members of the ensemble.
    #[getter]
    fn spread(&self) -> f64 {
        self.0.spread
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        pickle::reduce(py, "Prediction", &self.0)
    }

    fn __repr__(&self) -> String {
        format!("<lodecast.Prediction: {:.5} +- {:.5}>", self.0.metric, self.0.spread)
    }
}

/// What a planner decided, and everything it weighed.
#[pyclass(frozen, name = "Plan", module = "lodecast")]
pub(crate) struct PyPlan(pub(crate) Plan);

#[pymethods]
impl PyPlan {
    /// The schedule to follow from `now` on.
    #[getter]
    fn schedule(&self) -> PySchedule {
        PySchedule(self.0.schedule.clone())
    }

    /// Is it another one than was in force?
    #[getter]
    fn changed(&self) -> bool {
        self.0.changed
    }

    /// Why.
    #[getter]
    fn reason(&self) -> &str {
        &self.0.reason
    }

    /// Progress from which the schedule applies, in [0, 1).
    #[getter]
    fn now(&self) -> f64 {
        self.0.now
    }

    /// Counts the plans of a run, from 0.
    #[getter]
    fn replan(&self) -> u64 {
        self.0.replan
    }

    /// What is predicted for the schedule to follow, if anything.
    #[getter]
    fn prediction(&self) -> Option<PyPrediction> {
        self.0.prediction.map(PyPrediction)
    }

    /// Everything that was weighed, as dictionaries.
    #[getter]
    fn candidates<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(pythonize::pythonize(py, &self.0.candidates)?)
    }

    /// The plan as plain types.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(pythonize::pythonize(py, &self.0)?)
    }

    /// Draws the schedule and the best candidates with matplotlib.
    #[pyo3(signature = (**options))]
    fn plot<'py>(slf: &Bound<'py, Self>, options: Option<&Bound<'py, PyDict>>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("lodecast.view.plots")?.call_method("plan", (slf,), options)
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        pickle::reduce(py, "Plan", &self.0)
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self) -> String {
        let verb = if self.0.changed { "new schedule" } else { "schedule kept" };
        format!("<lodecast.Plan: {verb} at {:.0} %: {}>", self.0.now * 100.0, self.0.reason)
    }

    fn _repr_html_(slf: &Bound<'_, Self>) -> PyResult<String> {
        slf.py().import("lodecast.view.notebook")?.call_method1("plan", (slf,))?.extract()
    }
}
