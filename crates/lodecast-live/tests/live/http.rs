//! What is asked over a connection, as it is written, and what comes back.

use std::io::{BufRead, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

/// Status, head and body of the answer to a request, after which the connection is closed.
pub(crate) fn exchange(mut stream: TcpStream, request: &str) -> (u16, String, String) {
    // It may be refused before all of it was sent.
    let _ = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let text = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, head.to_lowercase(), body.to_owned())
}

/// Id and last step of the next event of a view.
pub(crate) fn next_view(from: &mut impl BufRead) -> (String, Option<u64>) {
    let mut id = String::new();
    loop {
        let mut line = String::new();
        assert!(from.read_line(&mut line).expect("an event in time") > 0);
        if let Some(found) = line.strip_prefix("id: ") {
            found.trim().clone_into(&mut id);
        } else if let Some(data) = line.strip_prefix("data: ") {
            let view: Value = serde_json::from_str(data).expect("JSON");
            return (id, view["last_step"].as_u64());
        }
    }
}
