//! What is told of a run, and what a client is answered.

use lodecast::Point;
use serde::Serialize;

use crate::decision::Choice;
use crate::serve::served_run::ServedRun;

/// What is told of a run.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    /// Points. Those read from a log may correct what was read before.
    Tell { points: Vec<Point>, from_log: bool },
    /// It is to be so long.
    Extend(u64),
    /// Its training goes on from this step, or again from nothing.
    Resume(Option<u64>),
    /// This schedule is to hold.
    Choose(Choice),
    /// lodecast is to decide again.
    HandBack,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Outcome {
    /// Of the step after the last one that was told.
    pub(crate) learning_rate: f64,
    pub(crate) revision: u64,
    pub(crate) effective_from_step: u64,
    pub(crate) last_step: Option<u64>,
    pub(crate) total_steps: u64,
    /// Points that were new, and that were known.
    pub(crate) accepted: usize,
    pub(crate) known: usize,
}

/// What a client is answered.
pub(crate) fn outcome(run: &ServedRun, accepted: usize, known: usize) -> Outcome {
    let history = run.history();
    Outcome {
        learning_rate: run.learning_rate(history.last_step.map_or(0, |last| last.saturating_add(1))),
        revision: run.revision(),
        effective_from_step: history.decisions.last().map_or(0, |decision| decision.effective_from_step),
        last_step: history.last_step,
        total_steps: history.total_steps,
        accepted,
        known,
    }
}
