//! Asking a server of `lodecast serve` which runs it has.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use ureq::Agent;

use crate::error::{Error, Result};

/// How long an answer may take, and how large it may be.
const PATIENCE: Duration = Duration::from_secs(30);
const MOST_BYTES: u64 = 64 << 20;
/// Runs of one request, and requests at most.
const PAGE: usize = 1000;
const PAGES: usize = 100;

#[derive(Deserialize)]
struct Page {
    runs: Vec<Value>,
    count: usize,
}

/// The runs on a server, the latest first, as its list has them: `id`, `last_step`, `total_steps`, `sentence`, `alerts` and more.
///
/// # Errors
/// If it cannot be reached, refuses, or is none.
pub fn served_runs(address: &str, token: Option<&str>) -> Result<Vec<Value>> {
    let base = address.trim_end_matches('/');
    let failed = |reason: String, remedy: &'static str| Error::Remote { place: base.to_owned(), reason, remedy };
    if base.contains(['@', '?', '#']) || !base.contains("://") {
        let reason = "that is no address of a server".to_owned();
        return Err(Error::Remote { place: "--live".to_owned(), reason, remedy: "give http://HOST:PORT" });
    }
    let config = Agent::config_builder().timeout_global(Some(PATIENCE)).max_redirects(0).http_status_as_error(false);
    let agent: Agent = config.user_agent("lodecast").build().into();
    let mut runs: Vec<Value> = Vec::new();
    for _ in 0..PAGES {
        let mut request = agent.get(format!("{base}/v1/runs?after={}&limit={PAGE}", runs.len()));
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let unreachable = |error: ureq::Error| failed(error.to_string(), "check that 'lodecast serve' runs there");
        let mut answer = request.call().map_err(unreachable)?;
        match answer.status().as_u16() {
            200 => {}
            401 | 403 => {
                let reason = format!("it answers {}", answer.status());
                return Err(failed(reason, "set LODECAST_TOKEN to a token that may read"));
            }
            _ => return Err(failed(format!("it answers {}", answer.status()), "check the address")),
        }
        let body = answer.body_mut().with_config().limit(MOST_BYTES).read_to_vec().map_err(unreachable)?;
        let page: Page = serde_json::from_slice(&body)
            .map_err(|error| failed(format!("it does not answer as lodecast does: {error}"), "check the address"))?;
        let is_last = page.runs.len() < PAGE;
        runs.extend(page.runs);
        if is_last || runs.len() >= page.count {
            break;
        }
    }
    Ok(runs)
}
