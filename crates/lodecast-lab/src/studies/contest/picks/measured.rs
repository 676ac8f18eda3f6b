//! Rules that take a schedule from what was measured, and train nothing.

use lodecast::Schedule;

use super::rule::Taking;
use crate::error::Result;

pub(super) fn best_run(taking: &Taking<'_>) -> Result<Schedule> {
    let best = &taking.recommended.best_run.run;
    let asked = taking.tuner.trials().iter().find(|record| record.trial.name == *best);
    asked.map_or_else(|| Ok(ours(taking)), |record| Ok(record.trial.schedule.clone()))
}

pub(super) fn plain_process(taking: &Taking<'_>) -> Result<Schedule> {
    let choice = taking.recommended.choices.iter().find(|choice| choice.name == "plain process alone");
    choice.map_or_else(|| best_run(taking), |choice| Ok(choice.schedule.clone()))
}

pub(super) fn ours(taking: &Taking<'_>) -> Schedule {
    taking.recommended.schedule.clone()
}
