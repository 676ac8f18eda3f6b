//! `lodecast.Recommendation`: the schedule to take from everything told to a tuner, and what else there was.

use lodecast::PickOrigin;
use lodecast::tune::{CouldBeBetter, NextRun, Recommendation};
use pyo3::prelude::*;

use crate::pick::{PyAlternative, PyFinalForecast, PyPick, measured};
use crate::pickle::{self, Reduced};
use crate::schedule::PySchedule;

/// The schedule to take, and how sure that is: what `Tuner.recommend` returns.
#[pyclass(frozen, name = "Recommendation", module = "lodecast")]
pub(crate) struct PyRecommendation {
    pub(crate) recommendation: Recommendation,
    /// The metric that is predicted, with its direction.
    pub(crate) metric: String,
}

#[pymethods]
impl PyRecommendation {
    /// The schedule to take.
    #[getter]
    fn schedule(&self) -> PySchedule {
        PySchedule(self.recommendation.schedule.clone())
    }

    /// Length of the run that it is for, in optimizer steps.
    #[getter]
    fn total_steps(&self) -> u64 {
        self.recommendation.total_steps
    }

    /// Other settings to take, by name: those of the best run. Empty if none are tuned.
    #[getter]
    fn settings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(pythonize::pythonize(py, &self.recommendation.settings)?)
    }

    /// The measured run whose schedule it is; `None` for a shape that nobody has run.
    #[getter]
    fn run(&self) -> Option<&str> {
        measured(&self.recommendation.origin)
    }

    /// The metric that it will reach; `None` if nothing could be learned from what was told.
    #[getter]
    fn predicted(&self) -> Option<PyFinalForecast> {
        self.recommendation.predicted.map(PyFinalForecast)
    }

    /// Probability that it beats the schedule of the best measured run, law and plain process averaged; 1/2 if it is that one.
    #[getter]
    fn probability_better_than_best(&self) -> f64 {
        self.recommendation.probability_better_than_best
    }

    /// Name of the best measured run.
    #[getter]
    fn best_run(&self) -> &str {
        &self.recommendation.best_run.run
    }

    /// Final value of the best measured run, luck included.
    #[getter]
    fn best_value(&self) -> f64 {
        self.recommendation.best_run.value
    }

    /// What each of the models alone would take, and the schedule of the best run.
    #[getter]
    fn choices(&self) -> Vec<PyAlternative> {
        self.recommendation.choices.iter().cloned().map(PyAlternative).collect()
    }

    /// Two or three schedules that could still be better.
    #[getter]
    fn alternatives(&self) -> Vec<PyCouldBeBetter> {
        self.recommendation.alternatives.iter().cloned().map(PyCouldBeBetter).collect()
    }

    /// The next run that would tell most about this choice, if there is one.
    #[getter]
    fn next_run(&self) -> Option<PyNextRun> {
        self.recommendation.next_run.clone().map(PyNextRun)
    }

    /// Number of runs it rests on.
    #[getter]
    fn runs(&self) -> usize {
        self.recommendation.runs
    }

    /// What a reader has to know.
    #[getter]
    fn notes(&self) -> Vec<String> {
        self.recommendation.notes.clone()
    }

    /// The metric, as `name:max` or `name:min`.
    #[getter]
    fn metric(&self) -> &str {
        &self.metric
    }

    /// The pick that it rests on, as `lodecast.pick` returns it; `None` if nothing could be learned from what was told.
    #[getter]
    fn pick(&self) -> Option<PyPick> {
        let total_steps = self.recommendation.total_steps;
        self.recommendation.pick().map(|pick| PyPick { pick, metric: self.metric.clone(), total_steps })
    }

    /// The recommendation as plain types.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(pythonize::pythonize(py, &self.recommendation)?)
    }

    fn __eq__(&self, other: &Self) -> bool {
        (&self.recommendation, &self.metric) == (&other.recommendation, &other.metric)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        pickle::reduce(py, "Recommendation", &(&self.recommendation, &self.metric))
    }

    fn __str__(slf: &Bound<'_, Self>) -> PyResult<String> {
        slf.py().import("lodecast.view.text")?.call_method1("recommendation", (slf,))?.extract()
    }

    fn __repr__(&self) -> String {
        let Recommendation { schedule, total_steps, predicted, runs, .. } = &self.recommendation;
        let ends = predicted.map_or_else(String::new, |at| format!(", final {} {:.4}", self.metric, at.median));
        format!("<lodecast.Recommendation: {} over {total_steps} steps{ends}, from {runs} runs>", schedule.describe())
    }
}

/// A schedule that could still be better than the recommended one.
#[pyclass(frozen, name = "CouldBeBetter", module = "lodecast")]
pub(crate) struct PyCouldBeBetter(pub(crate) CouldBeBetter);

#[pymethods]
impl PyCouldBeBetter {
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

    /// The metric that it will reach.
    #[getter]
    fn predicted(&self) -> PyFinalForecast {
        PyFinalForecast(self.0.predicted)
    }

    /// Probability that it is better than the recommended one, law and plain process averaged.
    #[getter]
    fn probability(&self) -> f64 {
        self.0.probability
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        pickle::reduce(py, "CouldBeBetter", &self.0)
    }

    fn __repr__(&self) -> String {
        let CouldBeBetter { schedule, origin, probability, .. } = &self.0;
        let known = if *origin == PickOrigin::New { "" } else { ", measured" };
        format!(
            "<lodecast.CouldBeBetter: {}{known}, with {:.0} % probability>",
            schedule.describe(),
            100.0 * probability
        )
    }
}

/// A run worth making.
#[pyclass(frozen, name = "NextRun", module = "lodecast")]
pub(crate) struct PyNextRun(pub(crate) NextRun);

#[pymethods]
impl PyNextRun {
    /// Its schedule.
    #[getter]
    fn schedule(&self) -> PySchedule {
        PySchedule(self.0.schedule.clone())
    }

    /// Its length in optimizer steps.
    #[getter]
    fn total_steps(&self) -> u64 {
        self.0.total_steps
    }

    /// Why it would tell.
    #[getter]
    fn reason(&self) -> &str {
        &self.0.reason
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        pickle::reduce(py, "NextRun", &self.0)
    }

    fn __repr__(&self) -> String {
        let NextRun { schedule, total_steps, reason, .. } = &self.0;
        format!("<lodecast.NextRun: {} over {total_steps} steps; {reason}>", schedule.describe())
    }
}
