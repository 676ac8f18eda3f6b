//! How a browser gets in where tokens are asked for, and from there to the page that it wanted.

use axum::body::Body;
use axum::extract::{RawQuery, Request, State as Of};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};

use super::request::{body, query};
use super::state::State;
use crate::http::problem::Problem;
use crate::serve::names::is_name;
use crate::serve::tokens::COOKIE;

/// Where the form goes to, in its page.
const ACTION: &str = "action=\"/login\"";

/// Leads a browser that wants a page to where it can say its token.
pub(super) fn to_log_in(request: &Request<Body>) -> Option<Response> {
    let is_led = request.method() == Method::GET && wants_page(request.headers());
    is_led.then(|| Redirect::to(&address(own_page(Some(request.uri().path())))).into_response())
}

/// Is it a browser that asks?
fn wants_page(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|accepts| accepts.to_str().ok())
        .is_some_and(|accepts| accepts.contains("text/html"))
}

/// The page of this server that is wanted: that of a run, or else the list. Nobody is led to anything else, here or elsewhere.
fn own_page(path: Option<&str>) -> &str {
    let is_run = |path: &&str| path.strip_prefix("/runs/").is_some_and(is_name);
    path.filter(is_run).unwrap_or("/")
}

/// The address of the form that leads to a page of this server.
fn address(page: &str) -> String {
    if page == "/" { "/login".to_owned() } else { format!("/login?to={page}") }
}

/// The form that leads to a page of this server. What a name may hold needs no escape in it.
fn form(page: &str) -> String {
    include_str!("../login.html").replace(ACTION, &format!("action=\"{}\"", address(page)))
}

pub(super) async fn page(RawQuery(text): RawQuery) -> Html<String> {
    Html(form(own_page(query(text.as_deref(), "to"))))
}

/// Keeps a token to read with in the browser, and leads to the page that was wanted. One that may not read is asked for again.
pub(super) async fn log_in(
    Of(state): Of<State>,
    RawQuery(text): RawQuery,
    headers: HeaderMap,
    sent: Body,
) -> Result<Response, Problem> {
    let page = own_page(query(text.as_deref(), "to"));
    let sent = body(sent).await?;
    let token = std::str::from_utf8(&sent).ok().and_then(|form| form.trim().strip_prefix("token=")).unwrap_or_default();
    let as_header = HeaderValue::try_from(format!("Bearer {token}"));
    let said: HeaderMap = as_header.ok().map(|value| (header::AUTHORIZATION, value)).into_iter().collect();
    if let Err(problem) = state.tokens.check_reader(&said) {
        if !wants_page(&headers) {
            return Err(problem);
        }
        let again = form(page).replace("<h1>Who asks?</h1>", "<h1>That token opens nothing here</h1>");
        return Ok((problem.status, Html(again)).into_response());
    }
    let cookie = format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict");
    let mut response = Redirect::to(page).into_response();
    let cookie = HeaderValue::try_from(cookie)
        .map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "that is no token", "give one of the token file"))?;
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}
