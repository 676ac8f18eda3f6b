//! `lodecast.Scheduler`: the online loop.

use std::sync::{Arc, Mutex, MutexGuard};

use lodecast::{Model, Observation, Point, Replan, Scheduler, SchedulerState};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::failure::Failure;
use crate::model::{ModelSource, of_kind, planner_settings};
use crate::plan::PyPlan;
use crate::schedule::PySchedule;
use crate::work;

/// What a scheduler made of a point.
#[pyclass(frozen, name = "Observation", module = "lodecast")]
pub(crate) struct PyObservation {
    /// `nothing`, `replanned`, `kept` or `ignored`.
    #[pyo3(get)]
    kind: &'static str,
    /// Why, if there is something to say.
    #[pyo3(get)]
    reason: Option<String>,
    plan: Option<lodecast::Plan>,
}

#[pymethods]
impl PyObservation {
    /// The plan, if the schedule changed.
    #[getter]
    fn plan(&self) -> Option<PyPlan> {
        self.plan.clone().map(PyPlan)
    }

    /// Did the schedule change?
    #[getter]
    fn replanned(&self) -> bool {
        self.plan.is_some()
    }

    fn __repr__(&self) -> String {
        let reason = self.reason.as_deref().map_or_else(String::new, |reason| format!(": {reason}"));
        format!("<lodecast.Observation: {}{reason}>", self.kind)
    }
}

impl From<Observation<'_>> for PyObservation {
    fn from(observation: Observation<'_>) -> Self {
        let (kind, reason, plan) = match observation {
            Observation::Nothing => ("nothing", None, None),
            Observation::Replanned(plan) => ("replanned", Some(plan.reason.clone()), Some(plan.clone())),
            Observation::Kept(reason) => ("kept", Some(reason.to_owned()), None),
            Observation::Ignored(reason) => ("ignored", Some(reason.to_owned()), None),
        };
        Self { kind, reason, plan }
    }
}

/// Chooses the learning rates of one run as it goes: `learning_rate(step)` gives the rate, `observe(step, ...)` takes in what
/// was measured, and at a few fractions of the run the rest is planned anew.
///
/// `model` is a model or its file; `start` the schedule to begin with, by default that of the sweep's best configuration.
/// `replan_at` are fractions of the run; `replan_every` plans after each such fraction instead. `range_factor` is how far the
/// rate may leave the range of the sweep. `settings` are the planner's, by name.
#[pyclass(frozen, name = "Scheduler", module = "lodecast")]
pub(crate) struct PyScheduler {
    scheduler: Mutex<Scheduler>,
    model: Arc<Model>,
}

impl PyScheduler {
    /// The scheduler, which is never left half-changed: a panic within it is a defect, and every later call says so.
    fn lock(&self) -> Result<MutexGuard<'_, Scheduler>, Failure> {
        self.scheduler.lock().map_err(|_| Failure::Panic("the scheduler failed before".to_owned()))
    }

    fn with<T>(&self, ask: impl FnOnce(&mut Scheduler) -> T) -> PyResult<T> {
        Ok(ask(&mut *self.lock()?))
    }
}

#[pymethods]
impl PyScheduler {
    #[new]
    #[pyo3(signature = (model, total_steps, *, start=None, seed=0, replan_at=None, replan_every=None, range_factor=1.0,
        settings=None))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        py: Python<'_>,
        model: ModelSource<'_>,
        total_steps: u64,
        start: Option<PyRef<'_, PySchedule>>,
        seed: u64,
        replan_at: Option<Vec<f64>>,
        replan_every: Option<f64>,
        range_factor: f64,
        settings: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let model = model.model(py)?;
        let settings = planner_settings(&model, settings)?;
        let start = start.map(|start| start.0.clone());
        let replan = match (replan_at, replan_every) {
            (Some(_), Some(_)) => {
                let reason = "replan_at and replan_every exclude each other; give one of them";
                return Err(Failure::Setting(reason.to_owned()).into());
            }
            (Some(marks), None) => Some(Replan::At(marks)),
            (None, Some(fraction)) => Some(Replan::EveryFraction(fraction)),
            (None, None) => None,
        };
        let scheduler = work::detached(py, || {
            let mut builder = Scheduler::builder((*model).clone()).total_steps(total_steps).seed(seed);
            builder = builder.range_factor(range_factor).settings(settings);
            if let Some(start) = start {
                builder = builder.start(start);
            }
            if let Some(replan) = replan {
                builder = builder.replan(replan);
            }
            Ok(builder.build()?)
        })?;
        Ok(Self { scheduler: Mutex::new(scheduler), model })
    }

    /// Learning rate for an optimizer step.
    fn learning_rate(&self, step: u64) -> PyResult<f64> {
        self.with(|scheduler| scheduler.learning_rate(step))
    }

    /// Takes in what was measured at a step; `None` was not measured. The same step again adds or corrects, and never plans
    /// twice. The learning rate may be left out: it is the one this scheduler gave.
    #[pyo3(signature = (step, *, train_loss=None, validation=None, learning_rate=None))]
    fn observe(
        &self,
        py: Python<'_>,
        step: u64,
        train_loss: Option<f64>,
        validation: Option<f64>,
        learning_rate: Option<f64>,
    ) -> PyResult<PyObservation> {
        let point = Point { step, train_loss, learning_rate, validation };
        work::detached(py, || Ok(self.lock()?.observe(point).into()))
    }

    /// Makes the run longer. Rates so far stay as they were, the rest is stretched.
    fn extend(&self, total_steps: u64) -> PyResult<()> {
        work::guard(|| Ok(self.lock()?.extend(total_steps)?))
    }

    /// Planned length of the run in optimizer steps.
    #[getter]
    fn total_steps(&self) -> PyResult<u64> {
        self.with(|scheduler| scheduler.total_steps())
    }

    /// The schedule in force. Rates given out are bounded by the range of the sweep besides.
    #[getter]
    fn schedule(&self) -> PyResult<PySchedule> {
        self.with(|scheduler| PySchedule(scheduler.schedule().clone()))
    }

    /// The last plan, whether it changed anything or not.
    #[getter]
    fn last_plan(&self) -> PyResult<Option<PyPlan>> {
        self.with(|scheduler| scheduler.last_plan().cloned().map(PyPlan))
    }

    /// Plans made so far.
    #[getter]
    fn replans(&self) -> PyResult<u64> {
        self.with(|scheduler| scheduler.replans())
    }

    /// Its model.
    #[getter]
    fn model(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        of_kind(py, Arc::clone(&self.model), None)
    }

    /// The points remembered, as dictionaries.
    #[getter]
    fn observed<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let points = self.with(|scheduler| scheduler.observed().to_vec())?;
        Ok(pythonize::pythonize(py, &points)?)
    }

    /// Everything its future decisions depend on besides the model, as plain types.
    fn state_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(pythonize::pythonize(py, &self.with(|scheduler| scheduler.state())?)?)
    }

    /// Goes on from a saved state exactly as if it had never stopped. The model has to be the same.
    fn load_state_dict(&self, py: Python<'_>, state: &Bound<'_, PyAny>) -> PyResult<()> {
        let restored = restored(py, &self.model, state)?;
        self.with(|scheduler| *scheduler = restored)
    }

    fn __repr__(&self) -> PyResult<String> {
        self.with(|scheduler| {
            let (schedule, steps) = (scheduler.schedule().describe(), scheduler.total_steps());
            format!("<lodecast.Scheduler: {schedule} over {steps} steps, {} plans>", scheduler.replans())
        })
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (Py<PyAny>, Bound<'py, PyAny>))> {
        let restore = py.import("lodecast._engine")?.getattr("_restore_scheduler")?;
        Ok((restore, (self.model(py)?, self.state_dict(py)?)))
    }
}

fn restored(py: Python<'_>, model: &Model, state: &Bound<'_, PyAny>) -> PyResult<Scheduler> {
    let damaged = |error: pythonize::PythonizeError| {
        let reason = format!("{error}; the state is damaged");
        Failure::Engine(lodecast::Error::SchedulerState { reason })
    };
    let state: SchedulerState = pythonize::depythonize(state).map_err(damaged)?;
    work::detached(py, || Ok(Scheduler::restore(model.clone(), state)?))
}

/// A scheduler that was pickled.
#[pyfunction]
#[pyo3(name = "_restore_scheduler")]
pub(crate) fn restore_scheduler(
    py: Python<'_>,
    model: ModelSource<'_>,
    state: &Bound<'_, PyAny>,
) -> PyResult<PyScheduler> {
    let model = model.model(py)?;
    let scheduler = restored(py, &model, state)?;
    Ok(PyScheduler { scheduler: Mutex::new(scheduler), model })
}
