//! The planned length of a run: who says it, and what becomes of it where the run went another way.

use std::collections::BTreeMap;

use lodecast::Run;

use crate::names::is_epoch;
use crate::recording::Recording;

/// A planned length in optimizer steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) steps: u64,
    /// Does the format itself or the user say so? Otherwise it is a setting that is called so.
    pub(crate) is_certain: bool,
}

/// The run without a planned length that it cannot have been planned for, by the engine's rule.
pub(crate) fn as_planned(mut run: Run, notes: &mut Vec<String>) -> Run {
    if let (Some(planned), None) = (run.attributes.total_steps, run.planned_steps()) {
        let last = run.steps().last().copied().unwrap_or(0);
        notes.push(format!("it went on to step {last}, past the {planned} planned: the plan is left out"));
        run.attributes.total_steps = None;
    }
    run
}

/// The steps of as many `epochs`, where the epoch was recorded beside the step and all that were had the same length.
pub(crate) fn of_epochs(recording: &Recording, epochs: u64) -> Option<u64> {
    let (_, series) = recording.series.iter().find(|(name, _)| is_epoch(name))?;
    let samples = || series.steps().zip(series.values()).filter(|(_, epoch)| epoch.is_finite() && *epoch >= 0.0);
    if samples().any(|(_, epoch)| epoch.fract() != 0.0) {
        // A fraction of the training: steps in proportion.
        let ratios = samples().filter(|(_, epoch)| *epoch > 0.0).map(|(step, epoch)| step as f64 / epoch);
        let (low, high, last) = ratios.fold((f64::MAX, 0.0_f64, 0.0), |(low, high, _), r| (low.min(r), high.max(r), r));
        return (high <= 1.02 * low && last >= 1.0).then(|| (last * epochs as f64).round() as u64);
    }
    let mut ends: BTreeMap<u64, u64> = BTreeMap::new();
    for (step, epoch) in samples() {
        let end = ends.entry(epoch as u64).or_insert(step);
        *end = step.max(*end);
    }
    // The last one may have been broken off.
    ends.pop_last();
    let ends: Vec<(u64, u64)> = ends.into_iter().collect();
    let mut lengths = ends.windows(2).map(|pair| pair[1].1.checked_sub(pair[0].1)?.checked_div(pair[1].0 - pair[0].0));
    let length = lengths.next()??;
    (length > 0 && lengths.all(|other| other == Some(length))).then(|| length.saturating_mul(epochs))
}
