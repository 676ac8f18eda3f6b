//! What comes with a request: its body, in bounded size and time, and the words behind the question mark.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::http::connections::PATIENCE;
use crate::http::problem::Problem;
use crate::page::server::too_slow;

/// Bytes of a body.
const BODY_BYTES: usize = 512 << 10;

/// The body, if it is small and does not dawdle.
pub(super) async fn body(body: Body) -> Result<Bytes, Problem> {
    match timeout(PATIENCE, to_bytes(body, BODY_BYTES)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => {
            let remedy = "send less at once: at most 1000 points, and half a megabyte";
            Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large, or was cut off", remedy))
        }
        Err(_) => Err(too_slow()),
    }
}

/// The body as JSON.
pub(super) fn json<T: DeserializeOwned>(body: &[u8], remedy: &str) -> Result<T, Problem> {
    serde_json::from_slice(body)
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, format!("that cannot be read: {error}"), remedy))
}

/// The value of a name behind the question mark.
pub(super) fn query<'a>(query: Option<&'a str>, name: &str) -> Option<&'a str> {
    query?.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

/// Refuses what none of these names is: a word that is misspelt would be taken for one that was not said.
pub(super) fn only(text: Option<&str>, names: &[&str]) -> Result<(), Problem> {
    let named = |pair: &&str| names.contains(&pair.split('=').next().unwrap_or_default());
    match text.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).find(|pair| !named(pair)) {
        Some(pair) => {
            let title = format!("'{}' is none of what can be said here", pair.split('=').next().unwrap_or_default());
            Err(Problem::new(StatusCode::BAD_REQUEST, title, format!("say any of: {}", names.join(", "))))
        }
        None => Ok(()),
    }
}

/// The same as a number.
pub(super) fn number(text: Option<&str>, name: &str) -> Result<Option<u64>, Problem> {
    let number = |text: &str| {
        let remedy = format!("give a whole number: {name}=1");
        text.parse()
            .map_err(|_| Problem::new(StatusCode::BAD_REQUEST, format!("{name} '{text}' is no whole number"), remedy))
    };
    query(text, name).map(number).transpose()
}

/// How long to wait for an answer, in seconds; a minute at most.
pub(super) fn wait(text: Option<&str>) -> Result<Duration, Problem> {
    Ok(Duration::from_secs(number(text, "wait")?.unwrap_or(0).min(60)))
}
