//! A fit with its progress shown, and what it came to.

use std::path::PathBuf;

use anyhow::Result;
use lodecast::{FitOptions, FitSettings, FitSummary, Fitted, Sweep};

use crate::interrupt;
use crate::output::Output;
use crate::progress::Phase;
use crate::report::significant;

/// Where a fit is kept while it runs.
pub(crate) struct Kept {
    /// The checkpoint file.
    pub checkpoint: Option<PathBuf>,
    /// Go on from it, if it is there?
    pub resume: bool,
}

/// Fits a model with its progress shown.
pub(crate) fn fit(
    sweep: &Sweep,
    settings: &FitSettings,
    kept: Kept,
    name: &str,
    output: &mut Output,
) -> Result<Fitted> {
    let phase = Phase::start(name, settings.training().map_or(1, |training| training.iterations), output);
    let mut progress = |progress: &lodecast::FitProgress| {
        let held_out =
            progress.held_out.map_or_else(String::new, |loss| format!(", held out {}", significant(loss, 3)));
        phase.at(progress.iteration, format!("loss {}{held_out}", significant(progress.loss, 3)));
    };
    let options = FitOptions {
        progress: &mut progress,
        interrupt: interrupt::flag()?,
        checkpoint: kept.checkpoint,
        resume: kept.resume,
    };
    let fitted = lodecast::fit(sweep, settings, options)?;
    phase.done(output, outcome(settings, &fitted.summary));
    Ok(fitted)
}

fn outcome(settings: &FitSettings, summary: &FitSummary) -> String {
    let held_out =
        summary.held_out_loss.map_or_else(String::new, |loss| format!(", held out {}", significant(loss, 3)));
    format!(
        "{} model of {} members from {} runs of {} configurations: loss {}{held_out}",
        settings.kind(),
        settings.training().map_or(1, |training| training.members),
        summary.runs,
        summary.configurations,
        significant(summary.loss, 3)
    )
}

/// Nothing is dropped silently: names the runs that were not learned from, and why.
pub(crate) fn say_what_was_left_out(summary: &FitSummary, output: &mut Output) {
    const SHOWN: usize = 5;
    for left_out in summary.left_out.iter().take(SHOWN) {
        output.warn(format_args!("run '{}' was left out: {}", left_out.run, left_out.reason));
    }
    if summary.left_out.len() > SHOWN {
        output.warn(format_args!("{} more runs were left out; --json names them all", summary.left_out.len() - SHOWN));
    }
    if !summary.diverged.is_empty() {
        output.say(format_args!(
            "{} runs diverged and count as the worst of the sweep from there on: {}",
            summary.diverged.len(),
            summary.diverged.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ")
        ));
    }
}
