//! A server at a Unix socket: who may open the file may ask, and nobody else.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use lodecast_live::{Address, Error, Server, ServerOptions};
use serde_json::json;

use super::Served;
use crate::toy::STEPS;

fn ask(path: &Path, request: &str) -> String {
    let mut stream = UnixStream::connect(path).expect("connected");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

/// A folder with models, no server, and the options of one at a socket.
fn at_a_socket() -> (Served, ServerOptions) {
    let mut served = Served::new();
    served.server = None;
    let address = Address::Unix(served.path().join("lode.sock"));
    let options = ServerOptions { address, ..served.options() };
    (served, options)
}

#[test]
fn runs_are_served_to_those_who_can_open_the_socket() {
    let (served, options) = at_a_socket();
    let path = served.path().join("lode.sock");
    let server = Server::open(options).expect("a server");
    assert_eq!(server.address().to_string(), format!("unix:{}", path.display()));
    let metadata = fs::metadata(&path).expect("there");
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    let settings = json!({"model": "toy", "total_steps": STEPS}).to_string();
    let length = settings.len();
    let made = ask(
        &path,
        &format!(
            "PUT /v1/runs/a HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{settings}"
        ),
    );
    assert!(made.starts_with("HTTP/1.1 201"), "{made}");
    let form = "step=0&train_loss=1";
    let told = ask(
        &path,
        &format!(
            "POST /v1/runs/a/step HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 19\r\n\r\n{form}"
        ),
    );
    let rate = told.split_once("\r\n\r\n").expect("a body").1.trim();
    assert!(rate.parse::<f64>().is_ok_and(|rate| rate > 0.0), "{told}");
    let other = ask(&path, "GET /v1/runs HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n");
    assert!(other.starts_with("HTTP/1.1 403"), "{other}");
    let address = format!("unix:{}", path.display());
    let listed = lodecast_live::served_runs(&address, None).expect("a list");
    assert_eq!(listed.iter().map(|run| &run["id"]).collect::<Vec<_>>(), ["a"]);
    drop(server);
    let error = lodecast_live::served_runs(&address, None).expect_err("it is gone").to_string();
    assert!(error.contains("lode.sock") && error.contains("lodecast serve"), "{error}");
    assert!(!path.exists(), "it is cleared away");
    let beside: Vec<_> =
        fs::read_dir(served.path()).expect("a folder").map(|entry| entry.expect("there").file_name()).collect();
    assert!(beside.iter().all(|name| !name.to_string_lossy().starts_with('.')), "{beside:?}");
}

#[test]
fn a_socket_that_was_left_is_taken_and_one_in_use_is_not() {
    let (served, options) = at_a_socket();
    let path = served.path().join("lode.sock");
    // As a server that was killed leaves it.
    drop(UnixListener::bind(&path).expect("bound"));
    assert!(path.exists());
    let server = Server::open(options.clone()).expect("nobody listens there");
    let refused = |options: ServerOptions| {
        let error = Server::open(options).expect_err("refused");
        assert!(matches!(error, Error::Socket { .. }) && error.to_string().contains("--socket"), "{error}");
        error.to_string()
    };
    let other = ServerOptions { store: served.path().join("other"), ..options.clone() };
    assert!(refused(other.clone()).contains("another server listens there"));
    assert!(ask(&path, "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").contains("200 OK"));
    // One that came into its place is not taken away.
    fs::remove_file(&path).expect("removed");
    let newer = UnixListener::bind(&path).expect("bound");
    drop(server);
    assert!(path.exists());
    drop(newer);
    for (address, words) in [
        (served.path().join("models"), "something else is there"),
        (served.path().join("none/lode.sock"), "a folder that is there"),
        (served.path().join("long".repeat(40)), "less than 90 bytes"),
    ] {
        let said = refused(ServerOptions { address: Address::Unix(address), ..other.clone() });
        assert!(said.contains(words), "{said}");
    }
}
