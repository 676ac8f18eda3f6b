//! `lodecast.Plan`.

use lodecast::{Candidate, Plan, Prediction, Verdict};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::forecast::PyInterval;
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

/// A schedule that was weighed.
#[pyclass(frozen, name = "Candidate", module = "lodecast")]
pub(crate) struct PyCandidate(pub(crate) Candidate);

#[pymethods]
impl PyCandidate {
    /// Where it comes from, in words.
    #[getter]
    fn origin(&self) -> String {
        self.0.origin.to_string()
    }

    /// The schedule from now on; `None` where it was not kept.
    #[getter]
    fn schedule(&self) -> Option<PySchedule> {
        self.0.schedule.clone().map(PySchedule)
    }

    /// What is predicted for it, unless it was rejected before.
    #[getter]
    fn prediction(&self) -> Option<PyPrediction> {
        self.0.prediction.map(PyPrediction)
    }

    /// What a single run under a new seed will end at, two times out of three, where the model says so.
    #[getter]
    fn interval(&self) -> Option<PyInterval> {
        self.0.interval.map(PyInterval)
    }

    /// Probability that it is better than the schedule of the best measured run, where the model says so.
    #[getter]
    fn probability_better_than_best(&self) -> Option<f64> {
        self.0.probability_better_than_best
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        pickle::reduce(py, "Candidate", &self.0)
    }

    fn __repr__(&self) -> String {
        let predicted = self.0.prediction.map_or_else(String::new, |at| format!(", ends at {:.5}", at.metric));
        format!("<lodecast.Candidate, {}{predicted}>", self.0.origin)
    }
}

/// What a planner decided, and everything it weighed.
#[pyclass(frozen, name = "Plan", module = "lodecast")]
pub(crate) struct PyPlan {
    pub(crate) plan: Plan,
    /// The metric that is predicted, with its direction.
    pub(crate) metric: String,
}

#[pymethods]
impl PyPlan {
    /// The schedule to follow from `now` on.
    #[getter]
    fn schedule(&self) -> PySchedule {
        PySchedule(self.plan.schedule.clone())
    }

    /// Is it another one than was in force?
    #[getter]
    fn changed(&self) -> bool {
        self.plan.changed
    }

    /// Why.
    #[getter]
    fn reason(&self) -> &str {
        &self.plan.reason
    }

    /// Progress from which the schedule applies, in [0, 1).
    #[getter]
    fn now(&self) -> f64 {
        self.plan.now
    }

    /// Counts the plans of a run, from 0.
    #[getter]
    fn replan(&self) -> u64 {
        self.plan.replan
    }

    /// The metric that is predicted, as `name:max` or `name:min`.
    #[getter]
    fn metric(&self) -> &str {
        &self.metric
    }

    /// What is predicted for the schedule to follow, if anything.
    #[getter]
    fn prediction(&self) -> Option<PyPrediction> {
        self.plan.prediction.map(PyPrediction)
    }

    /// What a single run under a new seed will end at under the schedule, two times out of three. `None` where the model does
    /// not say: a law does, before the run has started.
    #[getter]
    fn interval(&self) -> Option<PyInterval> {
        self.plan.chosen()?.interval.map(PyInterval)
    }

    /// Probability that the schedule is better than that of the best measured run. `None` where the model does not say: a law
    /// does, before the run has started.
    #[getter]
    fn probability_better_than_best(&self) -> Option<f64> {
        self.plan.chosen()?.probability_better_than_best
    }

    /// The best of what could have been chosen instead.
    #[getter]
    fn alternatives(&self) -> Vec<PyCandidate> {
        let accepted = self.plan.candidates.iter().filter(|candidate| candidate.verdict == Verdict::Accepted);
        accepted.filter(|candidate| candidate.schedule.is_some()).cloned().map(PyCandidate).collect()
    }

    /// Everything that was weighed, as dictionaries.
    #[getter]
    fn candidates<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(pythonize::pythonize(py, &self.plan.candidates)?)
    }

    /// The plan as plain types.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(pythonize::pythonize(py, &self.plan)?)
    }

    /// Draws the schedule and the best candidates with matplotlib, or with plotly if `interactive`.
    #[pyo3(signature = (**options))]
    fn plot<'py>(slf: &Bound<'py, Self>, options: Option<&Bound<'py, PyDict>>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("lodecast.view.plots")?.call_method("plan", (slf,), options)
    }

    fn __eq__(&self, other: &Self) -> bool {
        (&self.plan, &self.metric) == (&other.plan, &other.metric)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        pickle::reduce(py, "Plan", &(&self.plan, &self.metric))
    }

    fn __str__(&self) -> String {
        self.plan.to_string()
    }

    fn __repr__(&self) -> String {
        let verb = if self.plan.changed { "new schedule" } else { "schedule kept" };
        format!("<lodecast.Plan: {verb} at {:.0} %: {}>", self.plan.now * 100.0, self.plan.reason)
    }

    fn _repr_html_(slf: &Bound<'_, Self>) -> PyResult<String> {
        slf.py().import("lodecast.view.notebook")?.call_method1("plan", (slf,))?.extract()
    }
}
