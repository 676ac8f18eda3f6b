//! The pages: the list of runs, one run, and how a browser gets in where tokens are asked for.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Json, Path, Request, State as Of};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Redirect, Response};
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_stream::wrappers::WatchStream;
use tokio_stream::{Stream, StreamExt};

use super::State;
use super::request::body;
use crate::http::assets::{json_text, typed};
use crate::http::problem::Problem;
use crate::page::server::{HEARTBEAT, Question, answer, defect};
use crate::page::view::View;
use crate::serve::runs::Opened;
use crate::serve::tokens::COOKIE;

/// A browser hears of a run at most so often.
const EVERY: Duration = Duration::from_millis(250);

pub(super) async fn list() -> Html<&'static str> {
    Html(include_str!("../list.html"))
}

pub(super) async fn list_script() -> Response {
    typed("text/javascript; charset=utf-8", include_str!("../list.js"))
}

/// The run as it is now, and the number of its entries.
async fn shown(state: &State, opened: &Arc<Opened>) -> (String, u64) {
    let slot = opened.slot().await;
    let (subject, points) = slot.run.shown(state.runs.target);
    let view = View::of(&subject, points, opened.absent().as_deref());
    (serde_json::to_string(&view).unwrap_or_default(), slot.number)
}

pub(super) async fn view(Of(state): Of<State>, Path(run): Path<String>) -> Result<Response, Problem> {
    let opened = state.runs.get(&run).await?;
    Ok(json_text(shown(&state, &opened).await.0))
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
            let (json, number) = shown(&state, &opened).await;
            sleep(EVERY).await;
            Ok(Event::default().id(number.to_string()).event("view").data(json))
        }
    });
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
    let asking = spawn_blocking(move || run.what_if(&question.knots, from_step));
    answer(asking.await.map_err(|_| defect())?, total_steps)
}

/// Leads a browser that wants a page to where it can say its token.
pub(super) fn to_log_in(request: &Request<Body>) -> Option<Response> {
    let is_led = request.method() == Method::GET && wants_page(request.headers());
    is_led.then(|| Redirect::to("/login").into_response())
}

/// Is it a browser that asks?
fn wants_page(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|accepts| accepts.to_str().ok())
        .is_some_and(|accepts| accepts.contains("text/html"))
}

pub(super) async fn login() -> Html<&'static str> {
    Html(include_str!("../login.html"))
}

/// Keeps a token to read with in the browser. One that may not read is asked for again.
pub(super) async fn log_in(Of(state): Of<State>, headers: HeaderMap, sent: Body) -> Result<Response, Problem> {
    let form = body(sent).await?;
    let token = std::str::from_utf8(&form).ok().and_then(|form| form.trim().strip_prefix("token=")).unwrap_or_default();
    let as_header = HeaderValue::try_from(format!("Bearer {token}"));
    let said: HeaderMap = as_header.ok().map(|value| (header::AUTHORIZATION, value)).into_iter().collect();
    if let Err(problem) = state.tokens.check_reader(&said) {
        if !wants_page(&headers) {
            return Err(problem);
        }
        let again =
            include_str!("../login.html").replace("<h1>lodecast</h1>", "<h1>That token opens nothing here</h1>");
        return Ok((problem.status, Html(again)).into_response());
    }
    let cookie = format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict");
    let mut response = Redirect::to("/").into_response();
    let cookie = HeaderValue::try_from(cookie)
        .map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "that is no token", "give one of the token file"))?;
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}
