//! `lodecast.Model`, `lodecast.PaperLatentOde` and `lodecast.ControlledLatentOde`: models and what they are asked.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::Arc;

use lodecast::{Forecaster, Model, ModelKind, Planner, Point, Schedule, Situation};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyType};

use crate::count::{self, Count};
use crate::evaluation::PyEvaluation;
use crate::failure::{self, Failure};
use crate::forecast::PyForecast;
use crate::model_classes::{PyControlledLatentOde, PyModel, PyPaperLatentOde, of_kind};
use crate::model_file::load_kind;
use crate::plan::PyPlan;
use crate::run::PyRun;
use crate::schedule::PySchedule;
use crate::settings::planner_settings;
use crate::suggestion::{PySuggestion, suggestions};
use crate::sweep::SweepArgument;
use crate::work;

/// A run as far as it is known: points, planned length, schedule.
struct Known {
    observed: Vec<Point>,
    total_steps: u64,
    schedule: Option<Schedule>,
}

impl PyModel {
    fn known(
        &self,
        run: Option<&PyRun>,
        total_steps: Option<Count>,
        observed: Option<f64>,
        schedule: Option<&PySchedule>,
    ) -> Result<Known, Failure> {
        if let Some(part) = observed.filter(|part| !(0.0..=1.0).contains(part)) {
            return Err(Failure::Setting(format!("observed = {part}: give a fraction of the run in [0, 1]")));
        }
        let given = schedule.map(|schedule| schedule.0.clone());
        let Some(run) = run else {
            // To a network a schedule is a matter of progress; to a law the length is one of the conditions.
            return Ok(Known {
                observed: Vec::new(),
                total_steps: total_steps
                    .map_or_else(|| self.model.experience().conditions.usual_length(), |Count(steps)| steps),
                schedule: given,
            });
        };
        // Where nothing says how long it was planned, a run is taken for a whole one.
        let total_steps = total_steps.map_or_else(|| run.run().total_steps(), |Count(steps)| steps);
        let observed = run.observed(self.model.metric(), total_steps, observed)?;
        let schedule = given.or_else(|| Schedule::of_run(run.run()));
        Ok(Known { observed, total_steps, schedule })
    }

    fn warn_of_unseen_rates(&self, py: Python<'_>, schedule: &Schedule) -> PyResult<()> {
        let seen = self.model.experience().learning_rates;
        let peak = (0..=1000).map(|k| schedule.learning_rate(f64::from(k) / 1000.0)).fold(0.0, f64::max);
        if (0.99 * seen.lowest..=1.01 * seen.highest).contains(&peak) {
            return Ok(());
        }
        let (lowest, highest) = (seen.lowest, seen.highest);
        let text = format!(
            "a peak of {peak:.3e} is none of the rates that the sweep has shown ({lowest:.3e} to {highest:.3e}): the forecast is \
             that for the nearest of them"
        );
        failure::warn(py, &text)
    }
}

#[pymethods]
impl PyModel {
    /// Writes the model file, whole or not at all.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        let model = Arc::clone(&self.model);
        work::abandonable(py, move || Ok(model.save(path)?))
    }

    /// The model file as bytes.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = work::detached(py, || Ok(self.model.to_bytes()?))?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// A model from the bytes of its file.
    #[staticmethod]
    fn from_bytes(py: Python<'_>, data: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let Ok(data) = data.extract::<Vec<u8>>() else {
            let kind = data.get_type().name()?;
            let reason = format!("the bytes of a model file are needed, as to_bytes() gives them, not {kind}");
            return Err(Failure::Argument(reason).into());
        };
        let model = work::detached(py, || Ok(Model::from_bytes(&data)?))?;
        of_kind(py, Arc::new(model), None)
    }

    /// Is it the same model? By its fingerprint, which covers all that its forecasts depend on.
    fn __eq__(&self, other: &Self) -> bool {
        self.model.fingerprint() == other.model.fingerprint()
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.model.fingerprint().hash(&mut hasher);
        hasher.finish()
    }

    /// Which form of model: `controlled`, `law` or `paper`.
    #[getter]
    fn kind(&self) -> &'static str {
        self.model.kind().name()
    }

    /// The validation metric it predicts, as `name:max` or `name:min`.
    #[getter]
    fn metric(&self) -> String {
        self.model.metric().to_string()
    }

    /// Number of models in the ensemble.
    #[getter]
    fn members(&self) -> usize {
        self.model.members()
    }

    /// Tells this model from others.
    #[getter]
    fn fingerprint(&self) -> &str {
        self.model.fingerprint()
    }

    /// Smallest and largest learning rate of its sweep.
    #[getter]
    fn learning_rates(&self) -> (f64, f64) {
        let rates = self.model.experience().learning_rates;
        (rates.lowest, rates.highest)
    }

    /// The schedule of its sweep's best configuration.
    #[getter]
    fn best_schedule(&self) -> PySchedule {
        PySchedule(self.model.experience().best_configuration().schedule.clone())
    }

    /// How it was fitted, as plain types.
    #[getter]
    fn record<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(pythonize::pythonize(py, self.model.record())?)
    }

    /// What the fit was made of, as plain types; `None` for a model from a file.
    #[getter]
    fn fit_summary<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.summary.as_ref().map(|summary| Ok(pythonize::pythonize(py, summary)?)).transpose()
    }

    /// What the sweep does not show of a run of so many steps under `schedule`: rates beyond all that were borne, a fall that no run
    /// had, or its length. `None` if there is nothing.
    fn unknown(&self, schedule: PyRef<'_, PySchedule>, total_steps: Count) -> Option<String> {
        self.model.experience().unknown(&schedule.0, total_steps.0)
    }

    /// How a run will go on under `schedule`, by default its own. `observed` is the fraction of the run to look at. A schedule
    /// with rates that the sweep has not shown draws a warning: they count as the nearest that it has.
    #[pyo3(signature = (run=None, *, schedule=None, total_steps=None, observed=None))]
    fn forecast(
        &self,
        py: Python<'_>,
        run: Option<PyRef<'_, PyRun>>,
        schedule: Option<PyRef<'_, PySchedule>>,
        total_steps: Option<Count>,
        observed: Option<f64>,
    ) -> PyResult<PyForecast> {
        if let Some(schedule) = &schedule {
            self.warn_of_unseen_rates(py, &schedule.0)?;
        }
        let known = work::guard(|| self.known(run.as_deref(), total_steps, observed, schedule.as_deref()))?;
        let mut forecast = work::detached(py, || {
            Ok(self.model.forecast(&known.observed, known.total_steps, known.schedule.as_ref())?)
        })?;
        let unknown = run.and_then(|run| self.model.unknown_settings(&run.run().attributes));
        forecast.outside_experience = unknown.or(forecast.outside_experience);
        Ok(PyForecast { forecast, metric: self.metric() })
    }

    /// The schedule from here on. `in_force` is the one to change, by default the run's own or the sweep's best; `settings`
    /// are the planner's, by name.
    #[pyo3(signature = (run=None, *, total_steps=None, observed=None, in_force=None, seed=0, settings=None))]
    #[allow(clippy::too_many_arguments)]
    fn plan(
        &self,
        py: Python<'_>,
        run: Option<PyRef<'_, PyRun>>,
        total_steps: Option<Count>,
        observed: Option<f64>,
        in_force: Option<PyRef<'_, PySchedule>>,
        #[pyo3(from_py_with = count::seed)] seed: u64,
        settings: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<PyPlan> {
        let known = work::guard(|| self.known(run.as_deref(), total_steps, observed, in_force.as_deref()))?;
        let settings = planner_settings(&self.model, settings)?;
        let total_steps = known.total_steps;
        let plan = work::detached(py, || {
            let forecaster = Forecaster::from((*self.model).clone());
            let planner = Planner::new(forecaster, settings)?;
            let best = || self.model.experience().best_configuration().schedule.clone();
            let in_force = known.schedule.unwrap_or_else(best);
            let situation = Situation { seed, ..Situation::after(&known.observed, known.total_steps, &in_force) };
            Ok(planner.plan(&situation)?)
        })?;
        if let Some(doubt) = self.model.experience().unknown(&plan.schedule, total_steps) {
            failure::warn(py, &doubt)?;
        }
        Ok(PyPlan { plan, metric: self.metric() })
    }

    /// Error of the forecast final metric after each fraction of the runs, on configurations not seen, beside baselines.
    #[pyo3(signature = (sweep, observed=vec![0.0, 0.05, 0.1, 0.25, 0.5]))]
    fn evaluate(&self, py: Python<'_>, sweep: SweepArgument<'_>, observed: Vec<f64>) -> PyResult<PyEvaluation> {
        if let Some(part) = observed.iter().find(|part| !(0.0..1.0).contains(*part)) {
            return Err(Failure::Setting(format!("observed = {part}: give fractions of the runs in [0, 1)")).into());
        }
        let (model, sweep) = (Arc::clone(&self.model), Arc::clone(&sweep.0.sweep));
        work::abandonable(py, move || Ok(lodecast::evaluate(&model, &sweep, &observed)?)).map(PyEvaluation)
    }

    /// Draws the forecast of a run with matplotlib, or with plotly if `interactive`, beside the run itself.
    #[pyo3(signature = (run, *, schedule=None, total_steps=None, observed=None, **options))]
    fn plot_forecast<'py>(
        &self,
        py: Python<'py>,
        run: Bound<'py, PyRun>,
        schedule: Option<PyRef<'_, PySchedule>>,
        total_steps: Option<Count>,
        observed: Option<f64>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let forecast = self.forecast(py, Some(run.borrow()), schedule, total_steps, observed)?;
        py.import("lodecast.view.plots")?.call_method("forecast", (Py::new(py, forecast)?, run), options)
    }

    fn __repr__(&self) -> String {
        let record = self.model.record();
        format!(
            "<lodecast {} model of {}: {} members, {} runs of {} configurations>",
            self.kind(),
            self.metric(),
            self.members(),
            record.runs,
            record.learned.len()
        )
    }

    fn _repr_html_(slf: &Bound<'_, Self>) -> PyResult<String> {
        slf.py().import("lodecast.view.notebook")?.call_method1("model", (slf,))?.extract()
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        Ok((PyType::new::<Self>(py).getattr("from_bytes")?, (self.to_bytes(py)?,)))
    }
}

#[pymethods]
impl PyPaperLatentOde {
    /// Reads a model file of this kind.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Py<PyAny>> {
        load_kind(py, path, ModelKind::Paper)
    }
}

#[pymethods]
impl PyControlledLatentOde {
    /// Reads a model file of this kind.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Py<PyAny>> {
        load_kind(py, path, ModelKind::Controlled)
    }

    /// Schedules for a next round of runs: what each member of the ensemble in turn thinks best, away from what is known.
    /// Train them under a seed or two that the sweep has not seen, and fit the old sweep and the new one joined.
    #[pyo3(signature = (count=None, *, seed=0))]
    fn suggest(
        slf: PyRef<'_, Self>,
        py: Python<'_>,
        count: Option<Count>,
        #[pyo3(from_py_with = count::seed)] seed: u64,
    ) -> PyResult<Vec<PySuggestion>> {
        suggestions(py, Arc::clone(&slf.as_super().model), count, seed)
    }
}
