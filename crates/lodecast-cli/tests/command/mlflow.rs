//! `lodecast follow --log-back` into a run of MLflow: what its server is sent.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Output;
use std::thread;

use lodecast::Schedule;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{lodecast, talk};

/// A server that takes so many requests, answers them as told, and gives their paths and bodies.
fn server(answers: Vec<(u16, Value)>) -> (String, thread::JoinHandle<Vec<(String, Value)>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let serving = thread::spawn(move || {
        let mut taken = Vec::new();
        for (status, answer) in answers {
            let (mut stream, _) = listener.accept().expect("a request");
            let mut reader = BufReader::new(stream.try_clone().expect("cloned"));
            let (mut first, mut length) = (String::new(), 0);
            reader.read_line(&mut first).expect("a line");
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).expect("a line");
                if line.trim().is_empty() {
                    break;
                }
                if let Some(found) = line.to_lowercase().strip_prefix("content-length:") {
                    length = found.trim().parse().expect("a number");
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).expect("a body");
            taken.push((
                first.split(' ').nth(1).expect("a path").to_owned(),
                serde_json::from_slice(&body).expect("JSON"),
            ));
            let text = answer.to_string();
            let head = format!("HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-type: application/json\r\n");
            write!(stream, "{head}content-length: {}\r\n\r\n{text}", text.len()).expect("answered");
        }
        taken
    });
    (address, serving)
}

fn search() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    fs::create_dir(folder.path().join("runs")).expect("made");
    for peak in [0.02, 0.05, 0.1, 0.2] {
        let schedule = Schedule::cosine(peak);
        let mut text = "step,loss,lr,val_loss\n".to_owned();
        let mut area = 0.0;
        for step in (0..300).step_by(10) {
            let rate = schedule.at_step(step, 300).max(1e-4);
            area += 10.0 * rate;
            let loss = 0.1 + 2.0 / (1.0 + 0.5 * area) + 0.6 * rate;
            let _ = writeln!(text, "{step},{loss},{rate},{loss}");
        }
        fs::write(folder.path().join(format!("runs/{peak}.csv")), text).expect("written");
    }
    folder
}

/// Looks at the log once, and logs what is decided back into `place`.
fn follow(folder: &Path, place: &str) -> Output {
    let run = ["follow", "log.csv", "--runs", "runs", "--total-steps", "300", "--val", "val_loss:min", "--once"];
    lodecast(folder, &[&run[..], &["--log-back", place]].concat())
}

#[test]
fn decisions_are_logged_into_a_run_of_mlflow() {
    let folder = search();
    let (address, serving) = server(vec![(503, json!({"message": "busy"})), (200, json!({}))]);
    let run = format!("{address}/#/experiments/1/runs/a1b2c3");
    let output = follow(folder.path(), &run);
    assert!(output.status.success(), "{}", talk(&output));
    let taken = serving.join().expect("no panic");
    assert_eq!(taken[0], taken[1], "a busy server is asked again");
    let (path, body) = &taken[1];
    assert_eq!((path.as_str(), &body["run_id"]), ("/api/2.0/mlflow/runs/log-batch", &"a1b2c3".into()));
    let metrics = body["metrics"].as_array().expect("metrics");
    let named = |name: &str| metrics.iter().find(|metric| metric["key"] == name).unwrap_or_else(|| panic!("{body}"));
    let rates: Value =
        serde_json::from_str(&fs::read_to_string(folder.path().join("rates.json")).expect("rates")).expect("JSON");
    assert_eq!(named("lodecast/predicted_final")["value"], rates["predicted"]["mean"]);
    assert_eq!(named("lodecast/predicted_low")["value"], rates["predicted"]["low"]);
    assert_eq!(
        (&named("lodecast/learning_rate")["step"], named("lodecast/learning_rate")["timestamp"].is_u64()),
        (&0.into(), true)
    );
    assert_eq!((&body["tags"][0]["key"], &body["tags"][0]["value"]), (&"lodecast.reason.0".into(), &rates["reason"]));
}

#[test]
fn a_server_that_refuses_ends_nothing_and_an_address_without_a_run_is_misused() {
    let folder = search();
    let (address, serving) = server(vec![(404, json!({"message": "no run a"}))]);
    let output = follow(folder.path(), &format!("{address}/runs/a"));
    assert!(output.status.success() && talk(&output).contains("no run a"), "{}", talk(&output));
    serving.join().expect("no panic");
    let output = follow(folder.path(), &address);
    assert!(!output.status.success() && talk(&output).contains("/runs/ID"), "{}", talk(&output));
}
