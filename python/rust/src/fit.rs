//! `lodecast._engine.fit`: a model from a sweep.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use lodecast::{BestFit, FitOptions, FitProgress, FitSettings, ModelKind};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::failure::Failure;
use crate::model_classes::of_kind;
use crate::model_file::ModelSource;
use crate::sweep::SweepArgument;
use crate::{settings, work};

/// Which form of model, if one is named.
enum Wanted {
    Form(FitSettings),
    Best(BestFit),
}

/// The first form of model that has all of these settings; nothing where the choice among forms has them, too. Of settings that no
/// form has together, one that is trained says which are its.
fn implied(given: Option<&Bound<'_, PyDict>>) -> Result<Option<ModelKind>, Failure> {
    if settings::has_all(&BestFit::default(), given)? {
        return Ok(None);
    }
    for &kind in ModelKind::ALL {
        if settings::has_all(&FitSettings::new(kind), given)? {
            return Ok(Some(kind));
        }
    }
    Ok(Some(ModelKind::Controlled))
}

/// Fits a model, without `kind` the form whose forecasts of runs that it has not seen are best. `progress` is called with
/// iteration, iterations, loss and held-out loss some twenty times a second; what it raises ends the fit, like Ctrl-C. `start_from`
/// is the model of an earlier state of the same search, or its file: its networks learn what is new in a third of the steps.
#[pyfunction]
#[pyo3(signature = (sweep, kind=None, progress=None, checkpoint=None, resume=false, start_from=None, **settings))]
#[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
pub(crate) fn fit(
    py: Python<'_>,
    sweep: SweepArgument<'_>,
    kind: Option<&str>,
    progress: Option<Bound<'_, PyAny>>,
    checkpoint: Option<PathBuf>,
    resume: bool,
    start_from: Option<ModelSource<'_>>,
    settings: Option<&Bound<'_, PyDict>>,
) -> PyResult<Py<PyAny>> {
    let kind = match kind {
        Some(kind) => Some(kind.parse().map_err(|error: lodecast::Error| Failure::Setting(error.to_string()))?),
        None => implied(settings)?,
    };
    let wanted = work::guard(|| {
        Ok(match kind {
            Some(kind) => Wanted::Form(settings::merged(&FitSettings::new(kind), settings)?),
            None => Wanted::Best(settings::merged(&BestFit::default(), settings)?),
        })
    })?;
    let sweep = Arc::clone(&sweep.0.sweep);
    let start_from = start_from.map(|source| source.model(py)).transpose()?;
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
            let mut options = FitOptions::default().progress(&mut tell).interrupt(&interrupt).resume(resume);
            if let Some(checkpoint) = checkpoint {
                options = options.checkpoint(checkpoint);
            }
            if let Some(earlier) = &start_from {
                options = options.start_from(earlier);
            }
            Ok(match &wanted {
                Wanted::Form(settings) => lodecast::fit(&sweep, settings, options)?,
                Wanted::Best(settings) => lodecast::fit_best(&sweep, settings, options)?,
            })
        }
    };
    let fitted = work::interruptible(py, &interrupt, watch, work)?;
    of_kind(py, Arc::new(fitted.model), Some(fitted.summary))
}
