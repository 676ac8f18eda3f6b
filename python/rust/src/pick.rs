//! `lodecast.Pick`: the schedule that a law takes for a whole run, with what it expects, and what else there was.

use lodecast::{Alternative, FinalForecast, Pick, PickOrigin};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::pickle::{self, Reduced};
use crate::schedule::PySchedule;

/// The final value of a run that has not been made, as a law sees it.
#[pyclass(frozen, name = "FinalForecast", module = "lodecast")]
pub(crate) struct PyFinalForecast(pub(crate) FinalForecast);

#[pymethods]
impl PyFinalForecast {
    /// Expected value: that of a run that trains and that of an untrained network, each with its probability. Choose by it.
    #[getter]
    fn expected(&self) -> f64 {
        self.0.expected
    }

    /// Median: as likely to be passed as not, divergence counted. Forecast by it.
    #[getter]
    fn median(&self) -> f64 {
        self.0.median
    }

    /// Ends of the interval that holds 68 %.
    #[getter]
    fn interval_68(&self) -> (f64, f64) {
        (self.0.low_68, self.0.high_68)
    }

    /// Ends of the interval that holds 95 %.
    #[getter]
    fn interval_95(&self) -> (f64, f64) {
        (self.0.low_95, self.0.high_95)
    }

    /// Probability that the run diverges.
    #[getter]
    fn probability_diverged(&self) -> f64 {
        self.0.probability_diverged
    }

    /// Deviation of the logarithm of the gap to the metric's ideal value: doubt and the scatter of runs together.
    #[getter]
    fn deviation(&self) -> f64 {
        self.0.deviation
    }

    /// The part of the deviation that another seed would change.
    #[getter]
    fn seed_deviation(&self) -> f64 {
        self.0.seed_deviation
    }

    /// The forecast as plain types.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(pythonize::pythonize(py, &self.0)?)
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        pickle::reduce(py, "FinalForecast", &self.0)
    }

    fn __str__(&self) -> String {
        let FinalForecast { median, low_68, high_68, probability_diverged, .. } = self.0;
        let diverged = if probability_diverged < 0.005 {
            String::new()
        } else {
            format!("; diverges with {:.0} % probability", 100.0 * probability_diverged)
        };
        format!("{median:.4} ({low_68:.4} to {high_68:.4} in two of three runs{diverged})")
    }

    fn __repr__(&self) -> String {
        format!("<lodecast.FinalForecast: {}>", self.__str__())
    }
}

/// A schedule that could be taken instead, with what is expected of it.
#[pyclass(frozen, name = "Alternative", module = "lodecast")]
pub(crate) struct PyAlternative(pub(crate) Alternative);

#[pymethods]
impl PyAlternative {
    /// Whose choice it is.
    #[getter]
    fn name(&self) -> &str {
        &self.0.name
    }

    /// The schedule.
    #[getter]
    fn schedule(&self) -> PySchedule {
        PySchedule(self.0.schedule.clone())
    }

    /// The measured run whose schedule it is; `None` for a shape that nobody has run.
    #[getter]
    fn run(&self) -> Option<&str> {
        measured(&self.0.origin)
    }

    /// Its final value, law and plain process averaged.
    #[getter]
    fn predicted(&self) -> PyFinalForecast {
        PyFinalForecast(self.0.predicted)
    }

    /// Probability that it is better than the schedule of the best measured run, law and plain process averaged.
    #[getter]
    fn probability_better_than_best(&self) -> f64 {
        self.0.probability_better_than_best
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        pickle::reduce(py, "Alternative", &self.0)
    }

    fn __repr__(&self) -> String {
        let Alternative { name, schedule, predicted, .. } = &self.0;
        format!("<lodecast.Alternative, {name}: {}, ends at {:.4}>", schedule.describe(), predicted.median)
    }
}

/// The schedule to take for a run, and what else there was: what `lodecast.pick` and `LawModel.pick` return.
#[pyclass(frozen, name = "Pick", module = "lodecast")]
pub(crate) struct PyPick {
    pub(crate) pick: Pick,
    /// The metric that is predicted, with its direction.
    pub(crate) metric: String,
    /// The length of the run that it is for.
    pub(crate) total_steps: u64,
}

#[pymethods]
impl PyPick {
    /// The schedule to take.
    #[getter]
    fn schedule(&self) -> PySchedule {
        PySchedule(self.pick.schedule.clone())
    }

    /// The measured run whose schedule it is; `None` for a shape that nobody has run.
    #[getter]
    fn run(&self) -> Option<&str> {
        measured(&self.pick.origin)
    }

    /// Its final value, law and plain process averaged.
    #[getter]
    fn predicted(&self) -> PyFinalForecast {
        PyFinalForecast(self.pick.predicted)
    }

    /// Probability that it is better than the schedule of the best measured run, law and plain process averaged; 1/2 if there is none.
    #[getter]
    fn probability_better_than_best(&self) -> f64 {
        self.pick.probability_better_than_best
    }

    /// Other choices: the law's own, the plain process's own, the schedule of the best measured run.
    #[getter]
    fn alternatives(&self) -> Vec<PyAlternative> {
        self.pick.alternatives.iter().cloned().map(PyAlternative).collect()
    }

    /// The metric that is predicted, as `name:max` or `name:min`.
    #[getter]
    fn metric(&self) -> &str {
        &self.metric
    }

    /// Length of the run that it is for, in optimizer steps.
    #[getter]
    fn total_steps(&self) -> u64 {
        self.total_steps
    }

    /// The pick as plain types.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(pythonize::pythonize(py, &self.pick)?)
    }

    /// Draws the schedule and the others with matplotlib, or with plotly if `interactive`.
    #[pyo3(signature = (**options))]
    fn plot<'py>(slf: &Bound<'py, Self>, options: Option<&Bound<'py, PyDict>>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("lodecast.view.plots")?.call_method("pick", (slf,), options)
    }

    fn __eq__(&self, other: &Self) -> bool {
        (&self.pick, &self.metric, self.total_steps) == (&other.pick, &other.metric, other.total_steps)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        pickle::reduce(py, "Pick", &(&self.pick, &self.metric, self.total_steps))
    }

    fn __str__(slf: &Bound<'_, Self>) -> PyResult<String> {
        slf.py().import("lodecast.view.text")?.call_method1("pick", (slf,))?.extract()
    }

    fn __repr__(&self) -> String {
        let Pick { schedule, predicted, .. } = &self.pick;
        let (name, steps) = (schedule.describe(), self.total_steps);
        format!("<lodecast.Pick: {name} over {steps} steps, final {} {:.4}>", self.metric, predicted.median)
    }

    fn _repr_html_(slf: &Bound<'_, Self>) -> PyResult<String> {
        slf.py().import("lodecast.view.notebook")?.call_method1("pick", (slf,))?.extract()
    }
}

/// The measured run that a schedule is of.
pub(crate) fn measured(origin: &PickOrigin) -> Option<&str> {
    match origin {
        PickOrigin::Measured { run } => Some(run),
        PickOrigin::New => None,
    }
}
