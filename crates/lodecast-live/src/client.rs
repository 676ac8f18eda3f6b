//! Asking a server of `lodecast serve` which runs it has.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use ureq::Agent;

use crate::error::{Error, Result};

/// How long an answer may take, and how large it may be.
const PATIENCE: Duration = Duration::from_secs(30);
const MOST_BYTES: usize = 64 << 20;
/// Runs of one request, and requests at most.
const PAGE: usize = 1000;
const PAGES: usize = 100;

#[derive(Deserialize)]
struct Page {
    runs: Vec<Value>,
    count: usize,
}

/// The runs on a server, the latest first, as its list has them: `id`, `last_step`, `total_steps`, `sentence`, `alerts` and more.
/// The address is `http://HOST:PORT`, or `unix:PATH` of a socket.
///
/// # Errors
/// If it cannot be reached, refuses, or is none.
pub fn served_runs(address: &str, token: Option<&str>) -> Result<Vec<Value>> {
    let way = Way::to(address)?;
    let place = address.trim_end_matches('/');
    let failed = |reason: String, remedy: &'static str| Error::Remote { place: place.to_owned(), reason, remedy };
    let mut runs: Vec<Value> = Vec::new();
    for _ in 0..PAGES {
        let (status, body) = way
            .get(&format!("/v1/runs?after={}&limit={PAGE}", runs.len()), token)
            .map_err(|reason| failed(reason, "check that 'lodecast serve' runs there"))?;
        match status {
            200 => {}
            401 | 403 => {
                return Err(failed(format!("it answers {status}"), "set LODECAST_TOKEN to a token that may read"));
            }
            _ => return Err(failed(format!("it answers {status}"), "check the address")),
        }
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

/// How a server is reached.
enum Way {
    Network {
        base: String,
        agent: Box<Agent>,
    },
    #[cfg(unix)]
    Socket(std::path::PathBuf),
}

impl Way {
    fn to(address: &str) -> Result<Self> {
        #[cfg(unix)]
        if let Some(path) = address.strip_prefix("unix:") {
            return Ok(Self::Socket(path.into()));
        }
        let base = address.trim_end_matches('/').to_owned();
        if base.contains(['@', '?', '#']) || !base.contains("://") {
            let reason = "that is no address of a server".to_owned();
            let remedy = "give http://HOST:PORT, or unix:PATH";
            return Err(Error::Remote { place: "--live".to_owned(), reason, remedy });
        }
        let config = Agent::config_builder().timeout_global(Some(PATIENCE)).max_redirects(0);
        let agent = config.http_status_as_error(false).user_agent("lodecast").build().into();
        Ok(Self::Network { base, agent: Box::new(agent) })
    }

    /// What is answered: the status and the body; or why there is no answer.
    fn get(&self, path: &str, token: Option<&str>) -> std::result::Result<(u16, Vec<u8>), String> {
        let token = token.map(|token| format!("Bearer {token}"));
        match self {
            Self::Network { base, agent } => {
                let mut request = agent.get(format!("{base}{path}"));
                if let Some(token) = token {
                    request = request.header("Authorization", token);
                }
                let mut answer = request.call().map_err(|error| error.to_string())?;
                let body = answer.body_mut().with_config().limit(MOST_BYTES as u64).read_to_vec();
                Ok((answer.status().as_u16(), body.map_err(|error| error.to_string())?))
            }
            #[cfg(unix)]
            Self::Socket(socket) => {
                let asked = ask_socket(socket, path, token);
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let runtime = runtime.map_err(|error| error.to_string())?;
                let answer = runtime.block_on(async { tokio::time::timeout(PATIENCE, asked).await });
                answer
                    .map_err(|_| format!("no answer within {} s", PATIENCE.as_secs()))?
                    .map_err(|error| error.to_string())
            }
        }
    }
}

/// One request through a Unix socket, which ureq cannot make.
#[cfg(unix)]
async fn ask_socket(
    socket: &std::path::Path,
    path: &str,
    token: Option<String>,
) -> std::result::Result<(u16, Vec<u8>), Box<dyn std::error::Error>> {
    use axum::body::{Body, to_bytes};

    let stream = tokio::net::UnixStream::connect(socket).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let mut request = hyper::Request::get(path).header("Host", "localhost").header("User-Agent", "lodecast");
    if let Some(token) = token {
        request = request.header("Authorization", token);
    }
    let answer = sender.send_request(request.body(Body::empty())?).await?;
    let status = answer.status().as_u16();
    Ok((status, to_bytes(Body::new(answer.into_body()), MOST_BYTES).await?.to_vec()))
}
