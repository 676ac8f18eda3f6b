//! A model from its file, or fitted on the spot to runs: the law, which takes a fraction of a second. And runs, from wherever
//! they are.

#[cfg(feature = "import")]
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{Context as _, Result};
use lodecast::{FitOptions, LawFit, Model, Sweep};
#[cfg(feature = "import")]
use lodecast_import::{ImportOptions, Source, Survey, ValidationChoice, import, recognise};

use crate::failure::{failure, misuse};
use crate::fitting::say_what_to_know;
use crate::options::sweep::Columns;
use crate::output::Output;

/// Reads a model file; of anything else, a sweep file, a folder of them, or what a tracker left, fits the law to its runs.
pub(crate) fn model(path: &Path, columns: &Columns, output: &mut Output) -> Result<Model> {
    if is_model(path) || !path.exists() {
        return Ok(Model::load(path)?);
    }
    Ok(fitted(path, columns, output)?.0)
}

/// The law fitted to runs, and the runs.
pub(crate) fn fitted(path: &Path, columns: &Columns, output: &mut Output) -> Result<(Model, Sweep)> {
    if is_model(path) {
        return Err(misuse(
            format!("{} is a model: on which runs is it to be tried?", path.display()),
            "name sweep files after it",
        ));
    }
    let sweep = runs(path, columns, output)?;
    Ok((fitted_to(&sweep, path, columns, output)?, sweep))
}

/// The law fitted to runs that were read from `path`.
pub(crate) fn fitted_to(sweep: &Sweep, path: &Path, columns: &Columns, output: &mut Output) -> Result<Model> {
    let mut settings = LawFit::default();
    settings.metric = columns.metrics.first().map(|metric| metric.name.clone());
    let fitted = lodecast::fit(sweep, &settings.into(), FitOptions::default())
        .with_context(|| format!("cannot fit {}", path.display()))?;
    let summary = &fitted.summary;
    output.say(format_args!(
        "law fitted to {} runs of {} configurations in {:.2} s",
        summary.runs, summary.configurations, summary.seconds
    ));
    say_what_to_know(&fitted, output);
    Ok(fitted.model)
}

/// The runs of a sweep file, a folder of them, or of what a tracker left.
pub(crate) fn runs(path: &Path, columns: &Columns, output: &mut Output) -> Result<Sweep> {
    match columns.read_sweep(path, output) {
        Ok(sweep) => Ok(sweep),
        Err(error) if is_a_damaged_sweep(path, &error) => Err(error),
        Err(no_sweep) => imported(path, columns, output).map_err(|error| {
            let reason = format!("{}: neither a sweep ({no_sweep}) nor a tracker's ({error})", path.display());
            failure(
                reason,
                "name the metric with '--val NAME:max' or ':min', or import the runs first: 'lodecast import'",
            )
        }),
    }
}

/// Is what is wrong with a sweep nothing that another reader could make sense of? Its own knows best, and none may read half of it.
fn is_a_damaged_sweep(path: &Path, error: &anyhow::Error) -> bool {
    use lodecast_sweep_file::Error::{AmbiguousColumn, File, MetricDirection, MissingColumn, UnknownFormat};
    let of_another_layout = matches!(
        error.downcast_ref(),
        Some(AmbiguousColumn { .. } | MetricDirection { .. } | MissingColumn { .. } | UnknownFormat { .. })
    );
    matches!(error.downcast_ref(), Some(File { .. })) || path.is_file() && (is_model(path) || !of_another_layout)
}

/// Is this a model, by its name (damaged as it may be) or by what is in it?
pub(crate) fn is_model(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "lode") || Model::is_file(path)
}

/// Says that this command reads no trackers.
#[cfg(not(feature = "import"))]
fn imported(_: &Path, _: &Columns, _: &Output) -> Result<Sweep> {
    anyhow::bail!("this lodecast was built without the feature 'import'")
}

/// The runs that a tracker or a framework left at `path`.
#[cfg(feature = "import")]
fn imported(path: &Path, columns: &Columns, output: &mut Output) -> Result<Sweep> {
    let validation = columns
        .metrics
        .iter()
        .map(|metric| ValidationChoice { name: metric.name.clone(), direction: Some(metric.direction) })
        .collect();
    let options = ImportOptions {
        loss: columns.loss.clone(),
        learning_rate: columns.lr.clone(),
        validation,
        ..ImportOptions::default()
    };
    let source = Source::open(&path.to_string_lossy(), &options.limits)?;
    let format = recognise(&source)?[0];
    output.say(format_args!("{source}: {}", format.name()));
    let sources = [(source, format)];
    let chosen = lodecast_import::Columns::choose(&Survey::of(&sources, &options)?, &options)?;
    for said in &chosen.said {
        output.say(said);
    }
    let mut sweep = Sweep::new(chosen.metrics());
    let report = import(&sources, &chosen, &options, &mut |run, _| {
        sweep.runs.push(run);
        Ok(ControlFlow::Continue(()))
    })?;
    for (index, run) in sweep.runs.iter_mut().enumerate() {
        report.complete(index, &mut run.attributes);
    }
    for skipped in &report.skipped {
        output.warn(format_args!("run '{}' was left out: {}", skipped.run, skipped.reason));
    }
    for note in &report.notes {
        output.warn(note);
    }
    Ok(sweep)
}
