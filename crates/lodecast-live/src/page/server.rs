//! The server of the page: a few routes on loopback, with limits on everything that is sent to it.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Json, Request, State as Of, rejection::JsonRejection};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use lodecast::{Forecast, Knot};
use serde::Deserialize;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;
use tokio_stream::wrappers::WatchStream;
use tokio_stream::{Stream, StreamExt};

use super::shown::{Asked, Shown};
use super::view::Course;
use crate::http::connections::PATIENCE;
use crate::http::listener::Listener;
use crate::http::pace::Pace;
use crate::http::problem::Problem;
use crate::http::unread::Unread;
use crate::http::{assets, connections, guard};

/// Connections at once.
const CONNECTIONS: usize = 64;
/// Requests a second, and twice as many at once: many more than browsers make, and fewer than would keep a training from its work.
pub(super) const LOOKS: f64 = 200.0;
/// Bytes of a body.
const BODY_BYTES: usize = 64 << 10;
/// A browser hears something at least this often.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(15);
/// Knots of a schedule that is asked about.
pub(crate) const MOST_KNOTS: usize = 256;

/// What the routes share.
#[derive(Clone)]
pub(super) struct State {
    pub(super) names: guard::OwnNames,
    pub(super) shown: watch::Receiver<Arc<Shown>>,
    pub(super) asked: Arc<Mutex<Option<Asked>>>,
    pub(super) looks: Arc<Pace>,
    /// For those who want to hear of the end.
    pub(super) listening: Weak<()>,
}

/// Serves until told to stop.
pub(super) async fn serve(listener: Listener, state: State, stopped: oneshot::Receiver<()>) {
    connections::serve(listener, routes(state), CONNECTIONS, stopped).await;
}

fn routes(state: State) -> Router {
    Router::new()
        .route("/", get(assets::run_page))
        .merge(assets::routes())
        .merge(assets::style())
        .route("/view", get(view))
        .route("/saved", get(saved))
        .route("/events", get(events))
        .route("/what-if", post(what_if))
        .fallback(|| async { Problem::new(StatusCode::NOT_FOUND, "nothing is there", "the page is at /") })
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(middleware::from_fn_with_state(state.clone(), guarded))
        .with_state(state)
}

/// Lets in who may, in time, and gives every answer its headers.
async fn guarded(Of(state): Of<State>, request: Request<Body>, next: Next) -> Response {
    let (request, unread) = Unread::of(request);
    let answering = async {
        if let Some(objection) = state.names.objection(request.headers()) {
            return Problem::new(StatusCode::FORBIDDEN, "not let in", objection).into_response();
        }
        if let Err(problem) = state.looks.take("wait a second; whoever watches the run asks for its events once") {
            return problem.into_response();
        }
        next.run(request).await
    };
    let answered = timeout(PATIENCE, answering).await;
    let mut response = answered.unwrap_or_else(|_| too_slow().into_response());
    with_headers(&mut response);
    unread.said_in(&mut response);
    response
}

/// Gives an answer the headers that every one has.
pub(crate) fn with_headers(response: &mut Response) {
    for (name, value) in guard::HEADERS {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
}

pub(crate) fn too_slow() -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "it took too long", "send it again, or less of it")
}

fn unknown_yet() -> Problem {
    let remedy = "the run's length is not known yet: wait";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "nothing is known yet", remedy)
}

async fn view(Of(state): Of<State>) -> Result<Response, Problem> {
    let json = state.shown.borrow().json.clone();
    if json.is_empty() { Err(unknown_yet()) } else { Ok(assets::json_text(json)) }
}

/// The page as it is now, to be kept.
async fn saved(Of(state): Of<State>) -> Result<Response, Problem> {
    let json = state.shown.borrow().json.clone();
    if json.is_empty() { Err(unknown_yet()) } else { Ok(assets::saved_page(&json)) }
}

/// The run whenever it changes, from what the browser has not yet; and that nothing comes any more.
async fn events(Of(state): Of<State>, headers: HeaderMap) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let known = headers.get("last-event-id").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
    let news =
        WatchStream::new(state.shown).filter(move |shown| shown.ended || !shown.json.is_empty() && shown.id != known);
    let mut listening = state.listening.upgrade();
    let events = news.map(move |shown| {
        if shown.ended {
            drop(listening.take());
            // What came just before it may not have been sent.
            let last = if shown.json.is_empty() { "null" } else { &shown.json };
            return Ok(Event::default().event("ended").data(last));
        }
        Ok(Event::default().id(&shown.id).event("view").data(&shown.json))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT))
}

/// Another schedule, from a step on.
#[derive(Debug, Deserialize)]
pub(crate) struct Question {
    pub(crate) from_step: u64,
    pub(crate) knots: Vec<Knot>,
}

impl Question {
    /// The question in a request, unless it asks too much.
    pub(crate) fn of(question: Result<Json<Self>, JsonRejection>) -> Result<Self, Problem> {
        let Json(question) = question.map_err(|rejection| {
            let remedy = "send {\"from_step\": STEP, \"knots\": [{\"progress\": 0.5, \"learning_rate\": 0.01}, ...]}";
            Problem::new(rejection.status(), rejection.body_text(), remedy)
        })?;
        if question.knots.len() > MOST_KNOTS {
            return Err(Problem::new(StatusCode::BAD_REQUEST, "too many knots", "a schedule may have 256"));
        }
        Ok(question)
    }

    /// The first step that it can still be about.
    pub(crate) fn from(&self, earliest_change: u64, total_steps: u64) -> Result<u64, Problem> {
        let from_step = self.from_step.max(earliest_change);
        if from_step < total_steps {
            return Ok(from_step);
        }
        Err(Problem::new(StatusCode::CONFLICT, "the run is at its end", "there is nothing left to change"))
    }
}

/// What came of asking the model.
pub(crate) fn answer(asked: crate::error::Result<Forecast>, total_steps: u64) -> Result<Response, Problem> {
    match asked {
        Ok(forecast) => {
            Ok(assets::json_text(serde_json::to_string(&Course::of(&forecast, total_steps)).unwrap_or_default()))
        }
        Err(error) => Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "no forecast", error.to_string())),
    }
}

pub(crate) fn defect() -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "that failed", "this is a defect of lodecast")
}

/// What would be if it were followed? Nothing is decided.
async fn what_if(Of(state): Of<State>, question: Result<Json<Question>, JsonRejection>) -> Result<Response, Problem> {
    let question = Question::of(question)?;
    let asked = state.asked.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let Asked { run, points } = asked.ok_or_else(unknown_yet)?;
    let total_steps = run.state().total_steps;
    let from_step = question.from(run.earliest_change(&points), total_steps)?;
    let asking = tokio::task::spawn_blocking(move || run.what_if(&points, &question.knots, from_step));
    answer(asking.await.map_err(|_| defect())?, total_steps)
}
