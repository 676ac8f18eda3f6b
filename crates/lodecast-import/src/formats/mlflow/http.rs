//! Requests to a tracking server: bounded in time and size, repeated where that helps, with credentials that stay unseen.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::de::DeserializeOwned;
use ureq::Agent;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

use crate::decode::files::read_whole;
use crate::decode::text::shorten;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::source::without_password;
use crate::stop::Stop;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How often a request is made at most, and the first wait between two; each following one is twice as long.
const ATTEMPTS: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Bytes of a file of root certificates; those of an operating system take a fifth of a megabyte.
const LARGEST_ROOTS: u64 = 16 << 20;

/// A client of one server.
pub(crate) struct Client {
    agent: Agent,
    /// Without a slash at the end.
    base: String,
    authorization: Option<String>,
    /// What an answer that repeats it is not shown with.
    secrets: Vec<String>,
    answer_bytes: u64,
    stop: Stop,
}

/// Why a request failed.
enum Failure {
    /// It may do better another time, and not before the time given.
    Passing(String, Option<Duration>),
    /// It will not, unless one does what the second text says.
    Lasting(String, String),
    /// Nor does it as long as the address and the credentials are these.
    Refused(String, String),
}

impl Client {
    /// A client of the server at `base`, with the credentials that MLflow's own client takes from the environment:
    /// `MLFLOW_TRACKING_USERNAME` and `MLFLOW_TRACKING_PASSWORD`, or `MLFLOW_TRACKING_TOKEN`.
    ///
    /// # Errors
    /// If the address holds credentials, which would end up in files and logs.
    pub(crate) fn new(base: &str, limits: &Limits) -> Result<Self> {
        let base = base.trim_end_matches('/').to_owned();
        if base.contains(['@', '?', '#']) {
            return Err(Error::Refused {
                address: without_password(&base),
                reason: "the address holds a name, a password or options".to_owned(),
                remedy: "give the server's address alone, and set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or \
                         MLFLOW_TRACKING_TOKEN (an @ in a path is written %40)"
                    .to_owned(),
            });
        }
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let (authorization, secrets) = match (variable("MLFLOW_TRACKING_USERNAME"), variable("MLFLOW_TRACKING_TOKEN")) {
            (Some(user), _) => {
                let password = variable("MLFLOW_TRACKING_PASSWORD");
                let both = BASE64_STANDARD.encode(format!("{user}:{}", password.as_deref().unwrap_or_default()));
                (Some(format!("Basic {both}")), password.into_iter().chain([both]).collect())
            }
            (None, Some(token)) => (Some(format!("Bearer {token}")), vec![token]),
            (None, None) => (None, Vec::new()),
        };
        let config = Agent::config_builder()
            .tls_config(tls()?)
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(limits.answer_time))
            // Whoever it is that a server sends us to, our credentials were not meant for them.
            .max_redirects(0)
            .http_status_as_error(false)
            .user_agent("lodecast")
            .build();
        Ok(Self {
            agent: config.into(),
            base,
            authorization,
            secrets,
            answer_bytes: limits.answer_bytes,
            stop: limits.stop.clone(),
        })
    }

    /// Gets the object at `path`, below `/api/2.0/mlflow/`.
    ///
    /// # Errors
    /// If the server cannot be reached, refuses, or answers with something else.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T> {
        self.persist(path, || {
            let mut request = self.agent.get(self.address(path)).query_pairs(query.iter().copied());
            if let Some(authorization) = &self.authorization {
                request = request.header("Authorization", authorization);
            }
            request.call()
        })
    }

    /// Posts `body` to `path`, below `/api/2.0/mlflow/`, and gets the object in the answer.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub(crate) fn post<T: DeserializeOwned>(&self, path: &str, body: &serde_json::Value) -> Result<T> {
        self.persist(path, || {
            let mut request = self.agent.post(self.address(path)).content_type("application/json");
            if let Some(authorization) = &self.authorization {
                request = request.header("Authorization", authorization);
            }
            request.send(body.to_string())
        })
    }

    /// Waits, but no longer than until it is time to stop.
    fn wait(&self, time: Duration) -> Result<()> {
        const AT_A_TIME: Duration = Duration::from_millis(50);
        let end = Instant::now() + time;
        loop {
            self.stop.check()?;
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(AT_A_TIME));
        }
    }

    /// Are credentials sent to another machine unencrypted?
    pub(crate) fn exposes_credentials(&self) -> bool {
        let host = self.base.strip_prefix("http://").and_then(|rest| rest.split(['/', ':']).next());
        let is_here = |host: &str| matches!(host, "localhost" | "127.0.0.1" | "[");
        self.authorization.is_some() && host.is_some_and(|host| !is_here(host))
    }

    /// The server's address.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    fn address(&self, path: &str) -> String {
        format!("{}/api/2.0/mlflow/{path}", self.base)
    }

    /// A text that may repeat what the server said, which may repeat what it was sent.
    fn without_secrets(&self, text: String) -> String {
        self.secrets.iter().fold(text, |text, secret| text.replace(secret, "***"))
    }

    /// Makes a request until it succeeds or there is no hope.
    fn persist<T: DeserializeOwned>(
        &self,
        path: &str,
        request: impl Fn() -> Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<T> {
        let mut wait = FIRST_WAIT;
        let mut attempt = 1;
        loop {
            let (reason, remedy) = match answer(request(), self.answer_bytes) {
                Ok(value) => return Ok(value),
                Err(Failure::Passing(_, asked)) if attempt < ATTEMPTS => {
                    self.wait(asked.unwrap_or(wait).min(LONGEST_WAIT))?;
                    wait *= 2;
                    attempt += 1;
                    continue;
                }
                Err(Failure::Passing(reason, _)) => {
                    let remedy = "check that the server runs and can be reached".to_owned();
                    (format!("{reason} (tried {ATTEMPTS} times)"), remedy)
                }
                Err(Failure::Lasting(reason, remedy)) => (reason, remedy),
                Err(Failure::Refused(reason, remedy)) => {
                    let (reason, remedy) = (self.without_secrets(reason), self.without_secrets(remedy));
                    return Err(Error::Refused { address: self.address(path), reason, remedy });
                }
            };
            let (reason, remedy) = (self.without_secrets(reason), self.without_secrets(remedy));
            return Err(Error::Remote { address: self.address(path), reason, remedy });
        }
    }
}

/// Whom to trust: the usual roots, or those in the file that MLflow's own client is told of, as where a company has its own.
fn tls() -> Result<TlsConfig> {
    let file = ["MLFLOW_TRACKING_SERVER_CERT_PATH", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"]
        .into_iter()
        .find_map(|name| Some((name, std::env::var(name).ok().filter(|value| !value.is_empty())?)));
    let Some((name, file)) = file else { return Ok(TlsConfig::default()) };
    let wrong = |reason: String| Error::Refused {
        address: file.clone(),
        reason,
        remedy: format!("correct {name}, which has to name a file of certificates in PEM"),
    };
    let path = Path::new(&file);
    let pem = read_whole(path, LARGEST_ROOTS, "no such file is so large").map_err(|error| wrong(error.to_string()))?;
    let items = parse_pem(&pem).collect::<Result<Vec<_>, _>>().map_err(|error| wrong(error.to_string()))?;
    let certificates: Vec<_> = items
        .into_iter()
        .filter_map(|item| if let PemItem::Certificate(certificate) = item { Some(certificate) } else { None })
        .collect();
    if certificates.is_empty() {
        return Err(wrong("there is no certificate in it".to_owned()));
    }
    Ok(TlsConfig::builder().root_certs(RootCerts::new_with_certs(&certificates)).build())
}

/// The object in an answer of at most `limit` bytes.
fn answer<T: DeserializeOwned>(
    answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    limit: u64,
) -> Result<T, Failure> {
    let lasting = |reason: String, remedy: &str| Failure::Lasting(reason, remedy.to_owned());
    let refused = |reason: String, remedy: &str| Failure::Refused(reason, remedy.to_owned());
    let mut answer = answer.map_err(|error| match error {
        ureq::Error::Http(_) => {
            refused(error.to_string(), "check the address, and that the environment's credentials are of one line")
        }
        ureq::Error::BadUri(_) | ureq::Error::Tls(_) | ureq::Error::RequireHttpsOnly(_) => {
            refused(error.to_string(), "check the address")
        }
        error => Failure::Passing(error.to_string(), None),
    })?;
    let status = answer.status();
    let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let asked = header("Retry-After").and_then(|value| value.parse().ok()).map(Duration::from_secs);
    let elsewhere = header("Location");
    if status.is_redirection() {
        let remedy = match elsewhere.as_deref().filter(|address| address.contains("://")) {
            Some(address) => {
                let address = without_password(address);
                let server = address.split("/api/").next().unwrap_or_default().split('?').next().unwrap_or_default();
                format!("if that is your server, give its address: {}", shorten(server))
            }
            None => "check the address".to_owned(),
        };
        return Err(Failure::Lasting(format!("it answers {status}, which sends to another address"), remedy));
    }
    let body = answer.body_mut().with_config().limit(limit).read_to_vec().map_err(|error| match error {
        ureq::Error::BodyExceedsLimit(limit) => {
            lasting(format!("its answer is larger than {limit} bytes"), "import from its database instead")
        }
        error => Failure::Passing(error.to_string(), None),
    })?;
    if status.is_success() {
        return serde_json::from_slice(&body)
            .map_err(|error| lasting(format!("it does not answer as MLflow does: {error}"), "check the address"));
    }
    // MLflow's own words; of pages of proxies only the status.
    let words = serde_json::from_slice::<serde_json::Value>(&body).ok();
    let words = words.as_ref().and_then(|value| value.get("message")?.as_str()).unwrap_or_default();
    let reason = format!("it answers {status} {}", words.chars().take(200).collect::<String>()).trim_end().to_owned();
    Err(match status.as_u16() {
        408 | 429 | 500 | 502 | 503 | 504 => Failure::Passing(reason, asked),
        401 | 403 => {
            refused(reason, "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN")
        }
        _ => lasting(reason, "check the address and what the server logs"),
    })
}
