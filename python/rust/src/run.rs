//! `lodecast.Run`.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use lodecast::{Attributes, Metric, Point, Run, Schedule, Sweep};
use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::count::Count;
use crate::failure::Failure;
use crate::metric_argument;
use crate::pickle::{self, Reduced};
use crate::recorded::Recorded;
use crate::schedule::PySchedule;
use crate::{table, work};

/// One training run: arrays over its metric points, in the order of steps. What was not measured at a point is NaN there.
///
/// >>> import lodecast
/// >>> run = lodecast.Run("mine", [10, 20], train_loss=[2.1, 1.7], learning_rate=[0.1, 0.1],
/// ...                    validation={"accuracy:max": [None, 0.4]}, total_steps=100)
/// >>> run.train_loss, run.final_validation(), run.total_steps
/// (array([2.1, 1.7]), 0.4, 100)
#[pyclass(frozen, name = "Run", module = "lodecast")]
pub(crate) struct PyRun {
    /// The sweep it belongs to, which knows the metrics.
    sweep: Arc<Sweep>,
    index: usize,
}

impl PyRun {
    pub(crate) fn new(sweep: &Arc<Sweep>, index: usize) -> Self {
        Self { sweep: Arc::clone(sweep), index }
    }

    pub(crate) fn run(&self) -> &Run {
        &self.sweep.runs[self.index]
    }

    /// A sweep of this run only.
    pub(crate) fn alone(&self) -> Sweep {
        Sweep { metrics: self.sweep.metrics.clone(), runs: vec![self.run().clone()] }
    }

    /// All its points, by `metric`, which has to be better the same way.
    pub(crate) fn measured(&self, metric: &Metric, total_steps: u64) -> Result<Vec<Point>, Failure> {
        let known = self.sweep.metrics.iter().find(|known| known.name == metric.name);
        if let Some(known) = known.filter(|known| known.direction != metric.direction) {
            return Err(Failure::Sweep(format!("the run has {known}, the study {metric}: give the run its direction")));
        }
        self.observed(metric, total_steps, None)
    }

    /// The points up to a fraction of the run, for a model of `metric`. A run without that metric was never validated.
    pub(crate) fn observed(
        &self,
        metric: &Metric,
        total_steps: u64,
        observed: Option<f64>,
    ) -> Result<Vec<Point>, Failure> {
        let column = match self.sweep.metrics.iter().position(|known| known.name == metric.name) {
            Some(column) => column,
            None if self.sweep.metrics.is_empty() => 0,
            None => self.sweep.metric_index(&metric.name)?,
        };
        let until = observed.map_or(u64::MAX, |part| (part * total_steps as f64).floor() as u64);
        Ok(self.run().points(column).filter(|point| point.step <= until).collect())
    }
}

#[pymethods]
impl PyRun {
    /// A run from its points. `validation` maps `name:max` or `name:min` to values. `None` was not measured, and neither was NaN, which
    /// diverged where `nan_is_missing` is false.
    #[new]
    #[pyo3(signature = (id, steps, *, train_loss=None, learning_rate=None, validation=None, total_steps=None,
        schedule=None, peak_lr=None, seed=None, optimizer=None, attributes=None, nan_is_missing=true))]
    #[allow(clippy::too_many_arguments)]
    fn from_columns(
        id: String,
        steps: Vec<Count>,
        train_loss: Option<Vec<Option<f64>>>,
        learning_rate: Option<Vec<Option<f64>>>,
        validation: Option<&Bound<'_, PyDict>>,
        total_steps: Option<Count>,
        schedule: Option<String>,
        peak_lr: Option<f64>,
        seed: Option<u64>,
        optimizer: Option<String>,
        attributes: Option<BTreeMap<String, String>>,
        nan_is_missing: bool,
    ) -> PyResult<Self> {
        let (steps, total_steps) =
            (steps.into_iter().map(|Count(step)| step).collect::<Vec<_>>(), total_steps.map(|Count(steps)| steps));
        let other = attributes.unwrap_or_default();
        let attributes = Attributes { schedule, peak_lr, seed, optimizer, total_steps, source: None, other };
        let mut metrics = Vec::new();
        let mut columns = Vec::new();
        for (name, values) in validation.into_iter().flatten() {
            let name: String = name.extract()?;
            metrics.push(name.parse::<Metric>().map_err(Failure::from)?);
            columns.push((name, values.extract::<Vec<Option<f64>>>()?));
        }
        work::guard(|| {
            let mut run = Run::new(id, metrics.len());
            let length = |name: &str, found: usize| {
                let reason = format!("{name} has {found} values for {} steps; give one a step", steps.len());
                if found == steps.len() { Ok(()) } else { Err(Failure::Sweep(reason)) }
            };
            let measured = |value: Option<f64>| value.filter(|value| !(nan_is_missing && value.is_nan()));
            for (name, column) in [("train_loss", &train_loss), ("learning_rate", &learning_rate)] {
                column.as_ref().map_or(Ok(()), |column| length(name, column.len()))?;
            }
            columns.iter().try_for_each(|(name, column)| length(name, column.len()))?;
            for (index, &step) in steps.iter().enumerate() {
                let at = |column: &Option<Vec<Option<f64>>>| column.as_ref().and_then(|column| measured(column[index]));
                let values: Vec<Option<f64>> = columns.iter().map(|(_, column)| measured(column[index])).collect();
                run.push(step, at(&train_loss), at(&learning_rate), &values)?;
            }
            run.attributes = attributes;
            Ok(Self { sweep: Arc::new(Sweep { metrics, runs: vec![run] }), index: 0 })
        })
    }

    /// Identity within the sweep.
    #[getter]
    fn id(&self) -> &str {
        &self.run().id
    }

    /// Optimizer step of each point.
    #[getter]
    fn steps<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<u64>> {
        PyArray1::from_slice(py, self.run().steps())
    }

    /// Train loss at each point.
    #[getter]
    fn train_loss<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        table::measurements(py, self.run().train_loss())
    }

    /// Learning rate at each point.
    #[getter]
    fn learning_rate<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        table::measurements(py, self.run().learning_rate())
    }

    /// The validation metrics by name.
    #[getter]
    fn validation<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let columns = PyDict::new(py);
        for (metric, column) in self.sweep.metrics.iter().zip(self.run().validations()) {
            columns.set_item(&metric.name, table::measurements(py, column))?;
        }
        Ok(columns)
    }

    /// What else is known: schedule, `peak_lr`, seed, optimizer, `total_steps`, source, other.
    #[getter]
    fn attributes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(pythonize::pythonize(py, &self.run().attributes)?)
    }

    /// The metrics of its sweep, as `name:max` or `name:min`.
    #[getter]
    fn metrics(&self) -> Vec<String> {
        self.sweep.metrics.iter().map(ToString::to_string).collect()
    }

    /// Planned length in steps: the recorded one, or else the last step.
    #[getter]
    fn total_steps(&self) -> u64 {
        self.run().total_steps()
    }

    /// A short name of its configuration: its schedule and peak, or what its rates look like.
    #[getter]
    fn configuration(&self) -> String {
        self.run().label()
    }

    /// The schedule it says it follows, or else its recorded rates; `None` if it has neither.
    #[getter]
    fn schedule(&self) -> Option<PySchedule> {
        Schedule::of_run(self.run()).map(PySchedule)
    }

    /// The last finite value of a metric, by default the first.
    #[pyo3(signature = (metric=None))]
    fn final_validation(&self, metric: Option<&str>) -> PyResult<Option<f64>> {
        work::guard(|| Ok(self.run().final_validation(metric_argument::index_in(&self.sweep, metric)?)))
    }

    /// Index of the first point whose loss or metric is NaN or infinite; `None` if the run did not diverge. NaN that was taken for what
    /// was not measured (`nan_is_missing`) is none.
    #[pyo3(signature = (metric=None))]
    fn diverged_at(&self, metric: Option<&str>) -> PyResult<Option<usize>> {
        work::guard(|| Ok(self.run().diverged_at(metric_argument::index_in(&self.sweep, metric)?)))
    }

    fn __len__(&self) -> usize {
        self.run().len()
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.sweep.metrics == other.sweep.metrics && self.run() == other.run()
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.run().id, self.run().steps()).hash(&mut hasher);
        hasher.finish()
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        pickle::reduce(py, "Run", &Recorded::new(&self.sweep.metrics, self.run()))
    }

    fn __repr__(&self) -> String {
        let run = self.run();
        format!("<lodecast.Run '{}': {} points of {} steps, {}>", run.id, run.len(), run.total_steps(), run.label())
    }
}
