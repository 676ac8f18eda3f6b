//! The planner of the controlled model (method section 6): what if I set this rate?

mod board;
mod settings;

use rayon::prelude::*;

pub(super) use board::prediction;
pub use settings::ControlledSettings;

use self::board::Board;
use super::explanation::{Candidate, Origin, Plan, Prediction, Verdict};
use super::known::KnownSchedules;
use super::remaining::Remaining;
use super::search::{CrossEntropy, SearchFamily, Shape};
use super::situation::Situation;
use crate::error::Result;
use crate::experience::RateRange;
use crate::model::{ControlledForecaster, Interval, Opening};
use crate::random::{Purpose, stream};

/// How many of the best candidates keep their schedule in the plan.
const SHOWN: usize = 12;

pub(super) fn plan(
    model: &dyn ControlledForecaster,
    settings: &ControlledSettings,
    situation: &Situation<'_>,
) -> Result<Plan> {
    let experience = model.experience();
    if let Some(objection) = model.objection(situation.observed, situation.total_steps, settings.surprise_limit) {
        return Ok(situation.keep(objection, Vec::new()));
    }
    if situation.observed.is_empty()
        && let Some(plan) = opening(model, situation)?
    {
        return Ok(plan);
    }
    // Too high a rate wrecks a run, so the good configurations bound it; too low a one only wastes time, so every run does.
    let range = RateRange {
        lowest: experience.learning_rates.lowest.min(experience.good_learning_rates.lowest),
        highest: experience.good_learning_rates.highest,
    };
    let remaining = &Remaining::new(situation, experience, range, settings.ramp);
    let mut board = Board {
        model,
        outlook: model.outlook(situation.observed, situation.total_steps, situation.now)?,
        settings,
        situation,
        remaining,
        known: KnownSchedules::new(experience, remaining, settings.knots),
        candidates: Vec::new(),
        schedules: Vec::new(),
        rewards: Vec::new(),
    };
    let mut entries = vec![(Origin::InForce, situation.in_force.clone())];
    entries.extend(experience.configurations.iter().map(|configuration| {
        (Origin::Sweep { name: configuration.name.clone() }, remaining.rest_of(&configuration.schedule))
    }));
    board.judge(entries)?;
    // What a run followed before its first plan was nobody's pick, and a plan that an objection forestalled picked nothing.
    if settings.keep_pick && model.picks_whole_schedules() && situation.picked {
        return Ok(keep_pick(board));
    }
    let shape = match settings.family {
        SearchFamily::FreeKnots => Some(Shape::FreeKnots { knots: settings.knots }),
        SearchFamily::HoldAndAnneal => Some(Shape::HoldAndAnneal),
        SearchFamily::SweepOnly => None,
    };
    if let Some(shape) = shape {
        search(&mut board, shape)?;
    }
    Ok(decide(board))
}

/// The plan of a model that picks the schedule of a whole run by a rule of its own; `None` if it has none.
fn opening(model: &dyn ControlledForecaster, situation: &Situation<'_>) -> Result<Option<Plan>> {
    let openings = model.openings(situation.total_steps, situation.seed)?;
    let Some(picked) = openings.first() else { return Ok(None) };
    let predicted = |opening: &Opening| {
        let Interval { mean, low, high } = opening.predicted;
        Prediction { metric: mean, spread: 0.5 * (high - low) }
    };
    let candidate = |opening: &Opening| Candidate {
        prediction: Some(predicted(opening)),
        schedule: Some(opening.schedule.clone()),
        interval: Some(opening.predicted),
        probability_better_than_best: Some(opening.probability_better_than_best),
        ..Candidate::new(Origin::Opening { name: opening.name.clone() })
    };
    let mut candidates: Vec<Candidate> = openings.iter().map(candidate).collect();
    candidates[0].verdict = Verdict::Chosen;
    let Interval { mean, low, high } = picked.predicted;
    // A few hundred draws of an assumed posterior are no certainty.
    let chance = match picked.probability_better_than_best {
        chance if chance > 0.99 => "more than 99 %".to_owned(),
        chance if chance < 0.01 => "less than 1 %".to_owned(),
        chance => format!("{:.0} %", 100.0 * chance),
    };
    let ends = format!("ends at {mean:.4} ({low:.4} to {high:.4} in two of three runs)");
    let reason = if model.experience().is_before_any_run() {
        format!("picked by the prior alone, since there is no run to learn from: {ends}")
    } else {
        format!("picked by law and process: {ends}; better than the best measured schedule with {chance} probability")
    };
    Ok(Some(Plan {
        schedule: picked.schedule.clone(),
        changed: picked.schedule != *situation.in_force,
        reason,
        now: situation.now,
        replan: situation.replan,
        prediction: Some(predicted(picked)),
        candidates,
    }))
}

fn search(board: &mut Board<'_>, shape: Shape) -> Result<()> {
    let remaining = board.remaining;
    let mut search = CrossEntropy::new(shape, remaining, board.settings.elite);
    let scored = |board: &Board<'_>, index: usize| board.total(index).unwrap_or(f64::NEG_INFINITY);
    search.tell(
        (0..board.schedules.len())
            .map(|index| (scored(board, index), shape.project(remaining, &board.schedules[index]))),
    );
    let mut random = stream(board.situation.seed, Purpose::Candidate, board.situation.replan);
    for round in 1..=board.settings.rounds {
        let samples = search.ask(&mut random, board.settings.population);
        let first = board.schedules.len();
        let entries = samples
            .par_iter()
            .map(|parameters| (Origin::Search { round }, shape.schedule(remaining, parameters)))
            .collect();
        board.judge(entries)?;
        search.tell(samples.into_iter().enumerate().map(|(k, parameters)| (scored(board, first + k), parameters)));
    }
    Ok(())
}

/// Keeps the schedule in force, and says what it and those of the sweep will reach.
fn keep_pick(mut board: Board<'_>) -> Plan {
    let in_force = &mut board.candidates[0];
    in_force.schedule = Some(board.schedules[0].clone());
    in_force.verdict = Verdict::Chosen;
    let prediction = in_force.prediction;
    let reason = "the schedule is kept to its end: this form of model picks a whole schedule once, and its pick stands"
        .to_owned();
    Plan { prediction, ..board.situation.keep(reason, board.candidates) }
}

/// Takes the best candidate, unless the schedule in force (the first candidate) is as good as far as the model can tell.
fn decide(mut board: Board<'_>) -> Plan {
    let in_force = 0;
    let mut order: Vec<(f64, usize)> =
        (0..board.schedules.len()).filter_map(|index| Some((board.total(index)?, index))).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0));
    for &(_, index) in order.iter().take(SHOWN).chain([&(0.0, in_force)]) {
        board.candidates[index].schedule = Some(board.schedules[index].clone());
    }
    let Some(&(total, best)) = order.first() else {
        let reason = Plan::commonest_rejection(&board.candidates).map_or_else(String::new, |(reason, _)| reason);
        return board.situation.keep(format!("no prediction can be used: {reason}"), board.candidates);
    };
    let (chosen, reason) = match board.total(in_force) {
        Some(_) if best == in_force => (in_force, "no candidate is predicted to do better".to_owned()),
        Some(current) => {
            let (gain, doubt) = (total - current, board.settings.required_gain * board.doubt(best, in_force));
            let origin = &board.candidates[best].origin;
            if gain > doubt {
                (best, format!("{origin} gains {gain:.3} in score, more than the doubt of {doubt:.3}"))
            } else {
                (in_force, format!("{origin} gains {gain:.3} in score, within the doubt of {doubt:.3}"))
            }
        }
        None => (best, format!("{} is the best with a usable prediction", board.candidates[best].origin)),
    };
    board.candidates[chosen].verdict = Verdict::Chosen;
    Plan {
        schedule: board.schedules[chosen].clone(),
        changed: chosen != in_force,
        reason,
        now: board.remaining.now(),
        replan: board.situation.replan,
        prediction: board.candidates[chosen].prediction,
        candidates: board.candidates,
    }
}
