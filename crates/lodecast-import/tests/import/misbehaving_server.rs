//! MLflow over REST from a server that fails, stalls, floods, or leads elsewhere: each time an error that says what to do.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use lodecast_import::{Limits, Outcome, Source, Wanted, format_named};

/// When each request came, and its first line.
type Requests = Arc<Mutex<Vec<(Instant, String)>>>;

/// A server on the loopback device that answers its `n`-th request with `answer(n, first line)`, or with silence where that is empty.
fn serve(answer: impl Fn(usize, &str) -> String + Send + 'static) -> (String, Requests) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let requests = Requests::default();
    let seen = Arc::clone(&requests);
    thread::spawn(move || {
        let mut silent = Vec::new();
        for stream in listener.incoming().flatten() {
            let Some(line) = take_request(&stream) else { continue };
            let number = {
                let mut seen = seen.lock().expect("no panic");
                seen.push((Instant::now(), line.clone()));
                seen.len() - 1
            };
            match answer(number, &line) {
                text if text.is_empty() => silent.push(stream),
                // The client may have left before the end.
                text => drop((&stream).write_all(text.as_bytes())),
            }
        }
    });
    (address, requests)
}

/// Reads a request to its end.
fn take_request(stream: &TcpStream) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).ok()?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok()?;
        }
    }
    reader.read_exact(&mut vec![0; length]).ok()?;
    Some(first)
}

fn response(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}")
}

/// What MLflow answers: an experiment with one run of one sample.
fn sound(request: &str) -> String {
    let body = if request.contains("experiments/search") {
        r#"{"experiments": [{"experiment_id": "1", "name": "e"}]}"#
    } else if request.contains("runs/search") {
        r#"{"runs": [{"info": {"run_id": "r", "lifecycle_stage": "active"}, "data": {"metrics": [{"key": "loss"}]}}]}"#
    } else {
        r#"{"metrics": [{"key": "loss", "value": 0.5, "step": "3"}]}"#
    };
    response("200 OK", "", body)
}

/// The runs that are read, and what is said if it fails.
fn read(address: &str) -> (usize, String) {
    let limits = Limits {
        answer_bytes: 1 << 16,
        answer_time: Duration::from_millis(300),
        collections: 50,
        runs: 50,
        ..Limits::default()
    };
    let source = Source::open(address, &limits).expect("an address");
    let (mut runs, mut said) = (0, Vec::new());
    let result = format_named("mlflow").expect("a format").read(&source, &Wanted::default(), &limits, &mut |outcome| {
        match outcome {
            Outcome::Recording(recording) => {
                assert_eq!(
                    (recording.series["loss"].steps().next(), recording.series["loss"].values().next()),
                    (Some(3), Some(0.5))
                );
                runs += 1;
            }
            Outcome::Skipped(skipped) => said.push(skipped.reason),
        }
        ControlFlow::Continue(())
    });
    said.extend(result.err().map(|error| error.to_string()));
    (runs, said.join("\n"))
}

fn refused(answer: impl Fn(usize, &str) -> String + Send + 'static, expected: &[&str]) {
    let (address, _) = serve(answer);
    let (runs, said) = read(&address);
    assert_eq!(runs, 0);
    for part in expected {
        assert!(said.contains(part), "'{part}' is not in: {said}");
    }
}

#[test]
fn what_passes_is_tried_again_after_growing_waits() {
    let (address, requests) = serve(|number, line| if number < 3 { response("503 Busy", "", "") } else { sound(line) });
    assert_eq!(read(&address), (1, String::new()));
    let times: Vec<Instant> = requests.lock().expect("no panic").iter().map(|request| request.0).collect();
    for (pair, least) in times.windows(2).zip([250, 500, 1000]) {
        assert!(pair[1] - pair[0] >= Duration::from_millis(least), "waited {:?}", pair[1] - pair[0]);
    }
}

#[test]
fn a_server_that_asks_for_time_gets_it() {
    let (address, requests) =
        serve(
            |number, line| {
                if number == 0 { response("429 Too Many Requests", "Retry-After: 1\r\n", "") } else { sound(line) }
            },
        );
    assert_eq!(read(&address), (1, String::new()));
    let requests = requests.lock().expect("no panic");
    assert!(requests[1].0 - requests[0].0 >= Duration::from_secs(1));
}

#[test]
fn what_does_not_pass_is_given_up() {
    refused(
        |_, _| response("500 Oh", "", r#"{"message": "the disk is full"}"#),
        &["500", "the disk is full", "tried 5 times", "check that the server runs"],
    );
    refused(|_, _| String::new(), &["timeout", "tried 5 times", "check that the server runs"]);
}

#[test]
fn what_is_no_answer_of_mlflow_is_said_to_be_none() {
    let check = ["does not answer as MLflow does", "check the address"];
    refused(|_, _| response("200 OK", "", "<html>Welcome</html>"), &check);
    refused(|_, _| response("200 OK", "", r#"{"experiments": 7}"#), &check);
    refused(|_, _| response("200 OK", "", &"[".repeat(60_000)), &check);
    refused(|_, _| response("404 Not Found", "", ""), &["404", "check the address"]);
}

#[test]
fn an_answer_without_end_is_cut() {
    let limit = ["larger than 65536 bytes", "import from its database instead"];
    // Announced, and not.
    refused(|_, _| response("200 OK", "", &" ".repeat(1 << 17)), &limit);
    refused(|_, _| format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}", " ".repeat(1 << 20)), &limit);
}

#[test]
fn pages_that_lead_back_are_not_followed_forever() {
    let end = ["announces a next page, but does not come to an end"];
    let experiments = |token: &str| {
        let body = format!(r#"{{"experiments": [{{"experiment_id": "1"}}], "next_page_token": "{token}"}}"#);
        response("200 OK", "", &body)
    };
    refused(move |_, _| experiments("a"), &end);
    refused(move |number, _| experiments(["a", "b", "c"][number % 3]), &end);
    refused(|_, _| response("200 OK", "", r#"{"next_page_token": "a"}"#), &end);
}

#[test]
fn lists_without_end_are_cut() {
    let page =
        |number: usize, items: &str| response("200 OK", "", &format!(r#"{{{items}, "next_page_token": "{number}"}}"#));
    refused(
        move |number, _| page(number, r#""experiments": [{"experiment_id": "1"}]"#),
        &["the number of its experiments or studies is beyond 50"],
    );
    refused(
        move |number, line| {
            let deleted = r#""runs": [{"info": {"run_id": "r", "lifecycle_stage": "deleted"}}]"#;
            if line.contains("runs/search") { page(number, deleted) } else { sound(line) }
        },
        &["it was deleted in MLflow", "the number of its runs is beyond 50"],
    );
}

#[test]
fn a_server_that_sends_elsewhere_is_not_obeyed() {
    let (elsewhere, requests) = serve(|_, line| sound(line));
    let target = elsewhere.clone();
    let (address, _) = serve(move |_, _| {
        let location = target.replace("http://", "http://me:secret@");
        response("302 Found", &format!("Location: {location}/api/2.0/mlflow/experiments/search?x=1\r\n"), "")
    });
    let (runs, said) = read(&address);
    assert_eq!(runs, 0);
    assert!(said.contains("302") && said.contains(&format!("give its address: {elsewhere}")), "{said}");
    assert!(!said.contains("secret"), "{said}");
    assert!(requests.lock().expect("no panic").is_empty(), "nobody asked there");
}

#[test]
fn an_address_with_a_password_is_refused_without_showing_it() {
    let (runs, said) = read("http://me:secret@127.0.0.1:1/");
    assert_eq!(runs, 0);
    assert!(said.contains("MLFLOW_TRACKING_PASSWORD") && !said.contains("secret"), "{said}");
}
