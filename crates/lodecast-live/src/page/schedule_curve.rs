//! Schedules as curves over the steps of a run.

use lodecast::{Knot, Schedule};

use super::decimate::{Curve, decimated};

/// Straight lines that a schedule is drawn as.
const PARTS: u16 = 60;

pub(super) fn of_knots(knots: &[Knot], total_steps: u64) -> Curve {
    let mut curve = Curve::default();
    for knot in knots {
        curve.step.push(knot.progress * total_steps as f64);
        curve.value.push(knot.learning_rate);
    }
    // The last rate holds to the end.
    if let (Some(&step), Some(&value)) = (curve.step.last(), curve.value.last())
        && step < total_steps as f64
    {
        curve.step.push(total_steps as f64);
        curve.value.push(value);
    }
    curve
}

/// A schedule from a step to the end, as straight lines.
pub(super) fn sampled(schedule: &Schedule, from: f64, total_steps: u64) -> Curve {
    let total = total_steps as f64;
    let steps = (0..=PARTS).map(|part| from + (total - from).max(0.0) * f64::from(part) / f64::from(PARTS));
    let samples = steps.map(|step| (step, schedule.learning_rate(step / total)));
    decimated(samples, usize::from(PARTS) + 1)
}
