//! `lodecast.Tuner`: which runs to make, and which schedule to take in the end.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use lodecast::tune::{Added, Strategy, TuneError, Tuner, TunerBuilder, TunerSettings, TunerState};
use lodecast::{Metric, Sweep};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::added_runs::{read_runs, warn_of_refused};
use crate::count::Count;
use crate::failure::Failure;
use crate::pickle::Reduced;
use crate::recommendation::PyRecommendation;
use crate::schedule::PySchedule;
use crate::search_space::SpaceArguments;
use crate::sweep::PySweep;
use crate::trial::{Followed, Named, PyTrial, PyTrialRecord};
use crate::{trial_report, work};

/// Asks for runs, takes in what came out of them, and recommends a schedule.
///
/// `metric` is what is sought, as `name:max` or `name:min`, and `total_steps` the length of the runs. Which rates to try has to
/// be known: `peaks`, the lowest and the highest; or `learning_rate`, one that worked, about which peaks from a tenth to ten
/// times are tried; or `runs` that recorded theirs, a `Sweep` or a path as `lodecast.plan` takes it. `warmup` and `end` fix the
/// warm-up (a fraction of the run) and the last rate (a fraction of the peak), `families` leaves only those. `settings` are
/// tuned beside the rate: `{"weight_decay": (1e-4, 1e-1, "log"), "batch_size": (16, 256), "optimizer": ["adam", "sgd"]}`.
/// `budget` is how many training steps may be spent in all. `strategy` is how runs are chosen, `spread` by default; `start` and
/// `ideal` are the metric of an untrained network and the value that no run can pass, where runs report final values only.
///
/// With `path` the study lies in that file, which every call reads and replaces whole or not at all: it can be killed at any
/// moment, and many processes may work on it. What a study that is there already was told may be left out; it is refused if it
/// is of another task, metric, length or space.
///
/// >>> import lodecast
/// >>> tuner = lodecast.Tuner(metric="val_loss:min", total_steps=200, learning_rate=0.03, budget=800)
/// >>> while trial := tuner.ask():
/// ...     peak = max(trial.learning_rate(step) for step in range(trial.total_steps))
/// ...     tuner.tell(trial, [{"step": 0, "val_loss": 2.0}, {"step": 200, "val_loss": 0.1 + (peak - 0.05) ** 2}])
/// >>> [record.status for record in tuner.trials]
/// ['finished', 'finished', 'finished', 'finished']
/// >>> tuner.recommend().schedule.learning_rate(1.0) < 0.03
/// True
#[pyclass(frozen, name = "Tuner", module = "lodecast")]
pub(crate) struct PyTuner {
    /// The tuner; where the study has a file, as it was when it was last looked at.
    tuner: Mutex<Tuner>,
    path: Option<PathBuf>,
}

impl PyTuner {
    fn lock(&self) -> MutexGuard<'_, Tuner> {
        // A panic leaves whole states behind: what failed was not written.
        self.tuner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the tuner do something, alone on its file if it has one.
    fn act<T: Send>(&self, py: Python<'_>, act: impl FnOnce(&mut Tuner) -> Result<T, TuneError> + Send) -> PyResult<T> {
        work::detached(py, || {
            let mut tuner = self.lock();
            let Some(path) = &self.path else { return Ok(act(&mut tuner)?) };
            Ok(Tuner::update(path, |shared| {
                let outcome = act(shared)?;
                tuner.clone_from(shared);
                Ok(outcome)
            })?)
        })
    }

    /// The tuner as it is now.
    fn now(&self, py: Python<'_>) -> PyResult<Tuner> {
        work::detached(py, || {
            let mut tuner = self.lock();
            if let Some(path) = &self.path {
                *tuner = Tuner::load(path)?;
            }
            Ok(tuner.clone())
        })
    }

    /// What does not change: no file need be read.
    fn known<T>(&self, ask: impl FnOnce(&TunerSettings) -> T) -> T {
        ask(self.lock().settings())
    }

    fn take(
        &self,
        py: Python<'_>,
        trial: &Bound<'_, PyAny>,
        report: &Bound<'_, PyAny>,
        act: impl FnOnce(&mut Tuner, &str, lodecast::tune::Report) -> Result<(), TuneError> + Send,
    ) -> PyResult<()> {
        let trial = Named::of(trial)?;
        let (metric, total_steps) = self.known(|settings| (settings.metric.clone(), settings.total_steps));
        let report = trial_report::report(report, &metric, total_steps)?;
        self.act(py, move |tuner| act(tuner, &trial, report))
    }
}

/// The settings of a study that is there, or of a new one.
fn settings(path: Option<&Path>, metric: Option<&Metric>, total_steps: Option<u64>) -> Result<TunerSettings, Failure> {
    let saved = path.filter(|path| path.exists()).map(Tuner::load).transpose()?;
    let mut settings = match (saved, metric, total_steps) {
        (Some(saved), ..) => saved.settings().clone(),
        (None, Some(metric), Some(total_steps)) => Tuner::builder(metric.clone(), total_steps).settings().clone(),
        (None, ..) => {
            let reason = path.map_or_else(String::new, |path| format!("{} is not there yet, and ", path.display()));
            let advice = "give metric='name:max' (or ':min') and total_steps, the length of the runs";
            return Err(Failure::Setting(format!("{reason}a new study needs to know what is sought: {advice}")));
        }
    };
    if let Some(metric) = metric {
        settings.metric = metric.clone();
    }
    settings.total_steps = total_steps.unwrap_or(settings.total_steps);
    Ok(settings)
}

#[pymethods]
impl PyTuner {
    #[new]
    #[pyo3(signature = (*, metric=None, total_steps=None, path=None, runs=None, peaks=None, learning_rate=None, warmup=None,
        end=None, families=None, settings=None, strategy=None, budget=None, seed=None, task=None, start=None, ideal=None))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        py: Python<'_>,
        metric: Option<&str>,
        total_steps: Option<Count>,
        path: Option<PathBuf>,
        runs: Option<&Bound<'_, PyAny>>,
        peaks: Option<(f64, f64)>,
        learning_rate: Option<f64>,
        warmup: Option<f64>,
        end: Option<f64>,
        families: Option<Vec<String>>,
        settings: Option<Bound<'_, PyDict>>,
        strategy: Option<&str>,
        budget: Option<Count>,
        seed: Option<u64>,
        task: Option<String>,
        start: Option<f64>,
        ideal: Option<f64>,
    ) -> PyResult<Self> {
        let space = SpaceArguments { peaks, learning_rate, warmup, end, families, settings };
        let (told, sweep) = {
            let metric = metric.map(str::parse::<Metric>).transpose().map_err(Failure::from)?;
            let mut told = self::settings(path.as_deref(), metric.as_ref(), total_steps.map(|Count(steps)| steps))?;
            told.space = space.over(told.space)?;
            if let Some(strategy) = strategy {
                told.strategy = strategy.replace('_', "-").parse::<Strategy>().map_err(Failure::from)?;
            }
            told.budget = budget.map(|Count(steps)| steps).or(told.budget);
            told.seed = seed.unwrap_or(told.seed);
            told.task = task.or(told.task);
            (told.law.start, told.law.ideal) = (start.or(told.law.start), ideal.or(told.law.ideal));
            let sweep = runs.map(|runs| read_runs(runs, &told.metric, None, None)).transpose()?;
            (told, sweep.map(|sweep| sweep.get().sweep.clone()))
        };
        let builder = TunerBuilder::from(told);
        let add = |tuner: &mut Tuner| match &sweep {
            Some(sweep) => tuner.add(sweep),
            None => Ok(Added::default()),
        };
        let (tuner, added) = work::detached(py, || {
            if let Some(path) = &path {
                return Ok(builder.update(path, |tuner| {
                    let added = add(tuner)?;
                    Ok((tuner.clone(), added))
                })?);
            }
            let mut tuner = builder.build()?;
            let added = add(&mut tuner)?;
            Ok((tuner, added))
        })?;
        warn_of_refused(py, &added)?;
        Ok(Self { tuner: Mutex::new(tuner), path })
    }

    /// The next run to make; `None` if the budget does not hold it. Trials under way count: as taken in a spread, as what the
    /// models expect of them where models choose. A `worker` with a name whose trial has not reported is given it again: what to
    /// go on with after a crash.
    #[pyo3(signature = (worker=None))]
    fn ask(&self, py: Python<'_>, worker: Option<String>) -> PyResult<Option<PyTrial>> {
        let trial = self.act(py, |tuner| match &worker {
            None => tuner.ask(),
            Some(worker) => match tuner.resume(worker).cloned() {
                Some(trial) => Ok(Some(trial)),
                None => tuner.ask_as(worker),
            },
        })?;
        Ok(trial.map(PyTrial))
    }

    /// A trial of a schedule of your own: of another search, or the `next_run` of a recommendation. `None` if the budget does not
    /// hold it. Other settings are those of the best run.
    #[pyo3(signature = (schedule, reason="a schedule that was given"))]
    fn try_schedule(&self, py: Python<'_>, schedule: PyRef<'_, PySchedule>, reason: &str) -> PyResult<Option<PyTrial>> {
        let schedule = schedule.0.clone();
        Ok(self.act(py, |tuner| tuner.try_schedule(schedule, reason))?.map(PyTrial))
    }

    /// Takes the report of a trial, which is a `Trial` or its name: its final value (NaN if it diverged), its `Run`, or its
    /// points, each a dictionary with `step`, the metric by its name (or `validation`) and, where known, `train_loss` and
    /// `learning_rate`. Whole curves tell much more than final values. A report that ends before the planned length counts as
    /// stopped, one with a value that is not finite as diverged: results, both. The same report again changes nothing, another
    /// is refused.
    fn tell(&self, py: Python<'_>, trial: &Bound<'_, PyAny>, report: &Bound<'_, PyAny>) -> PyResult<()> {
        self.take(py, trial, report, Tuner::tell)
    }

    /// Takes what a trial under way has reported so far. It may come again, longer.
    fn observe(&self, py: Python<'_>, trial: &Bound<'_, PyAny>, report: &Bound<'_, PyAny>) -> PyResult<()> {
        self.take(py, trial, report, Tuner::observe)
    }

    /// A trial could not be trained. What it reported before stays, and its schedule is not asked for again.
    fn fail(&self, py: Python<'_>, trial: &Bound<'_, PyAny>, reason: &str) -> PyResult<()> {
        let trial = Named::of(trial)?;
        self.act(py, |tuner| tuner.fail(&trial, reason))
    }

    /// Nobody waits for a trial any more. If it reports after all, that counts.
    fn abandon(&self, py: Python<'_>, trial: &Bound<'_, PyAny>) -> PyResult<()> {
        let trial = Named::of(trial)?;
        self.act(py, |tuner| tuner.abandon(&trial))
    }

    /// Abandons trials under way since which at least `reports` others have come in; gives their names.
    fn abandon_overdue(&self, py: Python<'_>, reports: Count) -> PyResult<Vec<String>> {
        self.act(py, |tuner| Ok(tuner.abandon_overdue(reports.0)))
    }

    /// Adds runs: a `Sweep`, or a path as `lodecast.plan` takes it. A run with the name of a trial, or whose attribute `trial`
    /// names one, is its report; any other is one that was not asked for. They may be added again, and may have gone on since.
    /// Says how many were `new`, `told` and `known`, and which were `refused` and why; it warns of those.
    #[pyo3(signature = (runs, *, train_loss=None, learning_rate=None))]
    fn add<'py>(
        &self,
        py: Python<'py>,
        runs: &Bound<'py, PyAny>,
        train_loss: Option<&str>,
        learning_rate: Option<&str>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let sweep = read_runs(runs, &self.known(|settings| settings.metric.clone()), train_loss, learning_rate)?;
        let sweep: &Sweep = &sweep.get().sweep;
        let added = self.act(py, |tuner| tuner.add(sweep))?;
        warn_of_refused(py, &added)?;
        let said = PyDict::new(py);
        said.set_item("new", added.new)?;
        said.set_item("told", added.told)?;
        said.set_item("known", added.known)?;
        let refused = PyDict::new(py);
        for run in &added.refused {
            refused.set_item(&run.run, run.error.to_string())?;
        }
        said.set_item("refused", refused)?;
        Ok(said)
    }

    /// The schedule to take, from everything told so far: the pick over the law and a plain process, measured schedules
    /// included, within what may be tried. If nothing can be learned from the runs, it is the schedule of the best of them, and
    /// a note says why.
    fn recommend(&self, py: Python<'_>) -> PyResult<PyRecommendation> {
        let tuner = self.now(py)?;
        let metric = tuner.settings().metric.to_string();
        let recommendation = work::abandonable(py, move || Ok(tuner.recommend()?))?;
        Ok(PyRecommendation { recommendation, metric })
    }

    /// Changes what may be tried from here on; what is left out stays as it is, and so does what was measured.
    #[pyo3(signature = (*, peaks=None, learning_rate=None, warmup=None, end=None, families=None, settings=None))]
    #[allow(clippy::too_many_arguments)]
    fn change_space(
        &self,
        py: Python<'_>,
        peaks: Option<(f64, f64)>,
        learning_rate: Option<f64>,
        warmup: Option<f64>,
        end: Option<f64>,
        families: Option<Vec<String>>,
        settings: Option<Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let space = SpaceArguments { peaks, learning_rate, warmup, end, families, settings };
        let space = space.over(self.now(py)?.settings().space.clone())?;
        self.act(py, |tuner| tuner.set_space(space))
    }

    /// Everything that was asked for, in order, with what became of it.
    #[getter]
    fn trials(&self, py: Python<'_>) -> PyResult<Vec<PyTrialRecord>> {
        let tuner = self.now(py)?;
        let metric = &tuner.settings().metric;
        let followed =
            |record: &lodecast::tune::TrialRecord| Followed { record: record.clone(), metric: metric.clone() };
        Ok(tuner.trials().iter().map(|record| PyTrialRecord(followed(record))).collect())
    }

    /// The runs that were told and those that were added, as a sweep: to fit a model to, or to look at.
    fn sweep(&self, py: Python<'_>) -> PyResult<PySweep> {
        let tuner = self.now(py)?;
        work::guard(|| Ok(PySweep::new(tuner.sweep()?)))
    }

    /// Training steps that trials have cost, those under way in full.
    #[getter]
    fn committed(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.now(py)?.committed())
    }

    /// Training steps that may be spent in all; `None` if there is no end.
    #[getter]
    fn budget(&self) -> Option<u64> {
        self.known(|settings| settings.budget)
    }

    /// The metric, as `name:max` or `name:min`.
    #[getter]
    fn metric(&self) -> String {
        self.known(|settings| settings.metric.to_string())
    }

    /// Length of the runs that a schedule is sought for, in optimizer steps.
    #[getter]
    fn total_steps(&self) -> u64 {
        self.known(|settings| settings.total_steps)
    }

    /// How the next run is chosen.
    #[getter]
    fn strategy(&self) -> &'static str {
        self.known(|settings| settings.strategy.name())
    }

    /// The file of the study, if it has one.
    #[getter]
    fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The study as plain types.
    fn state_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(pythonize::pythonize(py, self.now(py)?.state())?)
    }

    /// A tuner in memory that goes on from what `state_dict` gave.
    #[staticmethod]
    fn from_state_dict(state: &Bound<'_, PyAny>) -> PyResult<Self> {
        let damaged = |error| Failure::Setting(format!("{error}; the state of the tuner is damaged"));
        let state: TunerState = pythonize::depythonize(state).map_err(damaged)?;
        work::guard(|| Ok(Self { tuner: Mutex::new(Tuner::restore(state)?), path: None }))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        let restore = py.import("lodecast._engine")?.getattr("_restore_tuner")?;
        let state = if self.path.is_some() { None } else { Some(self.state_dict(py)?) };
        Ok((restore, PyTuple::new(py, [state.into_pyobject(py)?, self.path.as_deref().into_pyobject(py)?.into_any()])?))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let tuner = self.now(py)?;
        let (trials, running) = (tuner.trials().len(), tuner.running().count());
        let place = self.path.as_ref().map_or_else(String::new, |path| format!(" in {}", path.display()));
        Ok(format!(
            "<lodecast.Tuner{place}: {}, {trials} trials asked for, {running} under way>",
            tuner.settings().metric
        ))
    }
}

/// A tuner that was pickled: one with a file goes on with the file.
#[pyfunction]
#[pyo3(name = "_restore_tuner")]
pub(crate) fn restore_tuner(
    py: Python<'_>,
    state: Option<Bound<'_, PyAny>>,
    path: Option<PathBuf>,
) -> PyResult<PyTuner> {
    match (state, path) {
        (Some(state), _) => PyTuner::from_state_dict(&state),
        (None, Some(path)) => {
            let tuner = work::detached(py, || Ok(Tuner::load(&path)?))?;
            Ok(PyTuner { tuner: Mutex::new(tuner), path: Some(path) })
        }
        (None, None) => Err(Failure::Setting("what was pickled is damaged".to_owned()).into()),
    }
}
