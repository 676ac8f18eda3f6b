//! `lodecast._engine.import_runs`: the recordings of trackers and frameworks, made into a sweep.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use lodecast::Sweep;
use lodecast_import::{
    AttributeNames, Columns, Format, ImportOptions, Source, Survey, Wanted, format_named, import, recognise,
};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::failure::{Failure, in_keywords};
use crate::import_summary::{ImportSummary, RecognisedSource};
use crate::metric_argument::Metrics;
use crate::sweep::PySweep;
use crate::work;

/// The keywords of `lodecast.import_runs`; what is not there is looked for by the usual names.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Choices {
    format: Option<String>,
    collection: Option<String>,
    restarts: String,
    metrics: Option<Metrics>,
    run_id: Option<String>,
    step: Option<String>,
    train_loss: Option<String>,
    learning_rate: Option<String>,
    lr_schedule: Option<String>,
    epoch: Option<String>,
    steps_per_epoch: Option<u64>,
    seed_from: Option<String>,
    total_steps_from: Option<String>,
    peak_from: Option<String>,
    optimizer_from: Option<String>,
    schedule_from: Option<String>,
}

impl Choices {
    fn options(self) -> Result<ImportOptions, Failure> {
        let validation = self.metrics.map_or_else(Vec::new, Metrics::texts);
        let rate_schedule = self.lr_schedule.map(|text| text.parse()).transpose()?;
        if rate_schedule.is_some() && self.learning_rate.is_some() {
            let reason = "learning_rate and lr_schedule exclude each other; give one of them";
            return Err(Failure::Setting(reason.to_owned()));
        }
        let restarts = self.restarts.parse();
        Ok(ImportOptions {
            loss: self.train_loss,
            learning_rate: self.learning_rate,
            rate_schedule,
            validation: validation.iter().map(|text| text.parse()).collect::<Result<_, _>>()?,
            epoch: self.epoch,
            steps_per_epoch: self.steps_per_epoch,
            restarts: Some(
                restarts.map_err(|remedy| Failure::Setting(format!("restarts = '{}': {remedy}", self.restarts)))?,
            ),
            attributes: AttributeNames {
                seed: self.seed_from,
                total_steps: self.total_steps_from,
                peak_lr: self.peak_from,
                optimizer: self.optimizer_from,
                schedule: self.schedule_from,
            },
            wanted: Wanted {
                collection: self.collection,
                run_column: self.run_id,
                step_column: self.step,
                ..Wanted::default()
            },
            ..ImportOptions::default()
        })
    }
}

/// How far an import is.
#[derive(Default)]
struct Progress {
    runs: AtomicU64,
    points: AtomicU64,
}

/// Reads every run of the sources. With `dry_run` the sweep stays empty, and its report says what would be in it. `progress`
/// is called with the numbers of runs and points so far. `names` are pairs of a place and what it is called in all that is said.
#[pyfunction]
#[pyo3(name = "_import_runs")]
pub(crate) fn import_runs(
    py: Python<'_>,
    sources: Vec<PathBuf>,
    choices: &Bound<'_, PyDict>,
    dry_run: bool,
    progress: Option<Bound<'_, PyAny>>,
    names: Vec<(String, String)>,
) -> PyResult<PySweep> {
    let choices: Choices = choices.extract()?;
    let format = choices.format.as_deref().map(format_named).transpose().map_err(Failure::from)?;
    let options = work::guard(|| choices.options())?;
    let interrupt = Arc::new(AtomicBool::new(false));
    let reached = Arc::new(Progress::default());
    let watch = |_: Python<'_>| {
        let runs = reached.runs.load(Ordering::Relaxed);
        match &progress {
            Some(progress) if runs > 0 => progress.call1((runs, reached.points.load(Ordering::Relaxed))).map(|_| ()),
            _ => Ok(()),
        }
    };
    let work = {
        let (interrupt, reached) = (Arc::clone(&interrupt), Arc::clone(&reached));
        move || read(&sources, &names, format, &options, dry_run, &reached, &interrupt)
    };
    work::interruptible(py, &interrupt, watch, work)
}

fn read(
    places: &[PathBuf],
    names: &[(String, String)],
    format: Option<&'static dyn Format>,
    options: &ImportOptions,
    dry_run: bool,
    reached: &Progress,
    interrupt: &AtomicBool,
) -> Result<PySweep, Failure> {
    let named = |text: &str| names.iter().fold(text.to_owned(), |text, (place, name)| text.replace(place, name));
    let mut sources = Vec::new();
    let mut recognised = Vec::new();
    for place in places {
        let text = place.to_str().ok_or_else(|| {
            Failure::Sweep(format!("{}: its name is not Unicode; rename it or read a folder above it", place.display()))
        })?;
        let source = Source::open(text, &options.limits)?;
        let formats = match format {
            Some(format) => vec![format],
            None => recognise(&source)?,
        };
        let also = formats[1..].iter().map(|format| format.name()).collect();
        recognised.push(RecognisedSource { source: named(&source.to_string()), format: formats[0].name(), also });
        sources.push((source, formats[0]));
    }
    let columns = Columns::choose(&Survey::of(&sources, options)?, options)?;
    let mut runs = Vec::new();
    let mut report = import(&sources, &columns, options, &mut |run, _| {
        reached.runs.fetch_add(1, Ordering::Relaxed);
        reached.points.fetch_add(run.len() as u64, Ordering::Relaxed);
        if !dry_run {
            runs.push(run);
        }
        Ok(if interrupt.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    if report.interrupted {
        return Err(lodecast::Error::Interrupted.into());
    }
    for (index, run) in runs.iter_mut().enumerate() {
        report.complete(index, &mut run.attributes);
        run.attributes.source = run.attributes.source.as_deref().map(named);
    }
    let notes = report.runs.iter_mut().flat_map(|run| &mut run.notes);
    for text in notes.chain(report.skipped.iter_mut().map(|skipped| &mut skipped.reason)).chain(&mut report.notes) {
        *text = in_keywords(&named(text));
    }
    let metrics = columns.metrics();
    let summary = ImportSummary {
        sources: recognised,
        learning_rate: columns.rate_series().map(ToOwned::to_owned),
        train_loss: columns.loss,
        metrics: metrics.iter().map(ToString::to_string).collect(),
        chosen: columns.said.iter().map(|said| in_keywords(&named(said))).collect(),
        read: report,
    };
    Ok(PySweep::imported(Sweep { metrics, runs }, summary))
}
