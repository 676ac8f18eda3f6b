//! The classes of models, and the one that a model is an object of. What they are asked is in the files of their methods.

use std::sync::Arc;

use lodecast::{FitSummary, Model, ModelKind};
use pyo3::prelude::*;

/// A fitted model of any kind.
#[pyclass(frozen, subclass, name = "Model", module = "lodecast")]
pub(crate) struct PyModel {
    pub(crate) model: Arc<Model>,
    pub(crate) summary: Option<FitSummary>,
}

/// The paper's model: it imagines whole runs, their learning rate included.
#[pyclass(frozen, extends = PyModel, name = "PaperLatentOde", module = "lodecast")]
pub(crate) struct PyPaperLatentOde;

/// The model that the learning rate drives: it answers "what if I set this rate?".
#[pyclass(frozen, extends = PyModel, name = "ControlledLatentOde", module = "lodecast")]
pub(crate) struct PyControlledLatentOde;

/// The law: a curve with a handful of parameters, for few runs. It is fitted in a fraction of a second, and picks the schedule
/// of a whole run.
///
/// >>> import lodecast
/// >>> law = lodecast.fit(lodecast.example_sweep(), "law", progress=False)
/// >>> picked = law.pick(200)
/// >>> picked.predicted.median < law.start
/// True
#[pyclass(frozen, extends = PyModel, name = "LawModel", module = "lodecast")]
pub(crate) struct PyLawModel;

/// The model as an object of its kind's class.
pub(crate) fn of_kind(py: Python<'_>, model: Arc<Model>, summary: Option<FitSummary>) -> PyResult<Py<PyAny>> {
    let kind = model.kind();
    let base = PyClassInitializer::from(PyModel { model, summary });
    Ok(match kind {
        ModelKind::Paper => Py::new(py, base.add_subclass(PyPaperLatentOde))?.into_any(),
        ModelKind::Controlled => Py::new(py, base.add_subclass(PyControlledLatentOde))?.into_any(),
        ModelKind::Law => Py::new(py, base.add_subclass(PyLawModel))?.into_any(),
        _ => Py::new(py, base)?.into_any(),
    })
}
