//! The pages: the list of runs, and one run.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Json, Path, State as Of};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, Response};
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_stream::wrappers::WatchStream;
use tokio_stream::{Stream, StreamExt};

use super::state::State;
use crate::http::assets::{json_text, saved_page, typed};
use crate::http::problem::Problem;
use crate::page::server::{HEARTBEAT, Question, answer, defect};
use crate::page::view::View;
use crate::serve::runs::Opened;

/// A browser hears of a run at most so often.
const EVERY: Duration = Duration::from_millis(250);

pub(super) async fn list() -> Html<&'static str> {
    Html(include_str!("../list.html"))
}

pub(super) async fn list_script() -> Response {
    typed("text/javascript; charset=utf-8", include_str!("../list.js"))
}

/// The run as it is now, and the number of its entries.
async fn shown(state: &State, opened: &Arc<Opened>) -> Result<(String, u64), Problem> {
    let (hosted, total_steps) = {
        let slot = opened.slot().await;
        (Arc::clone(slot.run.hosted()), slot.run.history().total_steps)
    };
    // The model may be asked for it: neither the run nor other answers wait meanwhile.
    let bests = Arc::clone(&state.bests);
    let making = spawn_blocking(move || bests.of(&hosted.model, total_steps));
    let best = making.await.map_err(|_| defect())?;
    let slot = opened.slot().await;
    let (subject, points) = slot.run.shown(state.runs.target);
    let view = View::of(&subject, points, opened.absent().as_deref(), best);
    Ok((view.to_json(), slot.number))
}

pub(super) async fn view(Of(state): Of<State>, Path(run): Path<String>) -> Result<Response, Problem> {
    let opened = state.runs.get(&run).await?;
    Ok(json_text(shown(&state, &opened).await?.0))
}

/// The page as it is now, to be kept.
pub(super) async fn saved(Of(state): Of<State>, Path(run): Path<String>) -> Result<Response, Problem> {
    let opened = state.runs.get(&run).await?;
    Ok(saved_page(&shown(&state, &opened).await?.0))
}

/// The run whenever it changes, from what the browser has not yet. What it has is the number of the run's entries, which stands over restarts.
pub(super) async fn events(
    Of(state): Of<State>,
    Path(run): Path<String>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let opened = state.runs.get(&run).await?;
    let known = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse::<u64>().ok());
    let news = WatchStream::new(opened.news()).filter(move |&number| Some(number) != known);
    let events = news.then(move |_| {
        let (state, opened) = (state.clone(), Arc::clone(&opened));
        async move {
            let shown = shown(&state, &opened).await;
            sleep(EVERY).await;
            shown.ok().map(|(json, number)| Event::default().id(number.to_string()).event("view").data(json))
        }
    });
    let events = events.filter_map(|event| event.map(Ok));
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)))
}

/// What would be if another schedule were followed? Nothing is decided.
pub(super) async fn what_if(
    Of(state): Of<State>,
    Path(run): Path<String>,
    question: Result<Json<Question>, JsonRejection>,
) -> Result<Response, Problem> {
    let question = Question::of(question)?;
    let opened = state.runs.get(&run).await?;
    let run = opened.slot().await.run.clone();
    let total_steps = run.history().total_steps;
    let from_step = question.from(run.shown(None).0.earliest_change, total_steps)?;
    // However many ask, some of the cores are left for rates.
    let _turn = state.runs.turn_to_ask().await;
    let asking = spawn_blocking(move || run.what_if(&question.knots, from_step));
    answer(asking.await.map_err(|_| defect())?, total_steps)
}
