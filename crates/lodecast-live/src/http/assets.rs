//! The files of the page of a run, built in.

use axum::Router;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

/// The page of one run.
pub(crate) async fn run_page() -> Html<&'static str> {
    Html(include_str!("../page/index.html"))
}

/// What the page of one run loads.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/page.js", get(|| async { typed("text/javascript; charset=utf-8", include_str!("../page/page.js")) }))
        .route("/plot.js", get(|| async { typed("text/javascript; charset=utf-8", include_str!("../page/plot.js")) }))
}

/// How all pages look. It tells nothing of any run: also who is not let in yet may have it.
pub(crate) fn style<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/page.css", get(|| async { typed("text/css; charset=utf-8", include_str!("../page/page.css")) }))
}

/// A text of a type.
pub(crate) fn typed(kind: &'static str, text: impl Into<String>) -> Response {
    ([(header::CONTENT_TYPE, kind)], text.into()).into_response()
}

/// A text that is JSON.
pub(crate) fn json_text(json: String) -> Response {
    typed("application/json", json)
}
