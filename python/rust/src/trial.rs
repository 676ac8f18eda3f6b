//! `lodecast.Trial` and `lodecast.TrialRecord`: runs that a tuner asked for, and what became of them.

use std::sync::Arc;

use lodecast::tune::{Trial, TrialRecord, TrialStatus};
use lodecast::{Metric, Sweep};
use pyo3::prelude::*;
use serde::{Deserialize, Serialize};

use crate::count::Count;
use crate::failure::Failure;
use crate::pickle::{self, Reduced};
use crate::run::PyRun;
use crate::schedule::PySchedule;
use crate::work;

/// A run to make: what `Tuner.ask` returns.
#[pyclass(frozen, name = "Trial", module = "lodecast")]
pub(crate) struct PyTrial(pub(crate) Trial);

#[pymethods]
impl PyTrial {
    /// Its name, by which it reports.
    #[getter]
    fn name(&self) -> &str {
        &self.0.name
    }

    /// The schedule to follow.
    #[getter]
    fn schedule(&self) -> PySchedule {
        PySchedule(self.0.schedule.clone())
    }

    /// Its length in optimizer steps.
    #[getter]
    fn total_steps(&self) -> u64 {
        self.0.total_steps
    }

    /// A seed of its own. Whoever trains all runs under one seed may ignore it.
    #[getter]
    fn seed(&self) -> u64 {
        self.0.seed
    }

    /// Other settings to train with, by name; empty if none are tuned.
    #[getter]
    fn settings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(pythonize::pythonize(py, &self.0.settings)?)
    }

    /// Why this run.
    #[getter]
    fn reason(&self) -> &str {
        &self.0.reason
    }

    /// Its learning rate at an optimizer step.
    fn learning_rate(&self, step: Count) -> f64 {
        self.0.schedule.at_step(step.0, self.0.total_steps)
    }

    /// The trial as plain types: what a job on another machine is given.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(pythonize::pythonize(py, &self.0)?)
    }

    /// From what `to_dict` gave, or `lodecast tune ask --out` wrote of it.
    #[staticmethod]
    fn from_dict(state: &Bound<'_, PyAny>) -> PyResult<Self> {
        let trial: Trial = pythonize::depythonize(state)
            .map_err(|error| Failure::Argument(format!("no trial ({error}): give what to_dict() gave")))?;
        work::guard(|| Ok(trial.schedule.check()?))?;
        Ok(Self(trial))
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        pickle::reduce(py, "Trial", &self.0)
    }

    fn __repr__(&self) -> String {
        let Trial { name, schedule, total_steps, reason, .. } = &self.0;
        format!("<lodecast.Trial '{name}': {} over {total_steps} steps; {reason}>", schedule.describe())
    }
}

/// A trial with what became of it: what `Tuner.trials` lists.
#[pyclass(frozen, name = "TrialRecord", module = "lodecast")]
pub(crate) struct PyTrialRecord(pub(crate) Followed);

/// A record with the metric of its study.
#[derive(Serialize, Deserialize)]
pub(crate) struct Followed {
    pub(crate) record: TrialRecord,
    pub(crate) metric: Metric,
}

#[pymethods]
impl PyTrialRecord {
    /// The trial.
    #[getter]
    fn trial(&self) -> PyTrial {
        PyTrial(self.0.record.trial.clone())
    }

    /// What became of it: `running`, `finished`, `diverged`, `stopped`, `failed` or `abandoned`.
    #[getter]
    fn status(&self) -> &'static str {
        match self.0.record.status {
            TrialStatus::Running => "running",
            TrialStatus::Finished => "finished",
            TrialStatus::Diverged => "diverged",
            TrialStatus::Stopped => "stopped",
            TrialStatus::Failed { .. } => "failed",
            TrialStatus::Abandoned => "abandoned",
        }
    }

    /// Why it failed, if it did.
    #[getter]
    fn failure(&self) -> Option<&str> {
        match &self.0.record.status {
            TrialStatus::Failed { reason } => Some(reason),
            _ => None,
        }
    }

    /// Who trains it, if they said.
    #[getter]
    fn worker(&self) -> Option<&str> {
        self.0.record.worker.as_deref()
    }

    /// The last finite value of the metric that it reported.
    #[getter]
    fn last_value(&self) -> Option<f64> {
        self.0.record.last_value()
    }

    /// Training steps it has cost; of one that was never heard of again all of them, of one that failed those it reported.
    #[getter]
    fn cost(&self) -> u64 {
        self.0.record.cost()
    }

    /// The run it made so far; `None` if it reported nothing.
    #[getter]
    fn run(&self) -> PyResult<Option<PyRun>> {
        let run = work::guard(|| Ok(self.0.record.run()?))?;
        let metrics = || vec![self.0.metric.clone()];
        Ok(run.map(|run| PyRun::new(&Arc::new(Sweep { metrics: metrics(), runs: vec![run] }), 0)))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        pickle::reduce(py, "TrialRecord", &self.0)
    }

    fn __repr__(&self) -> String {
        let value = self.0.record.last_value().map_or_else(String::new, |value| format!(", {} {value}", self.0.metric));
        format!("<lodecast.TrialRecord '{}': {}{value}>", self.0.record.trial.name, self.status())
    }
}

/// A trial, or its name.
#[derive(FromPyObject)]
pub(crate) enum Named<'py> {
    Trial(PyRef<'py, PyTrial>),
    Name(String),
}

impl Named<'_> {
    pub(crate) fn name(self) -> String {
        match self {
            Self::Trial(trial) => trial.0.name.clone(),
            Self::Name(name) => name,
        }
    }

    /// The name in an argument, with advice where something else was given.
    pub(crate) fn of(given: &Bound<'_, PyAny>) -> PyResult<String> {
        if let Ok(named) = given.extract::<Named<'_>>() {
            return Ok(named.name());
        }
        let kind = given.get_type().name()?;
        Err(Failure::Argument(format!("a trial or its name is needed, not {kind}")).into())
    }
}
