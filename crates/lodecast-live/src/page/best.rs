//! [`Best`]: the best configuration of the sweep, with the course that the model has for its schedule.

use std::sync::{Arc, Mutex, PoisonError};

use lodecast::{Model, Schedule};
use serde::Serialize;

use super::decimate::{Curve, decimated};
use super::view::sampled;

/// Points of its course at most.
const MOST: usize = 200;
/// Courses that are kept. One is some kilobytes.
const KEPT: usize = 64;

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

/// Those that were asked for: a model is not asked the same again for every event of a page.
#[derive(Debug, Default)]
pub(crate) struct Bests(Mutex<Vec<(Key, Arc<Best>)>>);

/// Which model, and the length of the run.
type Key = (String, u64);

impl Bests {
    /// That of a model for runs of a length.
    pub(crate) fn of(&self, model: &Model, total_steps: u64) -> Arc<Best> {
        let key = (model.fingerprint().to_owned(), total_steps);
        let kept = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, best)) = kept().iter().find(|(known, _)| *known == key) {
            return Arc::clone(best);
        }
        // Others may ask meanwhile: what two have made is the same.
        let best = Arc::new(made(model, total_steps));
        let mut kept = kept();
        if kept.len() >= KEPT {
            kept.remove(0);
        }
        kept.push((key, Arc::clone(&best)));
        best
    }
}

fn made(model: &Model, total_steps: u64) -> Best {
    let best = model.experience().best_configuration();
    Best {
        name: best.name.clone(),
        final_metric: best.final_metric,
        schedule: sampled(&best.schedule, 0.0, total_steps),
        course: course(model, &best.schedule, total_steps),
    }
}

/// Nothing, where the model can say nothing of a run that has not begun.
fn course(model: &Model, schedule: &Schedule, total_steps: u64) -> Curve {
    let Ok(forecast) = model.forecast(&[], total_steps, Some(schedule)) else { return Curve::default() };
    let steps = forecast.progress.iter().map(|progress| progress * total_steps as f64);
    decimated(steps.zip(forecast.validation.mean), MOST)
}
