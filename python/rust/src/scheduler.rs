//! `lodecast.Scheduler`: the online loop.

#[cfg(debug_assertions)]
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use lodecast::{Forecaster, Model, Point, Replan, Schedule, Scheduler, SchedulerState};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::count::{self, Count};
use crate::failure::Failure;
use crate::model_classes::of_kind;
use crate::model_file::ModelSource;
use crate::observation::PyObservation;
use crate::plan::PyPlan;
use crate::schedule::PySchedule;
use crate::settings::planner_settings;
use crate::work;

/// Chooses the learning rates of one run as it goes: `learning_rate(step)` gives the rate, `observe(step, ...)` takes in what
/// was measured, and at a few fractions of the run the rest is planned anew.
///
/// `model` is a model or its file. `start` is the schedule to follow until the first of these fractions; without it the rest of
/// the run is planned before the first step. `replan_at` are fractions of the run; `replan_every` plans after each such fraction
/// instead. `range_factor` is how far the rate may leave the range of the sweep. `settings` are the planner's, by name.
#[pyclass(frozen, name = "Scheduler", module = "lodecast")]
pub(crate) struct PyScheduler {
    scheduler: Mutex<Scheduler>,
    model: Arc<Model>,
    /// For tests: the next plan panics.
    #[cfg(debug_assertions)]
    fails: AtomicBool,
}

impl PyScheduler {
    fn of(scheduler: Scheduler, model: Arc<Model>) -> Self {
        Self {
            scheduler: Mutex::new(scheduler),
            model,
            #[cfg(debug_assertions)]
            fails: AtomicBool::new(false),
        }
    }

    /// The scheduler. A panic within it is a defect but leaves it as sound as it was: the schedule in force is the last one.
    fn lock(&self) -> MutexGuard<'_, Scheduler> {
        self.scheduler.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the scheduler something quick. While another thread plans, the others go on.
    fn with<T: Send>(&self, py: Python<'_>, ask: impl FnOnce(&mut Scheduler) -> T + Send) -> PyResult<T> {
        match self.scheduler.try_lock() {
            Ok(mut scheduler) => work::guard(|| Ok(ask(&mut scheduler))),
            Err(TryLockError::Poisoned(scheduler)) => work::guard(|| Ok(ask(&mut scheduler.into_inner()))),
            Err(TryLockError::WouldBlock) => work::detached(py, || Ok(ask(&mut self.lock()))),
        }
    }

    /// Has the scheduler take in or decide something. A defect of it never ends a training: the schedule in force stays.
    fn attempt(
        &self,
        py: Python<'_>,
        what: impl FnOnce(&mut Scheduler) -> PyObservation + Send,
    ) -> PyResult<PyObservation> {
        let attempt = work::attempt(py, || {
            let mut scheduler = self.lock();
            #[cfg(debug_assertions)]
            assert!(!self.fails.swap(false, Ordering::Relaxed), "a test wants it");
            Ok(what(&mut scheduler))
        });
        match attempt {
            Err(Failure::Panic(reason)) => {
                let reason =
                    format!("a defect in lodecast ({reason}; please report it), so the schedule in force stays");
                py.import("lodecast.live.decisions")?.call_method1("defect", (&reason,))?;
                Ok(PyObservation::new("kept", Some(reason)))
            }
            other => Ok(other?),
        }
    }

    /// The scheduler of a state, made as long as `total_steps` if the state is of a shorter run.
    fn restored(&self, py: Python<'_>, state: &Bound<'_, PyAny>, total_steps: u64) -> PyResult<Scheduler> {
        let mut scheduler = restored(py, &self.model, state)?;
        if total_steps < scheduler.total_steps() {
            let reason = format!(
                "it is of a run of {} steps, and this scheduler was made for {total_steps}; make it for as many",
                scheduler.total_steps()
            );
            return Err(Failure::Engine(lodecast::Error::SchedulerState { reason }).into());
        }
        let model = Arc::clone(&self.model);
        work::detached(py, || {
            extend(&mut scheduler, &model, total_steps)?;
            Ok(scheduler)
        })
    }
}

/// Times at which a schedule is redrawn.
const REDRAWN: u32 = 100;

/// Makes the run of a scheduler longer. At its end nothing is left to stretch, and the last rate would stay: there the rest is
/// what the schedule gives over the longer run.
fn extend(scheduler: &mut Scheduler, model: &Model, total_steps: u64) -> Result<(), Failure> {
    let (before, schedule) = (scheduler.total_steps(), scheduler.schedule().clone());
    scheduler.extend(total_steps)?;
    let done = scheduler.observed().last().map_or(0, |point| point.step);
    if total_steps == before || done < before {
        return Ok(());
    }
    let now = before as f64 / total_steps as f64;
    let times = (0..=REDRAWN).map(|k| f64::from(k) / f64::from(REDRAWN));
    let rate = |time: f64| if time < now { scheduler.schedule() } else { &schedule }.learning_rate(time);
    let schedule = Schedule::piecewise_linear(times.map(|time| (time, rate(time))))?;
    let mut state = scheduler.state();
    state.schedule = schedule;
    *scheduler = Scheduler::restore(model.clone(), state)?;
    Ok(())
}

/// When to plan if a schedule to start with was given: as by default, but not before the first step.
fn replan_after_start(model: &Model) -> Replan {
    match Replan::default_for(&Forecaster::from(model.clone())) {
        Replan::At(marks) => Replan::At(marks.into_iter().filter(|&mark| mark > 0.0).collect()),
        other => other,
    }
}

/// Refuses a schedule to start with that would be cut to the range of the sweep.
fn check_start(start: &Schedule, model: &Model, range_factor: f64) -> Result<(), Failure> {
    let highest = model.experience().learning_rates.highest;
    let peak = (0..=1000).map(|k| start.learning_rate(f64::from(k) / 1000.0)).fold(0.0, f64::max);
    if peak <= highest * range_factor * (1.0 + 1e-9) {
        return Ok(());
    }
    Err(Failure::Setting(format!(
        "start goes up to {peak:.3e}, beyond the {highest:.3e} of the sweep; give a lower one, or range_factor={:.3}",
        peak / highest * 1.001
    )))
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
        total_steps: Count,
        start: Option<PyRef<'_, PySchedule>>,
        #[pyo3(from_py_with = count::seed)] seed: u64,
        replan_at: Option<Vec<f64>>,
        replan_every: Option<f64>,
        range_factor: f64,
        settings: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let model = model.model(py)?;
        let settings = planner_settings(&model, settings)?;
        let start = start.map(|start| start.0.clone());
        if let Some(start) = &start {
            check_start(start, &model, range_factor)?;
        }
        let replan = match (replan_at, replan_every) {
            (Some(_), Some(_)) => {
                let reason = "replan_at and replan_every exclude each other; give one of them";
                return Err(Failure::Setting(reason.to_owned()).into());
            }
            (Some(marks), None) => Some(Replan::At(marks)),
            (None, Some(fraction)) => Some(Replan::EveryFraction(fraction)),
            (None, None) => start.is_some().then(|| replan_after_start(&model)),
        };
        let scheduler = work::detached(py, || {
            let mut builder = Scheduler::builder((*model).clone()).total_steps(total_steps.0).seed(seed);
            builder = builder.range_factor(range_factor).settings(settings);
            if let Some(start) = start {
                builder = builder.start(start);
            }
            if let Some(replan) = replan {
                builder = builder.replan(replan);
            }
            Ok(builder.build()?)
        })?;
        Ok(Self::of(scheduler, model))
    }

    /// Learning rate for an optimizer step.
    fn learning_rate(&self, py: Python<'_>, step: Count) -> PyResult<f64> {
        self.with(py, |scheduler| scheduler.learning_rate(step.0))
    }

    /// Takes in what was measured at a step, and plans if it is time to; `None` was not measured. The same step again adds or
    /// corrects, and never plans twice. The learning rate may be left out: it is the one this scheduler gave.
    #[pyo3(signature = (step, *, train_loss=None, validation=None, learning_rate=None))]
    fn observe<'py>(
        slf: &Bound<'py, Self>,
        step: Count,
        train_loss: Option<f64>,
        validation: Option<f64>,
        learning_rate: Option<f64>,
    ) -> PyResult<Bound<'py, PyObservation>> {
        let (py, this) = (slf.py(), slf.get());
        let point = Point { step: step.0, train_loss, learning_rate, validation };
        let made =
            this.attempt(py, move |scheduler| PyObservation::of(scheduler.observe(point), this.model.metric()))?;
        let is_decision = made.is_decision();
        let made = Bound::new(py, made)?;
        if is_decision {
            py.import("lodecast.live.decisions")?.call_method1("tell_of", (slf, &made, step.0))?;
        }
        Ok(made)
    }

    /// Takes in what was measured as `observe` does, but never plans: that is left to `decide`, so that a metric which comes
    /// after the loss of its step is known by then.
    #[pyo3(signature = (step, *, train_loss=None, validation=None, learning_rate=None))]
    fn note(
        &self,
        py: Python<'_>,
        step: Count,
        train_loss: Option<f64>,
        validation: Option<f64>,
        learning_rate: Option<f64>,
    ) -> PyResult<PyObservation> {
        let point = Point { step: step.0, train_loss, learning_rate, validation };
        self.with(py, |scheduler| PyObservation::of(scheduler.note(point), self.model.metric()))
    }

    /// Plans the rest of the run from what was noted, if it is time to.
    fn decide(&self, py: Python<'_>) -> PyResult<PyObservation> {
        self.attempt(py, |scheduler| PyObservation::of(scheduler.decide(), self.model.metric()))
    }

    /// What is in force and why, in words.
    fn explain(slf: &Bound<'_, Self>) -> PyResult<String> {
        slf.py().import("lodecast.view.text")?.call_method1("scheduler", (slf,))?.extract()
    }

    /// Makes the run longer. Rates so far stay as they were, the rest is stretched, and planned anew at the next occasion. Where
    /// the run was at its end, the rest is that of the schedule over the longer run.
    fn extend(&self, py: Python<'_>, total_steps: Count) -> PyResult<()> {
        let extended = self.with(py, |scheduler| extend(scheduler, &self.model, total_steps.0))?;
        Ok(extended?)
    }

    /// Planned length of the run in optimizer steps.
    #[getter]
    fn total_steps(&self, py: Python<'_>) -> PyResult<u64> {
        self.with(py, |scheduler| scheduler.total_steps())
    }

    /// The schedule in force. Rates given out are bounded by the range of the sweep besides.
    #[getter]
    fn schedule(&self, py: Python<'_>) -> PyResult<PySchedule> {
        self.with(py, |scheduler| PySchedule(scheduler.schedule().clone()))
    }

    /// The last plan, whether it changed anything or not.
    #[getter]
    fn last_plan(&self, py: Python<'_>) -> PyResult<Option<PyPlan>> {
        let plan = self.with(py, |scheduler| scheduler.last_plan().cloned())?;
        Ok(plan.map(|plan| PyPlan { plan, metric: self.model.metric().to_string() }))
    }

    /// Plans made so far.
    #[getter]
    fn replans(&self, py: Python<'_>) -> PyResult<u64> {
        self.with(py, |scheduler| scheduler.replans())
    }

    /// Its model.
    #[getter]
    fn model(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        of_kind(py, Arc::clone(&self.model), None)
    }

    /// The points remembered, as dictionaries.
    #[getter]
    fn observed<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let points = self.with(py, |scheduler| scheduler.observed().to_vec())?;
        Ok(pythonize::pythonize(py, &points)?)
    }

    /// Everything its future decisions depend on besides the model, as plain types.
    fn state_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(pythonize::pythonize(py, &self.with(py, |scheduler| scheduler.state())?)?)
    }

    /// Goes on from a saved state exactly as if it had never stopped. The model has to be the same. A scheduler that was made for
    /// a longer run than the state's plans the longer one.
    fn load_state_dict(&self, py: Python<'_>, state: &Bound<'_, PyAny>) -> PyResult<()> {
        let total_steps = self.total_steps(py)?;
        let restored = self.restored(py, state, total_steps)?;
        self.with(py, move |scheduler| *scheduler = restored)
    }

    /// For tests, in builds that are checked: the next plan panics.
    #[cfg(debug_assertions)]
    fn _fail_once(&self) {
        self.fails.store(true, Ordering::Relaxed);
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        self.with(py, |scheduler| {
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
    Ok(PyScheduler::of(scheduler, model))
}
