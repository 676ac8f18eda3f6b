//! `lodecast._engine.fit`: a model from a sweep.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use lodecast::{FitOptions, FitProgress, FitSettings, ModelKind};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::failure::Failure;
use crate::sweep::SweepArgument;
use crate::{model, settings, work};

/// Fits a model. `progress` is called with iteration, iterations, loss and held-out loss some twenty times a second; what it
/// raises ends the fit, like Ctrl-C.
#[pyfunction]
#[pyo3(signature = (sweep, kind, progress=None, checkpoint=None, resume=false, **settings))]
pub(crate) fn fit(
    py: Python<'_>,
    sweep: SweepArgument<'_>,
    kind: &str,
    progress: Option<Bound<'_, PyAny>>,
    checkpoint: Option<PathBuf>,
    resume: bool,
    settings: Option<&Bound<'_, PyDict>>,
) -> PyResult<Py<PyAny>> {
    let kind: ModelKind = kind.parse().map_err(|error: lodecast::Error| Failure::Setting(error.to_string()))?;
    let settings: FitSettings = work::guard(|| settings::merged(&FitSettings::new(kind), settings))?;
    let sweep = Arc::clone(&sweep.0.sweep);
    let interrupt = Arc::new(AtomicBool::new(false));
    let latest: Arc<Mutex<Option<FitProgress>>> = Arc::default();
    let watch = |_: Python<'_>| {
        let news = latest.lock().ok().and_then(|mut latest| latest.take());
        match (&progress, news) {
            (Some(progress), Some(news)) => {
                progress.call1((news.iteration, news.iterations, news.loss, news.held_out)).map(|_| ())
            }
            _ => Ok(()),
        }
    };
    let work = {
        let (interrupt, latest) = (Arc::clone(&interrupt), Arc::clone(&latest));
        move || {
            let mut tell = |news: &FitProgress| {
                if let Ok(mut latest) = latest.lock() {
                    *latest = Some(*news);
                }
            };
            let options = FitOptions { progress: &mut tell, interrupt: &interrupt, checkpoint, resume };
            Ok(lodecast::fit(&sweep, &settings, options)?)
        }
    };
    let fitted = work::interruptible(py, &interrupt, watch, work)?;
    model::of_kind(py, Arc::new(fitted.model), Some(fitted.summary))
}
