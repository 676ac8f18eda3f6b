//! Whether something can be told of a run, before anything of it is stored.

use std::sync::Arc;

use axum::http::StatusCode;
use lodecast::{Knot, Point, RateRange, Schedule};
use tokio::task::spawn_blocking;

use super::command::Command;
use super::unstored::not_stored;
use crate::decision::Choice;
use crate::http::problem::Problem;
use crate::page::server::{MOST_KNOTS, defect};
use crate::serve::entry::{Entry, Told, compare};
use crate::serve::served_run::ServedRun;
use crate::serve::settings::check_length;
use crate::serve::store::Store;

/// The entries to make of a command, and the number of points in it that are known.
pub(super) async fn to_enter(
    store: &Arc<Store>,
    key: i64,
    run: &ServedRun,
    command: Command,
) -> Result<(Vec<Entry>, usize), Problem> {
    let history = run.history();
    match command {
        Command::Tell { points, from_log } => {
            let (fresh, known) = fresh(store, key, run, points, from_log).await?;
            Ok((fresh.into_iter().map(Entry::Point).collect(), known))
        }
        Command::Extend(total_steps) => {
            check_length(total_steps)?;
            let now = history.total_steps;
            if total_steps < now {
                let title = format!("the run is planned for {now} steps, which is more than {total_steps}");
                return Err(Problem::new(StatusCode::CONFLICT, title, "a run can be made longer, not shorter"));
            }
            let entry = (total_steps > now).then_some(Entry::Extended(total_steps));
            Ok((entry.into_iter().collect(), 0))
        }
        Command::Resume(step) => {
            let goes_back = history.last_step.is_some_and(|last| step.is_none_or(|step| step < last));
            let entry = goes_back.then(|| step.map_or(Entry::BeganAgain, Entry::Resumed));
            Ok((entry.into_iter().collect(), 0))
        }
        Command::Choose(asked) => Ok((choice(run, asked)?.map(Entry::Chosen).into_iter().collect(), 0)),
        Command::HandBack => {
            let entry = history.chosen.is_some().then_some(Entry::HandedBack);
            Ok((entry.into_iter().collect(), 0))
        }
    }
}

/// Decisions of a run at most: each of them is kept, with its forecast.
const MOST_DECISIONS: usize = 2000;
/// How far beyond a bound a rate may be rounded.
const ROUNDING: f64 = 1e-9;

/// The choice as it can be made now; none if it is made already.
fn choice(run: &ServedRun, asked: Choice) -> Result<Option<Choice>, Problem> {
    let history = run.history();
    let (earliest, total_steps) = (run.earliest_choice(), history.total_steps);
    let holds = |held: &Choice| held.knots == asked.knots && asked.from_step <= held.from_step.max(earliest);
    if history.chosen.as_ref().is_some_and(holds) {
        return Ok(None);
    }
    let unsound = |title: String, remedy: &str| Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, title, remedy));
    if asked.knots.len() > MOST_KNOTS {
        return unsound("too many knots".to_owned(), &format!("a schedule may have {MOST_KNOTS}"));
    }
    if let Err(error) = (Schedule::PiecewiseLinear { knots: asked.knots.clone() }).check() {
        return unsound(error.to_string(), "send knots of rising progress from 0 to 1, with positive rates");
    }
    within(&asked.knots, run.limits())?;
    if history.decisions.len() >= MOST_DECISIONS {
        let title = format!("{MOST_DECISIONS} decisions about this run are kept already");
        return Err(Problem::new(StatusCode::CONFLICT, title, "choose no more often than you look at it"));
    }
    let from_step = asked.from_step.max(earliest);
    if !history.finished && earliest < total_steps && from_step >= total_steps {
        let title = format!("step {from_step} is beyond the end: the run's steps count up to {total_steps}");
        let remedy = "send a from_step before that, or make the run longer with .../extend";
        return Err(Problem::new(StatusCode::CONFLICT, title, remedy));
    }
    if history.finished || from_step >= total_steps {
        let remedy =
            format!("there is nothing left to change: steps count up to {total_steps}; .../extend makes a run longer");
        return Err(Problem::new(StatusCode::CONFLICT, "the run is at its end", remedy));
    }
    Ok(Some(Choice { from_step, ..asked }))
}

/// Refuses rates beyond those that a run may have: it would have others than were asked for.
pub(super) fn within(knots: &[Knot], RateRange { lowest, highest }: RateRange) -> Result<(), Problem> {
    let is_within = |rate: f64| (lowest * (1.0 - ROUNDING)..=highest * (1.0 + ROUNDING)).contains(&rate);
    let Some(Knot { progress, learning_rate }) = knots.iter().find(|knot| !is_within(knot.learning_rate)) else {
        return Ok(());
    };
    let title = format!("the rate {learning_rate} at {progress} of the run is not from {lowest} to {highest}");
    let remedy = "stay within that: the model has seen no other rates; a run made with range_factor may have more";
    Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, title, remedy))
}

/// The points that are new, and the number of the others.
async fn fresh(
    store: &Arc<Store>,
    key: i64,
    run: &ServedRun,
    points: Vec<Point>,
    from_log: bool,
) -> Result<(Vec<Point>, usize), Problem> {
    let mut last = run.history().last_step;
    let total_steps = run.history().total_steps;
    let mut fresh: Vec<Point> = Vec::with_capacity(points.len());
    let mut known = 0;
    for point in points {
        let step = point.step;
        if step > total_steps {
            if from_log {
                continue;
            }
            let title = format!("step {step} is beyond the planned end at {total_steps}");
            let remedy = "make the run longer first: POST .../extend with {\"total_steps\": STEPS}";
            return Err(Problem::new(StatusCode::CONFLICT, title, remedy));
        }
        let Some(passed) = last.filter(|&last| step <= last) else {
            last = Some(step);
            fresh.push(point);
            continue;
        };
        let reading = Arc::clone(store);
        let stored = spawn_blocking(move || reading.at_step(key, step)).await.map_err(|_| defect())?;
        let mut there = stored.map_err(not_stored)?;
        there.extend(fresh.iter().filter(|fresh| fresh.step == step));
        match (compare(&point, &there), step == passed) {
            (Told::Known, _) => known += 1,
            (Told::News, true) => fresh.push(point),
            (Told::Otherwise, true) if from_log => fresh.push(point),
            _ if from_log => known += 1,
            (Told::Otherwise, _) if fresh.iter().any(|fresh| fresh.step == step) => {
                let title = format!("these points have two values of step {step}");
                return Err(Problem::new(StatusCode::CONFLICT, title, "send one of them"));
            }
            (Told::Otherwise, _) => {
                let title = format!("something else was told of step {step} before");
                let remedy = "a training that goes on from a checkpoint says so first: POST .../resume with {\"step\": STEP}, \
                              and one that begins again {\"step\": null}";
                return Err(Problem::new(StatusCode::CONFLICT, title, remedy));
            }
            (Told::News, false) => {
                let title = format!("step {step} came after step {passed}");
                let remedy = "tell steps in their order; a training that goes on from a checkpoint says so first: POST \
                              .../resume with {\"step\": STEP}";
                return Err(Problem::new(StatusCode::CONFLICT, title, remedy));
            }
        }
    }
    Ok((fresh, known))
}
