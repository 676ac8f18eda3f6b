//! The files of the page of a run, as answers.

use axum::Router;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

use crate::page::{files, single_file};

/// The page of one run.
pub(crate) async fn run_page() -> Html<&'static str> {
    Html(files::RUN)
}

/// What the page of one run loads.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/page.js", get(|| async { typed("text/javascript; charset=utf-8", files::SCRIPT) }))
        .route("/tables.js", get(|| async { typed("text/javascript; charset=utf-8", files::TABLES) }))
        .route("/plot.js", get(|| async { typed("text/javascript; charset=utf-8", files::PLOT) }))
}

/// How all pages look. It tells nothing of any run: also who is not let in yet may have it.
pub(crate) fn style<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/page.css", get(|| async { typed("text/css; charset=utf-8", files::STYLE) }))
}

/// A text of a type.
pub(crate) fn typed(kind: &'static str, text: impl Into<String>) -> Response {
    ([(header::CONTENT_TYPE, kind)], text.into()).into_response()
}

/// A text that is JSON.
pub(crate) fn json_text(json: String) -> Response {
    typed("application/json", json)
}

/// The page with what it shows within, as a file to be kept.
pub(crate) fn saved_page(view: &str) -> Response {
    let kept = (header::CONTENT_DISPOSITION, "attachment; filename=\"run.html\"");
    ([kept], Html(single_file(view))).into_response()
}
