//! The server of the page: a few routes on loopback, with limits on everything that is sent to it.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Json, Request, State as Of, rejection::JsonRejection};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, response::Html};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use lodecast::Knot;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::time::timeout;
use tokio_stream::wrappers::WatchStream;
use tokio_stream::{Stream, StreamExt};

use super::view::Course;
use super::{Asked, Shown, guard};

/// Connections at once.
const CONNECTIONS: usize = 64;
/// Bytes of a body, and of the head of a request.
const BODY_BYTES: usize = 64 << 10;
const HEAD_BYTES: usize = 16 << 10;
const HEADERS: usize = 64;
/// Time that a request may take to arrive, and an answer to be made.
const PATIENCE: Duration = Duration::from_secs(10);
/// A browser hears something at least this often.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Knots of a schedule that is asked about.
const MOST_KNOTS: usize = 256;

/// What the routes share.
#[derive(Clone)]
pub(super) struct State {
    pub(super) address: SocketAddr,
    pub(super) shown: watch::Receiver<Arc<Shown>>,
    pub(super) asked: Arc<Mutex<Option<Asked>>>,
}

/// Serves until told to stop.
pub(super) async fn serve(listener: TcpListener, state: State, mut stopped: oneshot::Receiver<()>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let service = TowerToHyperService::new(routes(state));
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            _ = &mut stopped => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, perhaps: they come back.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        // Who comes when all places are taken is sent away by the closing of the connection.
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let service = service.clone();
        tokio::spawn(async move {
            let mut connection = http1::Builder::new();
            connection.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
            connection.max_buf_size(HEAD_BYTES).max_headers(HEADERS);
            let _ended = connection.serve_connection(TokioIo::new(stream), service).await;
            drop(place);
        });
    }
}

fn routes(state: State) -> Router {
    Router::new()
        .route("/", get(|| async { Html(include_str!("index.html")) }))
        .route("/page.css", get(|| async { typed("text/css; charset=utf-8", include_str!("page.css")) }))
        .route("/page.js", get(|| async { typed("text/javascript; charset=utf-8", include_str!("page.js")) }))
        .route("/plot.js", get(|| async { typed("text/javascript; charset=utf-8", include_str!("plot.js")) }))
        .route("/view", get(view))
        .route("/events", get(events))
        .route("/what-if", post(what_if))
        .fallback(|| async { problem(StatusCode::NOT_FOUND, "nothing is there", "the page is at /") })
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(middleware::from_fn_with_state(state.clone(), guarded))
        .with_state(state)
}

fn typed(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

/// What went wrong, and what to do (RFC 9457).
fn problem(status: StatusCode, title: &str, detail: &str) -> Response {
    let body = json!({"title": title, "status": status.as_u16(), "detail": detail}).to_string();
    (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
}

/// Lets in who may, in time, and gives every answer its headers.
async fn guarded(Of(state): Of<State>, request: Request<Body>, next: Next) -> Response {
    let mut response = match guard::objection(request.headers(), state.address) {
        Some(objection) => problem(StatusCode::FORBIDDEN, "not let in", &objection),
        None => match timeout(PATIENCE, next.run(request)).await {
            Ok(response) => response,
            Err(_) => problem(StatusCode::REQUEST_TIMEOUT, "it took too long", "send it again, or less of it"),
        },
    };
    for (name, value) in guard::HEADERS {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

async fn view(Of(state): Of<State>) -> Response {
    let json = state.shown.borrow().json.clone();
    if json.is_empty() {
        return problem(
            StatusCode::SERVICE_UNAVAILABLE,
            "nothing is known yet",
            "the run's length is not known yet: wait",
        );
    }
    ([(header::CONTENT_TYPE, "application/json")], json).into_response()
}

/// The run whenever it changes, from what the browser has not yet.
async fn events(Of(state): Of<State>, headers: HeaderMap) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let known = headers.get("last-event-id").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
    let news = WatchStream::new(state.shown).filter(move |shown| !shown.json.is_empty() && shown.id != known);
    let events = news.map(|shown| Ok(Event::default().id(&shown.id).event("view").data(&shown.json)));
    Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT))
}

/// Another schedule, from a step on.
#[derive(Debug, Deserialize)]
struct Question {
    from_step: u64,
    knots: Vec<Knot>,
}

/// What would be if it were followed? Nothing is decided.
async fn what_if(Of(state): Of<State>, question: Result<Json<Question>, JsonRejection>) -> Response {
    let Json(question) = match question {
        Ok(question) => question,
        Err(rejection) => {
            let remedy = "send {\"from_step\": STEP, \"knots\": [{\"progress\": 0.5, \"learning_rate\": 0.01}, ...]}";
            return problem(rejection.status(), &rejection.body_text(), remedy);
        }
    };
    if question.knots.len() > MOST_KNOTS {
        return problem(StatusCode::BAD_REQUEST, "too many knots", "a schedule may have 256");
    }
    let asked = state.asked.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let Some(Asked { run, points }) = asked else {
        return problem(
            StatusCode::SERVICE_UNAVAILABLE,
            "nothing is known yet",
            "the run's length is not known yet: wait",
        );
    };
    let total_steps = run.state().total_steps;
    // One may only ask about what can still be changed.
    let from_step = question.from_step.max(run.earliest_change(&points));
    if from_step >= total_steps {
        return problem(StatusCode::CONFLICT, "the run is at its end", "there is nothing left to change");
    }
    let answered = tokio::task::spawn_blocking(move || run.what_if(&points, &question.knots, from_step)).await;
    match answered {
        Ok(Ok(forecast)) => {
            let answer = serde_json::to_string(&Course::of(&forecast, total_steps)).unwrap_or_default();
            ([(header::CONTENT_TYPE, "application/json")], answer).into_response()
        }
        Ok(Err(error)) => problem(StatusCode::UNPROCESSABLE_ENTITY, "no forecast", &error.to_string()),
        Err(_) => problem(StatusCode::INTERNAL_SERVER_ERROR, "the forecast failed", "this is a defect of lodecast"),
    }
}
