//! `lodecast.LawModel`: the law, which learns from a few runs, and what it says of a search.

use std::path::PathBuf;
use std::sync::Arc;

use lodecast::{Explanation, Law, LawModel, Model, ModelKind, PickSettings, PriorKnowledge, Schedule};
use pyo3::prelude::*;

use crate::count::{self, Count};
use crate::failure::Failure;
use crate::model_classes::{PyLawModel, of_kind};
use crate::model_file::load_kind;
use crate::narrowing::PyNarrowing;
use crate::pick::{PyFinalForecast, PyPick};
use crate::pickle::{self, Reduced};
use crate::schedule::PySchedule;
use crate::suggestion::{PySuggestion, suggestions};
use crate::work;

fn law_model(model: &Model) -> Result<&LawModel, Failure> {
    match model {
        Model::Law(law) => Ok(law),
        other => Err(Failure::Panic(format!("a {} model was made a law", other.kind()))),
    }
}

impl PyLawModel {
    fn shared(slf: &PyRef<'_, Self>) -> Arc<Model> {
        Arc::clone(&slf.as_super().model)
    }

    /// Asks the law something quick.
    fn ask<T>(slf: &PyRef<'_, Self>, ask: impl FnOnce(&Law) -> T) -> PyResult<T> {
        work::guard(|| Ok(ask(law_model(&slf.as_super().model)?.law())))
    }
}

#[pymethods]
impl PyLawModel {
    /// Reads a model file of this kind.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Py<PyAny>> {
        load_kind(py, path, ModelKind::Law)
    }

    /// The law of a search that nobody has made yet: the prior alone, with intervals to match. `learning_rate` worked for runs of
    /// `total_steps`, and `start` is the metric of an untrained network: `math.log(classes)` of a cross entropy, `1 / classes` of an
    /// accuracy. It plans and schedules runs as any other model does; `narrowing` says which runs would tell it most.
    ///
    /// >>> import lodecast, math
    /// >>> law = lodecast.LawModel.before_any_run("val_loss:min", learning_rate=3e-4, total_steps=10_000, start=math.log(10))
    /// >>> picked = law.pick(10_000)
    /// >>> [f"{one.schedule.learning_rate(0.0):.0e}, to see {one.tells}" for one in law.narrowing(lodecast.Schedule.cosine(3e-4), 10_000)]
    /// ['3e-04, to see the level of the curve', '9e-04, to see where rates begin to be too high', '1e-04, to see how much a lower rate loses']
    #[staticmethod]
    #[pyo3(signature = (metric, *, learning_rate, total_steps, start, expected=None, ideal=None))]
    fn before_any_run(
        py: Python<'_>,
        metric: &str,
        learning_rate: f64,
        total_steps: Count,
        start: f64,
        expected: Option<f64>,
        ideal: Option<f64>,
    ) -> PyResult<Py<PyAny>> {
        let model = work::guard(|| {
            let mut knowledge = PriorKnowledge::new(learning_rate, total_steps.0, start);
            (knowledge.expected, knowledge.ideal) = (expected, ideal);
            Ok(LawModel::before_any_run(&metric.parse()?, &knowledge)?)
        })?;
        of_kind(py, Arc::new(model.into()), None)
    }

    /// How much the forecast of a run of `total_steps` under `schedule` would narrow with each of a few more runs, if they are as the
    /// law expects. From three runs on the list is empty: they say by themselves how wide intervals are.
    fn narrowing(
        slf: PyRef<'_, Self>,
        schedule: PyRef<'_, PySchedule>,
        total_steps: Count,
    ) -> PyResult<Vec<PyNarrowing>> {
        let found =
            work::guard(|| Ok(law_model(&slf.as_super().model)?.law().narrowing(&schedule.0, total_steps.0)?))?;
        Ok(found.into_iter().map(PyNarrowing).collect())
    }

    /// Picks the schedule of a run of `total_steps`: that with the least expected gap to the ideal among `candidates` shapes
    /// and the measured schedules, on the average of the law and a plain Gaussian process. `draws` of the posterior tell the
    /// probabilities.
    #[pyo3(signature = (total_steps, *, candidates=None, draws=None, seed=0))]
    fn pick(
        slf: PyRef<'_, Self>,
        py: Python<'_>,
        total_steps: Count,
        candidates: Option<Count>,
        draws: Option<Count>,
        #[pyo3(from_py_with = count::seed)] seed: u64,
    ) -> PyResult<PyPick> {
        let mut settings = PickSettings::default();
        settings.candidates = candidates.map_or(settings.candidates, Count::size);
        settings.draws = draws.map_or(settings.draws, Count::size);
        settings.seed = seed;
        let model = Self::shared(&slf);
        let metric = model.metric().to_string();
        let total_steps = total_steps.0;
        let pick =
            work::abandonable(py, move || Ok(lodecast::pick(law_model(&model)?.law(), total_steps, &settings)?))?;
        Ok(PyPick { pick, metric, total_steps })
    }

    /// Final values of runs of `total_steps` under schedules, with the settings of the best run.
    fn final_values(
        slf: PyRef<'_, Self>,
        py: Python<'_>,
        schedules: Vec<PyRef<'_, PySchedule>>,
        total_steps: Count,
    ) -> PyResult<Vec<PyFinalForecast>> {
        let schedules: Vec<Schedule> = schedules.iter().map(|schedule| schedule.0.clone()).collect();
        let model = Self::shared(&slf);
        let values = work::detached(py, || Ok(law_model(&model)?.law().final_values(&schedules, total_steps.0)?))?;
        Ok(values.into_iter().map(PyFinalForecast).collect())
    }

    /// What it says about the search, in words and numbers: where the edge of the rate is, how fast noise relaxes, what a
    /// longer run would bring, each with its interval.
    fn explain(slf: PyRef<'_, Self>) -> PyResult<PyExplanation> {
        Self::ask(&slf, |law| PyExplanation(law.explain()))
    }

    /// Schedules for a next round of runs: what each of some draws of the posterior in turn thinks best, away from what is
    /// known.
    #[pyo3(signature = (count=None, *, seed=0))]
    fn suggest(
        slf: PyRef<'_, Self>,
        py: Python<'_>,
        count: Option<Count>,
        #[pyo3(from_py_with = count::seed)] seed: u64,
    ) -> PyResult<Vec<PySuggestion>> {
        suggestions(py, Self::shared(&slf), count, seed)
    }

    /// What a reader has to know about the fit: assumptions, and why intervals are wide.
    #[getter]
    fn notes(slf: PyRef<'_, Self>) -> PyResult<Vec<String>> {
        Self::ask(&slf, |law| law.notes().to_vec())
    }

    /// The metric of an untrained network.
    #[getter]
    fn start(slf: PyRef<'_, Self>) -> PyResult<f64> {
        Self::ask(&slf, Law::start)
    }

    /// The best final value among the runs.
    #[getter]
    fn best(slf: PyRef<'_, Self>) -> PyResult<f64> {
        Self::ask(&slf, Law::best)
    }

    /// The value of the metric that no run passes.
    #[getter]
    fn ideal(slf: PyRef<'_, Self>) -> PyResult<f64> {
        Self::ask(&slf, |law| law.scale().ideal)
    }

    /// Progress at which runs reached their best value: median, and the ends of the range of 68 %. `None` if no run reached its
    /// end. Before the end of a run, it is worth keeping a checkpoint.
    #[getter]
    fn best_at(slf: PyRef<'_, Self>) -> PyResult<Option<(f64, f64, f64)>> {
        Self::ask(&slf, Law::best_at)
    }

    /// Runs that diverged.
    #[getter]
    fn diverged(slf: PyRef<'_, Self>) -> PyResult<Vec<String>> {
        Self::ask(&slf, |law| law.diverged().map(str::to_owned).collect())
    }

    /// Scatter of curves about the law, as a deviation of the logarithm of the gap to the ideal.
    #[getter]
    fn scatter(slf: PyRef<'_, Self>) -> PyResult<f64> {
        Self::ask(&slf, Law::scatter)
    }

    /// Logarithm of the evidence of the curves, up to a constant of the runs: laws of the same runs compare by it.
    #[getter]
    fn log_evidence(slf: PyRef<'_, Self>) -> PyResult<f64> {
        Self::ask(&slf, Law::log_evidence)
    }
}

/// What a law says about a search.
#[pyclass(frozen, name = "Explanation", module = "lodecast")]
pub(crate) struct PyExplanation(pub(crate) Explanation);

#[pymethods]
impl PyExplanation {
    /// One dictionary a quantity, the most useful first: name, value, low and high (68 %), unit, and what it means.
    #[getter]
    fn quantities<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(pythonize::pythonize(py, &self.0.quantities)?)
    }

    /// What a reader has to know about the fit.
    #[getter]
    fn notes(&self) -> Vec<String> {
        self.0.notes.clone()
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        pickle::reduce(py, "Explanation", &self.0)
    }

    fn __str__(slf: &Bound<'_, Self>) -> PyResult<String> {
        slf.py().import("lodecast.view.text")?.call_method1("explanation", (slf,))?.extract()
    }

    fn __repr__(&self) -> String {
        format!("<lodecast.Explanation: {} quantities, {} notes>", self.0.quantities.len(), self.0.notes.len())
    }

    fn _repr_html_(slf: &Bound<'_, Self>) -> PyResult<String> {
        slf.py().import("lodecast.view.notebook")?.call_method1("explanation", (slf,))?.extract()
    }
}
