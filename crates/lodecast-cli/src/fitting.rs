//! A fit with its progress shown, and what it came to.

use std::path::PathBuf;

use anyhow::Result;
use lodecast::{BestFit, FitOptions, FitSettings, Fitted, Model, ModelKind, Sweep};

use crate::interrupt;
use crate::output::Output;
use crate::progress::Phase;
use crate::report::significant;

/// Where a fit is kept while it runs, and what it starts from.
#[derive(Default)]
pub(crate) struct Kept {
    /// The checkpoint file.
    pub checkpoint: Option<PathBuf>,
    /// Go on from it, if it is there?
    pub resume: bool,
    /// The model to start from.
    pub earlier: Option<Model>,
}

/// Fits a model with its progress shown.
pub(crate) fn fit(
    sweep: &Sweep,
    settings: &FitSettings,
    kept: Kept,
    name: &str,
    output: &mut Output,
) -> Result<Fitted> {
    let iterations = settings.training().map_or(1, |training| training.iterations);
    watched(iterations, kept, name, output, |options| lodecast::fit(sweep, settings, options))
}

/// Fits the form of model whose forecasts of runs that it has not seen are best, and says which and why.
pub(crate) fn fit_best(sweep: &Sweep, settings: &BestFit, kept: Kept, output: &mut Output) -> Result<Fitted> {
    let network = FitSettings::new(ModelKind::Controlled);
    let iterations = network.training().map_or(1, |training| training.iterations);
    let fitted = watched(iterations, kept, "fit", output, |options| lodecast::fit_best(sweep, settings, options))?;
    if let Some(choice) = &fitted.summary.choice {
        output.say(format_args!("took         {}", choice.reason));
    }
    Ok(fitted)
}

fn watched(
    iterations: u64,
    kept: Kept,
    name: &str,
    output: &mut Output,
    fit: impl FnOnce(FitOptions<'_>) -> lodecast::Result<Fitted>,
) -> Result<Fitted> {
    let phase = Phase::start(name, iterations, output);
    let mut progress = |progress: &lodecast::FitProgress| {
        let held_out =
            progress.held_out.map_or_else(String::new, |loss| format!(", held out {}", significant(loss, 3)));
        phase.lasts(progress.iterations);
        phase.at(progress.iteration, format!("loss {}{held_out}", significant(progress.loss, 3)));
    };
    let mut options = FitOptions::default().progress(&mut progress).interrupt(interrupt::flag()?).resume(kept.resume);
    if let Some(checkpoint) = kept.checkpoint {
        options = options.checkpoint(checkpoint);
    }
    if let Some(earlier) = &kept.earlier {
        options = options.start_from(earlier);
    }
    let fitted = fit(options)?;
    phase.done(output, outcome(&fitted));
    Ok(fitted)
}

fn outcome(fitted: &Fitted) -> String {
    let summary = &fitted.summary;
    let held_out =
        summary.held_out_loss.map_or_else(String::new, |loss| format!(", held out {}", significant(loss, 3)));
    format!(
        "{} model of {} members from {} runs of {} configurations: loss {}{held_out}",
        fitted.model.kind(),
        fitted.model.members(),
        summary.runs,
        summary.configurations,
        significant(summary.loss, 3)
    )
}

/// Runs that are named of many.
const SHOWN: usize = 5;

/// Nothing is dropped or doubted silently: names the runs that were not learned from, and why, and what speaks against the model.
pub(crate) fn say_what_to_know(fitted: &Fitted, output: &mut Output) {
    let Fitted { model, summary, .. } = fitted;
    for left_out in summary.left_out.iter().take(SHOWN) {
        output.warn(format_args!("run '{}' was left out: {}", left_out.run, left_out.reason));
    }
    if summary.left_out.len() > SHOWN {
        output.warn(format_args!("{} more runs were left out; --json names them all", summary.left_out.len() - SHOWN));
    }
    for note in summary.lengths.iter().take(SHOWN) {
        output.warn(format_args!("run '{}': {}", note.run, note.reason));
    }
    if summary.lengths.len() > SHOWN {
        output.warn(format_args!("the same of {} more runs; --json names them all", summary.lengths.len() - SHOWN));
    }
    if !summary.diverged.is_empty() {
        let more = summary.diverged.len().saturating_sub(SHOWN);
        output.say(format_args!(
            "diverged     {} of {} runs: {}{}",
            summary.diverged.len(),
            summary.runs,
            summary.diverged.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", "),
            if more > 0 { format!(" and {more} more") } else { String::new() }
        ));
    }
    for doubt in &summary.doubts {
        output.warn(doubt);
    }
    if let Model::Law(law) = model {
        for note in law.law().notes() {
            output.say(note);
        }
    }
}
