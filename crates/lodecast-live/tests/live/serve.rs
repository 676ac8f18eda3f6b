//! A server of many runs, asked as `curl` and browsers ask it.

mod choices;
mod learning_rates;
mod pages;
mod restarts;
mod safety;
#[cfg(unix)]
mod sockets;
mod sources;

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use lodecast_live::{Address, Server, ServerOptions};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::exchange;
use crate::toy::{STEPS, model};

/// A server with the toy's model under the name `toy`.
struct Served {
    folder: TempDir,
    server: Option<Server>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The number in it.
    fn rate(&self) -> f64 {
        assert_eq!(self.status, 200, "{self:?}");
        assert!(self.head.contains("content-type: text/plain"), "{self:?}");
        self.body.trim_end().parse().unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// A refusal with that status, which says what to do.
    fn is_problem(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{self:?}");
        assert!(self.head.contains("content-type: application/problem+json"), "{self:?}");
        let detail = self.json()["detail"].as_str().map(str::len);
        assert!(detail > Some(10), "{self:?}");
        self
    }
}

impl Served {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut ServerOptions)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("models")).expect("made");
        model().save(folder.path().join("models/toy.lode")).expect("saved");
        let mut served = Self { folder, server: None };
        served.start(change);
        served
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn options(&self) -> ServerOptions {
        ServerOptions::new(self.path().join("models"), self.path().join("store"))
    }

    fn start(&mut self, change: impl FnOnce(&mut ServerOptions)) {
        let mut options = self.options();
        change(&mut options);
        self.server = Some(Server::open(options).expect("a server"));
    }

    fn restart(&mut self) {
        self.server = None;
        self.start(|_| {});
    }

    fn address(&self) -> SocketAddr {
        let address = self.server.as_ref().expect("a server").address();
        let Address::Tcp(address) = address else { panic!("{address} is no address of the network") };
        *address
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        self.ask_with(method, path, "", body)
    }

    fn ask_with(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let (address, length) = (self.address(), body.len());
        let head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
        raw(address, &format!("{head}content-length: {length}\r\n{headers}\r\n{body}"))
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "")
    }

    /// Makes a run of the toy.
    fn make(&self, run: &str) -> Answer {
        self.ask("PUT", &format!("/v1/runs/{run}"), &json!({"model": "toy", "total_steps": STEPS}).to_string())
    }

    fn step(&self, run: &str, form: &str) -> Answer {
        self.ask("POST", &format!("/v1/runs/{run}/step"), form)
    }

    fn post(&self, run: &str, what: &str, body: &Value) -> Answer {
        self.ask("POST", &format!("/v1/runs/{run}/{what}"), &body.to_string())
    }
}

/// Sends a request as it stands.
fn raw(address: SocketAddr, request: &str) -> Answer {
    let stream = TcpStream::connect(address).expect("connected");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("set");
    let (status, head, body) = exchange(stream, request);
    Answer { status, head, body }
}

/// A point as a form, to the last bit.
fn form(point: &lodecast::Point) -> String {
    let value = |name: &str, value: Option<f64>| value.map_or_else(String::new, |value| format!("&{name}={value:?}"));
    let (loss, metric) = (value("train_loss", point.train_loss), value("validation", point.validation));
    format!("step={}{loss}{metric}", point.step)
}
