//! Recordings in the metric's scale, and the units of a search.

use super::covariates::momentum_gain;
use super::curve::SEGMENTS;
use super::fitted_law::Units;
use super::observation::{LEAST_RATE, Recording};
use super::posterior::median;
use super::scale::Scale;
use super::settings::Objective;

/// A recording in the metric's scale.
pub(super) struct Scaled<'a> {
    pub(super) recording: &'a Recording,
    pub(super) values: [f64; SEGMENTS],
    /// Final gap, if the run came to an end.
    pub(super) last: Option<f64>,
    /// Least gap and the last seen one.
    pub(super) least: f64,
    pub(super) seen: f64,
    /// Progress at which the least gap was measured, if the run came to an end.
    pub(super) best_at: Option<f64>,
    /// Peak rate, momentum counted.
    pub(super) peak: f64,
    pub(super) diverged: bool,
}

/// The recording in the metric's scale; `None` if it had no rate to speak of.
pub(super) fn scaled<'a>(
    recording: &'a Recording,
    scale: &Scale,
    start: f64,
    objective: Objective,
    momentum: bool,
) -> Option<Scaled<'a>> {
    let mut values = recording.values(|value| scale.gap(value), start);
    let mut measured = recording.measured.iter().map(|(_, value)| scale.gap(*value).min(start));
    let measured_least = measured.clone().fold(f64::INFINITY, f64::min);
    let mut last_seen = measured.next_back().unwrap_or(start);
    if objective == Objective::Best {
        let mut best = f64::INFINITY;
        let mut after = 0;
        for (k, value) in values.iter_mut().enumerate() {
            let end = (k + 1) as f64 * recording.length / SEGMENTS as f64;
            while let Some((_, measured)) = recording.measured.get(after).filter(|(step, _)| *step <= end) {
                best = best.min(scale.gap(*measured));
                after += 1;
            }
            if value.is_finite() {
                *value = value.min(best);
            }
        }
        last_seen = measured_least.min(start);
        if recording.complete && values[SEGMENTS - 1].is_finite() {
            values[SEGMENTS - 1] = last_seen;
        }
    }
    let lost = recording.lost_at.is_some();
    let last = if lost { Some(start) } else { Some(last_seen).filter(|_| recording.complete) };
    let gain = if momentum { momentum_gain(&recording.settings).unwrap_or(1.0) } else { 1.0 };
    let peak = recording.peak() * gain;
    let by_gap = |a: &&(f64, f64), b: &&(f64, f64)| scale.gap(a.1).total_cmp(&scale.gap(b.1));
    let best_at = recording.measured.iter().min_by(by_gap).map(|(step, _)| (step / recording.length).min(1.0));
    (peak >= LEAST_RATE).then(|| Scaled {
        best_at: best_at.filter(|_| recording.complete),
        recording,
        least: measured_least.min(start),
        seen: last.unwrap_or(last_seen),
        values,
        last,
        peak,
        diverged: false,
    })
}

/// The units of a search, from the runs that did not diverge.
pub(super) fn units(kept: &[&Scaled<'_>], start: f64, best: f64) -> Units {
    let middle = median(&mut kept.iter().map(|run| run.seen).collect::<Vec<f64>>());
    let better = kept.iter().filter(|run| run.seen <= middle);
    let mean = |logarithms: Vec<f64>| (logarithms.iter().sum::<f64>() / logarithms.len().max(1) as f64).exp();
    Units {
        rate: mean(better.map(|run| run.peak.ln()).collect()),
        length: mean(kept.iter().map(|run| run.recording.length.ln()).collect()),
        start,
        best,
    }
}
