//! Models in files: what an argument names, and what is loaded.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lodecast::{Model, ModelKind};
use pyo3::prelude::*;

use crate::failure::Failure;
use crate::model_classes::{PyModel, of_kind};
use crate::work;

/// A model, or the path of its file.
pub(crate) enum ModelSource<'py> {
    Model(PyRef<'py, PyModel>),
    Path(PathBuf),
}

impl<'a, 'py> FromPyObject<'a, 'py> for ModelSource<'py> {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(model) = given.extract::<PyRef<'py, PyModel>>() {
            return Ok(Self::Model(model));
        }
        if let Ok(path) = given.extract::<PathBuf>() {
            return Ok(Self::Path(path));
        }
        let kind = given.get_type().name()?;
        let reason = format!("a model of lodecast.fit or lodecast.load is needed, or the path of its file, not {kind}");
        Err(Failure::Argument(reason).into())
    }
}

impl ModelSource<'_> {
    pub(crate) fn model(self, py: Python<'_>) -> PyResult<Arc<Model>> {
        match self {
            Self::Model(model) => Ok(Arc::clone(&model.model)),
            // What is fitted to a folder that grows would be another model when a run is resumed.
            Self::Path(path) if path.is_dir() => {
                let folder = path.display();
                Err(Failure::Setting(format!(
                    "{folder}: a folder is no model; fit one to its runs and keep it: lodecast.fit('{folder}', \
                     'law').save('law.lode')"
                ))
                .into())
            }
            Self::Path(path) => Ok(Arc::new(work::abandonable(py, move || load_model(&path))?)),
        }
    }
}

/// Reads a model file. Runs in its place are told from a damaged one.
fn load_model(path: &Path) -> Result<Model, Failure> {
    let is_table = path.extension().is_some_and(|extension| {
        ["csv", "tsv", "parquet", "jsonl", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known))
    });
    if is_table && path.exists() && !Model::is_file(path) {
        let runs = path.display();
        return Err(Failure::Setting(format!(
            "{runs}: runs are no model; fit one to them and keep it: lodecast.fit('{runs}', 'law').save('law.lode')"
        )));
    }
    Ok(Model::load(path)?)
}

pub(crate) fn load_kind(py: Python<'_>, path: PathBuf, kind: ModelKind) -> PyResult<Py<PyAny>> {
    let model = work::abandonable(py, move || {
        // The engine's own loaders refuse another kind, and say so.
        Ok(match kind {
            ModelKind::Paper => lodecast::PaperLatentOde::load(path)?.into(),
            ModelKind::Controlled => lodecast::ControlledLatentOde::load(path)?.into(),
            _ => {
                let model = Model::load(&path)?;
                if model.kind() != kind {
                    let reason = format!("it holds a {} model, not a {kind} one", model.kind());
                    return Err(lodecast::Error::ModelFile { path, reason }.into());
                }
                model
            }
        })
    })?;
    of_kind(py, Arc::new(model), None)
}

/// Reads a model file of any kind.
#[pyfunction]
pub(crate) fn load(py: Python<'_>, path: PathBuf) -> PyResult<Py<PyAny>> {
    let model = work::abandonable(py, move || load_model(&path))?;
    of_kind(py, Arc::new(model), None)
}
