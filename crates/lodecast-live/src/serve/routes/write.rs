//! What can be told of a run.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State as Of};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::read::plain;
use super::request::{body, json as read_json};
use super::state::State;
use crate::decision::Choice;
use crate::http::problem::Problem;
use crate::serve::form;
use crate::serve::runs::{Command, Outcome, outcome};
use crate::serve::settings::RunSettings;

/// Makes a run.
pub(super) async fn create(Of(state): Of<State>, Path(run): Path<String>, sent: Body) -> Result<Response, Problem> {
    let settings = RunSettings::of(&body(sent).await?)?;
    let (opened, is_new) = state.runs.create(&run, settings).await?;
    let outcome = outcome(&opened.slot().await.run, 0, 0);
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(outcome)).into_response())
}

/// A point in, the next learning rate out.
pub(super) async fn step(Of(state): Of<State>, Path(run): Path<String>, sent: Body) -> Result<Response, Problem> {
    let form = body(sent).await?;
    let opened = state.runs.get(&run).await?;
    let point = form::point(&form, opened.metric())?;
    let step = point.step;
    let command = Command::Tell { points: vec![point], from_log: false };
    let outcome = state.runs.apply(&run, command).await?;
    if outcome.last_step == Some(step) {
        return Ok(plain(outcome.learning_rate));
    }
    // It was told before, and so much more since.
    Ok(plain(opened.slot().await.run.learning_rate(step.saturating_add(1))))
}

/// Many points in.
pub(super) async fn points(
    Of(state): Of<State>,
    Path(run): Path<String>,
    sent: Body,
) -> Result<Json<Outcome>, Problem> {
    let points = form::batch(&body(sent).await?)?;
    state.runs.apply(&run, Command::Tell { points, from_log: false }).await.map(Json)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Extension {
    total_steps: u64,
}

/// Makes a run longer.
pub(super) async fn extend(
    Of(state): Of<State>,
    Path(run): Path<String>,
    sent: Body,
) -> Result<Json<Outcome>, Problem> {
    let Extension { total_steps } = read_json(&body(sent).await?, "send {\"total_steps\": STEPS}")?;
    state.runs.apply(&run, Command::Extend(total_steps)).await.map(Json)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Resumption {
    // It has to be said, also that there is none.
    #[serde(deserialize_with = "Option::deserialize")]
    step: Option<u64>,
}

/// Has a run go on from a checkpoint.
pub(super) async fn resume(
    Of(state): Of<State>,
    Path(run): Path<String>,
    sent: Body,
) -> Result<Json<Outcome>, Problem> {
    let remedy = "send {\"step\": STEP}, the last step that the checkpoint has behind it; or null, where the training begins again";
    let Resumption { step } = read_json(&body(sent).await?, remedy)?;
    state.runs.apply(&run, Command::Resume(step)).await.map(Json)
}

/// Has a schedule hold that somebody chose, until it is handed back.
pub(super) async fn choose(
    Of(state): Of<State>,
    Path(run): Path<String>,
    sent: Body,
) -> Result<Json<Outcome>, Problem> {
    let remedy = "send {\"from_step\": STEP, \"knots\": [{\"progress\": 0.5, \"learning_rate\": 0.01}, ...]}";
    let choice: Choice = read_json(&body(sent).await?, remedy)?;
    state.runs.apply(&run, Command::Choose(choice)).await.map(Json)
}

/// Has lodecast decide again.
pub(super) async fn hand_back(Of(state): Of<State>, Path(run): Path<String>) -> Result<Json<Outcome>, Problem> {
    state.runs.apply(&run, Command::HandBack).await.map(Json)
}

/// Has the server follow the run in a log.
pub(super) async fn source(Of(state): Of<State>, Path(run): Path<String>, sent: Body) -> Result<Response, Problem> {
    state.sources.put(&state.runs, &run, &body(sent).await?).await?;
    Ok(Json(json!({"followed": true})).into_response())
}
