//! What a server answers to. Reading and writing have gates of their own.

mod login;
mod pages;
mod read;
mod request;
mod state;
mod write;

use axum::Router;
use axum::body::Body;
use axum::extract::{RawPathParams, Request, State as Of};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};

pub(super) use self::state::State;
use crate::http::assets;
use crate::http::problem::Problem;
use crate::http::unread::Unread;
use crate::page::server::with_headers;
use crate::serve::readers::Reader;

/// All of them.
pub(super) fn routes(state: State) -> Router {
    let showing = Router::new()
        .route("/", get(pages::list))
        .route("/list.js", get(pages::list_script))
        .merge(assets::routes())
        .route("/runs/{run}", get(assets::run_page))
        .route("/runs/{run}/view", get(pages::view))
        .route("/runs/{run}/saved", get(pages::saved))
        .route("/runs/{run}/events", get(pages::events))
        .route("/runs/{run}/what-if", post(pages::what_if))
        .route("/v1/runs", get(read::list))
        .route("/v1/runs/{run}", get(read::run))
        .route("/v1/models", get(read::models))
        .route("/metrics", get(read::metrics))
        .route_layer(middleware::from_fn_with_state(state.clone(), looking))
        .route_layer(middleware::from_fn_with_state(state.clone(), readers));
    let asking = Router::new()
        .route("/v1/runs/{run}/schedule", get(read::schedule))
        .route("/v1/runs/{run}/learning-rate", get(read::learning_rate))
        .route_layer(middleware::from_fn_with_state(state.clone(), polling))
        .route_layer(middleware::from_fn_with_state(state.clone(), readers));
    let entering = Router::new()
        .route("/login", get(login::page).post(login::log_in))
        .route_layer(middleware::from_fn_with_state(state.clone(), looking));
    let writing = Router::new()
        .route("/v1/runs/{run}", put(write::create))
        .route("/v1/runs/{run}/step", post(write::step))
        .route("/v1/runs/{run}/points", post(write::points))
        .route("/v1/runs/{run}/extend", post(write::extend))
        .route("/v1/runs/{run}/resume", post(write::resume))
        .route("/v1/runs/{run}/source", put(write::source))
        .route("/v1/runs/{run}/schedule", put(write::choose).delete(write::hand_back))
        .route_layer(middleware::from_fn_with_state(state.clone(), writers));
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .merge(assets::style())
        .merge(entering)
        .merge(showing)
        .merge(asking)
        .merge(writing)
        .fallback(|| async {
            Problem::new(StatusCode::NOT_FOUND, "nothing is there", "the page is at /, the runs are at /v1/runs")
        })
        .method_not_allowed_fallback(|| async {
            let remedy = "docs/live.md lists what can be asked";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "that cannot be done here", remedy)
        })
        .layer(middleware::from_fn_with_state(state.clone(), guarded))
        .with_state(state)
}

/// Lets in who goes by an own name, counts the answer and gives it its headers.
async fn guarded(Of(state): Of<State>, request: Request<Body>, next: Next) -> Response {
    let (request, unread) = Unread::of(request);
    let mut response = match state.names.objection(request.headers()) {
        Some(objection) => Problem::new(StatusCode::FORBIDDEN, "not let in", objection).into_response(),
        None => next.run(request).await,
    };
    if is_plain_refusal(&response) {
        let status = response.status();
        let reason = status.canonical_reason().unwrap_or("refused").to_lowercase();
        let remedy = "the address has what cannot be read; docs/live.md lists what can be asked";
        response = Problem::new(status, reason, remedy).into_response();
    }
    with_headers(&mut response);
    unread.said_in(&mut response);
    state.runs.counters.answered(response.status().as_u16());
    response
}

/// Is it a refusal of the framework's own, in words of its own?
fn is_plain_refusal(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    response.status().is_client_error() && kind.is_some_and(|kind| kind.starts_with("text/plain"))
}

/// Lets in who may read, and notes who it is.
async fn readers(Of(state): Of<State>, mut request: Request<Body>, next: Next) -> Response {
    match state.tokens.check_reader(request.headers()) {
        Ok(reader) => {
            request.extensions_mut().insert(reader);
            next.run(request).await
        }
        Err(problem) => login::to_log_in(&request).unwrap_or_else(|| problem.into_response()),
    }
}

/// Lets a reader look at pages, lists and forecasts as often as it may.
async fn looking(Of(state): Of<State>, request: Request<Body>, next: Next) -> Result<Response, Problem> {
    let remedy = "wait a second; whoever watches a run asks for its events once, and one /v1/runs lists a thousand";
    state.looks.take(reader(&request), remedy)?;
    Ok(next.run(request).await)
}

/// Lets a reader ask for rates and schedules as often as it may.
async fn polling(Of(state): Of<State>, request: Request<Body>, next: Next) -> Result<Response, Problem> {
    let remedy = "wait a second; with after_revision=K&wait=30 a schedule is told when there is a new one, and .../step answers the rate";
    state.polls.take(reader(&request), remedy)?;
    Ok(next.run(request).await)
}

fn reader(request: &Request<Body>) -> Reader {
    request.extensions().get().copied().unwrap_or(Reader::ANYBODY)
}

async fn writers(
    Of(state): Of<State>,
    parameters: RawPathParams,
    request: Request<Body>,
    next: Next,
) -> Result<Response, Problem> {
    let run = parameters.iter().find_map(|(name, value)| (name == "run").then_some(value)).unwrap_or_default();
    state.tokens.check_writer(request.headers(), run)?;
    Ok(next.run(request).await)
}
