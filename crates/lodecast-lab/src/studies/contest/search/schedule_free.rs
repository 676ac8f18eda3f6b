//! Schedule-free learning (Defazio et al. 2024), tuned: its rate.

use lodecast::Schedule;
use lodecast::tune::{Trial, Tuner};

use super::entry::{Asks, Search, Trains};
use super::places::place;
use crate::error::Result;
use crate::optimizers::OptimizerKind;
use crate::optimizers::UpdateRule;
use crate::rivals::{ScheduleFree, ScheduleFreeLearning};

pub(super) const SEARCH: Search = Search {
    name: "schedule-free",
    about: "the optimizer's schedule-free form: a warm-up over a twentieth, then one rate, spread evenly; for the pick 'best-run'",
    asks: Asks::Rival(ask),
    trains: Trains::Rule(rule, peaks),
};

/// The form that an optimizer has.
pub(super) fn rule(optimizer: OptimizerKind) -> UpdateRule {
    UpdateRule::ScheduleFree(match optimizer {
        OptimizerKind::Sgd => ScheduleFree::SGD,
        OptimizerKind::Adam | OptimizerKind::AdamW => ScheduleFree::ADAMW,
    })
}

/// Its authors advise rates of ten to fifty times those of a schedule with SGD, one to ten times with Adam; `peaks` themselves go
/// [beyond the grid](super::BEYOND_THE_GRID).
pub(super) fn peaks(optimizer: OptimizerKind, (low, high): (f64, f64)) -> (f64, f64) {
    match optimizer {
        OptimizerKind::Sgd => (10.0 * low, 20.0 * high),
        OptimizerKind::Adam | OptimizerKind::AdamW => (low, 3.0 * high),
    }
}

fn ask(tuner: &mut Tuner) -> Result<Option<Trial>> {
    let Some((low, high)) = tuner.settings().space.peaks else { return Ok(tuner.ask()?) };
    let [at, _] = place(tuner.settings().seed, tuner.trials().len());
    let rate = low * (high / low).powf(at);
    let schedule = Schedule::constant(rate).with_warmup(ScheduleFreeLearning::WARMUP)?;
    Ok(tuner.try_schedule(schedule, "the next rate")?)
}
