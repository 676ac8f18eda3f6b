//! What can be read of the runs.

use axum::Json;
use axum::extract::{Path, RawQuery, State as Of};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

use super::request::{number, only, query, wait};
use super::state::State;
use crate::http::problem::Problem;
use crate::page::server::defect;
use crate::serve::runs::not_stored;
use crate::serve::which::Which;

/// Runs of a list at most.
const MOST: u64 = 1000;

/// The runs, the latest first: `q` is in their id, `which` of them, `after` so many, `limit` of them.
pub(super) async fn list(Of(state): Of<State>, RawQuery(text): RawQuery) -> Result<Json<Value>, Problem> {
    let text = text.as_deref();
    only(text, &["q", "which", "after", "limit"])?;
    let after = number(text, "after")?.unwrap_or(0);
    let most = number(text, "limit")?.unwrap_or(100).min(MOST);
    let holds = query(text, "q").unwrap_or_default().to_owned();
    let which = Which::named(query(text, "which"))?;
    let store = state.runs.store.clone();
    let listing = spawn_blocking(move || store.list(&holds, which, after, most));
    let (runs, count) = listing.await.map_err(|_| defect())?.map_err(not_stored)?;
    Ok(Json(json!({"runs": runs, "count": count})))
}

/// A run: what became of it.
pub(super) async fn run(Of(state): Of<State>, Path(run): Path<String>) -> Result<Json<Value>, Problem> {
    let opened = state.runs.get(&run).await?;
    let slot = opened.slot().await;
    let mut summary = opened.summary(&slot.run, state.runs.target);
    let outcome = crate::serve::runs::outcome(&slot.run, 0, 0);
    summary["id"] = json!(opened.id);
    summary["settings"] = json!(opened.settings);
    summary["last_step"] = json!(outcome.last_step);
    summary["learning_rate"] = json!(outcome.learning_rate);
    summary["effective_from_step"] = json!(outcome.effective_from_step);
    summary["decisions"] = json!(slot.run.history().decisions);
    summary["source"] = json!({"absent": opened.absent()});
    Ok(Json(summary))
}

/// The schedule, as soon as there is one after revision `after_revision`, or after `wait` seconds.
pub(super) async fn schedule(
    Of(state): Of<State>,
    Path(run): Path<String>,
    RawQuery(text): RawQuery,
) -> Result<Response, Problem> {
    only(text.as_deref(), &["after_revision", "wait"])?;
    let after = number(text.as_deref(), "after_revision")?;
    let until = Instant::now() + wait(text.as_deref())?;
    let opened = state.runs.get(&run).await?;
    let mut news = opened.news();
    loop {
        news.mark_unchanged();
        let told = {
            let slot = opened.slot().await;
            let is_news = after.is_none_or(|after| slot.run.revision() > after);
            (is_news || Instant::now() >= until).then(|| slot.run.told())
        };
        if let Some(told) = told {
            return Ok(Json(told).into_response());
        }
        // Whether there was news or not: look.
        let _ = timeout_at(until, news.changed()).await;
    }
}

/// The learning rate of a step, or of the next one, as a number.
pub(super) async fn learning_rate(
    Of(state): Of<State>,
    Path(run): Path<String>,
    RawQuery(text): RawQuery,
) -> Result<Response, Problem> {
    only(text.as_deref(), &["step"])?;
    let step = number(text.as_deref(), "step")?;
    let opened = state.runs.get(&run).await?;
    let slot = opened.slot().await;
    let next = slot.run.history().last_step.map_or(0, |last| last.saturating_add(1));
    Ok(plain(slot.run.learning_rate(step.unwrap_or(next))))
}

/// A number as a line of text, to its last bit.
pub(super) fn plain(number: f64) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], format!("{number:?}\n")).into_response()
}

/// The models' names.
pub(super) async fn models(Of(state): Of<State>) -> Result<Json<Value>, Problem> {
    let runs = state.runs.clone();
    let names = spawn_blocking(move || runs.models.names()).await.map_err(|_| defect())?;
    let names = names.map_err(|_| {
        let remedy = "look at the folder of --models";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the models cannot be listed", remedy)
    })?;
    Ok(Json(json!({"models": names})))
}

/// What has been counted, for Prometheus.
pub(super) async fn metrics(Of(state): Of<State>) -> Result<Response, Problem> {
    let runs = state.runs.clone();
    let counted = spawn_blocking(move || runs.store.list("", Which::All, 0, 0).map(|(_, count)| count));
    let count = counted.await.map_err(|_| defect())?.map_err(not_stored)?;
    let text = state.runs.counters.text(count, state.runs.in_memory());
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}
