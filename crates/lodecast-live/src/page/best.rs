//! [`Best`]: the best configuration of the sweep, with the course that the model has for its schedule.

use lodecast::{Model, Schedule};
use serde::Serialize;

use super::decimate::{Curve, decimated};
use super::schedule_curve::sampled;

/// Points of its course at most.
const MOST: usize = 200;

/// The best configuration of the sweep.
#[derive(Debug, Serialize)]
pub(crate) struct Best {
    name: String,
    /// What its runs ended at.
    final_metric: f64,
    schedule: Curve,
    /// How a run under its schedule goes, as the model has it: no model keeps the curves that it learned from.
    course: Curve,
}

impl Best {
    /// That of a model for runs of a length.
    pub(super) fn of(model: &Model, total_steps: u64) -> Self {
        let best = model.experience().best_configuration();
        Self {
            name: best.name.clone(),
            final_metric: best.final_metric,
            schedule: sampled(&best.schedule, 0.0, total_steps),
            course: course(model, &best.schedule, total_steps),
        }
    }
}

/// Nothing, where the model can say nothing of a run that has not begun.
fn course(model: &Model, schedule: &Schedule, total_steps: u64) -> Curve {
    let Ok(forecast) = model.forecast(&[], total_steps, Some(schedule)) else { return Curve::default() };
    let steps = forecast.progress.iter().map(|progress| progress * total_steps as f64);
    decimated(steps.zip(forecast.validation.mean), MOST)
}
