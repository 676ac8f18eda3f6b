//! The page as a browser, and as somebody who should not, asks for it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use lodecast_live::{Error, Follower, Page};
use serde_json::{Value, json};

use crate::http::{exchange, next_view};
use crate::toy::{HEADER, Place, STEPS, Training, look, rows, train};

/// A page of a run that has come to step 150.
fn shown() -> (Place, Follower, Page) {
    let place = Place::new("log.csv");
    let mut follower = place.follower();
    look(&mut follower);
    place.append(HEADER);
    place.append(&rows(&train(&mut Training::new(3), &place.file(), 150)));
    look(&mut follower);
    let page = Page::open("127.0.0.1:0".parse().expect("an address")).expect("a page");
    page.show(follower.run().expect("a run"), follower.points(), None);
    (place, follower, page)
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("connected");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
    stream
}

/// Status, head and body of the answer to a request.
fn ask(address: SocketAddr, request: &str) -> (u16, String, String) {
    exchange(connect(address), request)
}

fn get(address: SocketAddr, path: &str, headers: &str) -> (u16, String, String) {
    ask(address, &format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}\r\n"))
}

fn post(address: SocketAddr, body: &str, headers: &str) -> (u16, String, String) {
    let length = body.len();
    let head =
        format!("POST /what-if HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n");
    ask(address, &format!("{head}{headers}\r\n{body}"))
}

const JSON: &str = "content-type: application/json\r\n";

#[test]
fn the_page_and_all_that_it_needs_are_served_from_here() {
    let (_place, follower, page) = shown();
    let address = page.address();
    let (status, head, body) = get(address, "/", "");
    assert_eq!(status, 200);
    assert!(head.contains("content-type: text/html") && head.contains("default-src 'none'"), "{head}");
    for (path, kind) in [
        ("/page.css", "text/css"),
        ("/page.js", "text/javascript"),
        ("/plot.js", "text/javascript"),
        ("/tables.js", "text/javascript"),
    ] {
        assert!(body.contains(path) || ["/plot.js", "/tables.js"].contains(&path));
        let (status, head, text) = get(address, path, "");
        assert!(status == 200 && head.contains(kind), "{path}: {head}");
        assert!(!text.contains("https://"), "{path}: nothing is loaded from elsewhere");
    }
    let (status, _, body) = get(address, "/view", "");
    assert_eq!(status, 200);
    let view: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!((&view["total_steps"], &view["last_step"]), (&STEPS.into(), &150.into()));
    assert_eq!(view["sentence"], lodecast_live::sentence(follower.run().expect("a run"), follower.points()));
    assert_eq!(view["measured"]["step"].as_array().expect("a curve").len(), 15);
    assert!(!view["candidates"].as_array().expect("a list").is_empty());
    let scores: Vec<f64> =
        view["candidates"].as_array().expect("a list").iter().filter_map(|one| one["score"].as_f64()).collect();
    assert!(view["by_score"] == true && scores.is_sorted_by(|a, b| a >= b), "the best first: {scores:?}");
    let courses = [&view["best"]["course"]["step"], &view["best"]["course"]["value"]];
    assert!(courses.iter().all(|column| column.as_array().is_some_and(|column| column.len() > 20)), "{}", view["best"]);
    assert_eq!(get(address, "/nothing", "").0, 404);
}

#[test]
fn the_page_can_be_kept_in_one_file() {
    let (_place, _follower, page) = shown();
    let (status, head, kept) = get(page.address(), "/saved", "");
    assert!(status == 200 && head.contains("attachment"), "{head}");
    let (_, _, view) = get(page.address(), "/view", "");
    let (_, saved) = kept.split_once("<script type=\"application/json\" id=\"saved\">").expect("what is shown");
    let (saved, rest) = saved.split_once("</script>").expect("its end");
    let of = |json: &str| serde_json::from_str::<Value>(json).expect("JSON");
    assert_eq!(of(saved), of(&view));
    assert!(rest.contains("class Plot") && rest.contains("listen();") && !rest.contains("\nimport "));
    assert!(!kept.contains("src=") && !kept.contains("rel=\"stylesheet\""), "nothing is loaded");
}

#[test]
fn other_names_and_other_sites_are_not_let_in() {
    let (_place, _follower, page) = shown();
    let address = page.address();
    for path in ["/", "/view", "/events"] {
        let rebound =
            format!("GET {path} HTTP/1.1\r\nhost: evil.example:{}\r\nconnection: close\r\n\r\n", address.port());
        assert_eq!(ask(address, &rebound).0, 403);
        assert_eq!(get(address, path, "origin: http://evil.example\r\n").0, 403);
    }
    let question = json!({"from_step": 0, "knots": [{"progress": 0.0, "learning_rate": 0.1}]}).to_string();
    assert_eq!(post(address, &question, &format!("{JSON}origin: http://evil.example\r\n")).0, 403);
    assert_eq!(
        post(address, &question, "content-type: text/plain\r\n").0,
        415,
        "what a form of another site could send"
    );
    assert_eq!(post(address, &question, &format!("{JSON}origin: http://{address}\r\n")).0, 200);
}

#[test]
fn who_asks_without_end_is_told_to_wait() {
    let (_place, _follower, page) = shown();
    let address = page.address();
    // All at once over one connection, so that the machine's own pace does not matter.
    let request = |last: &str| format!("GET /nothing HTTP/1.1\r\nhost: {address}\r\n{last}\r\n");
    let (_, first, rest) = ask(address, &(request("").repeat(999) + &request("connection: close\r\n")));
    assert!(first.starts_with("http/1.1 404"), "{first}");
    let answers: Vec<&str> = rest.split("HTTP/1.1 ").skip(1).collect();
    assert!(answers.len() == 999 && answers[..100].iter().all(|answer| answer.starts_with("404")));
    let refused = answers.iter().find(|answer| answer.starts_with("429")).expect("a refusal");
    let (head, body) = refused.split_once("\r\n\r\n").expect("a body");
    assert!(
        head.contains("retry-after: 1") && head.contains("problem+json") && body.contains("wait a second"),
        "{body}"
    );
}

#[test]
fn a_page_for_others_is_refused() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
        let error = Page::open(address.parse().expect("an address")).expect_err("refused");
        assert!(matches!(error, Error::Page { .. }) && error.to_string().contains("127.0.0.1"), "{error}");
    }
    let (_place, _follower, page) = shown();
    let taken = Page::open(page.address()).expect_err("taken").to_string();
    assert!(taken.contains("give another port"), "{taken}");
    let address = page.address();
    drop(page);
    Page::open(address).expect("a page that is closed leaves its address");
}

#[test]
fn another_schedule_is_asked_about_and_decides_nothing() {
    let (place, follower, page) = shown();
    let (address, before) = (page.address(), place.file());
    let ends_at = |rates: [f64; 2]| {
        let knots = [0.4, 1.0].iter().zip(rates).map(|(at, rate)| json!({"progress": at, "learning_rate": rate}));
        let question = json!({"from_step": 170, "knots": knots.collect::<Vec<_>>()}).to_string();
        let (status, _, body) = post(address, &question, JSON);
        assert_eq!(status, 200, "{body}");
        serde_json::from_str::<Value>(&body).expect("JSON")["predicted"]["mean"].as_f64().expect("a number")
    };
    // The toy scatters with its rate: one that stays high ends lower.
    assert!(ends_at([0.1, 0.001]) > ends_at([0.2, 0.2]));
    assert_eq!(place.file(), before);
    assert_eq!(follower.run().expect("a run").state().decisions.len() as u64, before.revision);
    for (body, status) in [
        ("", 400),
        ("{\"from_step\": 1", 400),
        ("{\"from_step\": -1, \"knots\": []}", 422),
        ("{\"from_step\": 1, \"knots\": []}", 422),
        ("{\"from_step\": 1, \"knots\": [{\"progress\": 2, \"learning_rate\": 0.1}]}", 422),
        ("{\"from_step\": 1, \"knots\": [{\"progress\": 0.5, \"learning_rate\": -0.1}]}", 422),
        ("{\"from_step\": 9999, \"knots\": [{\"progress\": 0.5, \"learning_rate\": 0.1}]}", 409),
    ] {
        let (found, head, answer) = post(address, body, JSON);
        assert!(found == status && head.contains("application/problem+json"), "{body}: {found} {answer}");
        let problem: Value = serde_json::from_str(&answer).expect("JSON");
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{answer}");
    }
}

#[test]
fn what_is_too_large_is_refused() {
    let (_place, _follower, page) = shown();
    let address = page.address();
    assert_eq!(post(address, &" ".repeat(66_000), JSON).0, 413);
    let long = format!("x-long: {}\r\n", "a".repeat(40_000));
    // The connection may be gone before its answer is read.
    assert!(matches!(get(address, "/", &long).0, 0 | 400 | 431));
    let many = "x-other: a\r\n".repeat(100);
    assert!(matches!(get(address, "/", &many).0, 400 | 431));
    assert_eq!(get(address, "/", "").0, 200);
}

/// Id and last step of the next event.
fn next(from: &mut impl BufRead) -> (String, u64) {
    let (id, step) = next_view(from);
    (id, step.unwrap_or(0))
}

#[test]
fn a_browser_hears_of_what_is_new_and_of_nothing_twice() {
    let (place, mut follower, page) = shown();
    let address = page.address();
    let listen = |last: &str| {
        let mut stream = connect(address);
        let last = if last.is_empty() { String::new() } else { format!("last-event-id: {last}\r\n") };
        stream.write_all(format!("GET /events HTTP/1.1\r\nhost: {address}\r\n{last}\r\n").as_bytes()).expect("sent");
        BufReader::new(stream)
    };
    let mut first = listen("");
    let (id, step) = next(&mut first);
    assert_eq!(step, 150);
    // One that has it waits for the next.
    let mut again = listen(&id);
    std::thread::sleep(Duration::from_millis(200));
    place.append(&rows(&[lodecast::Point::new(160).train_loss(0.5).validation(0.8)]));
    look(&mut follower);
    page.show(follower.run().expect("a run"), follower.points(), None);
    let (newer, step) = next(&mut first);
    assert_eq!((step, next(&mut again)), (160, (newer.clone(), 160)));
    assert_ne!(newer, id);
    // What a page before this one had sent is not taken for what this one shows.
    assert_eq!(next(&mut listen("1700000000000-2")).1, 160);
}

#[test]
fn a_browser_that_looks_is_told_of_the_end_and_nobody_waits_for_one_that_has_left() {
    let (place, mut follower, page) = shown();
    let address = page.address();
    let listen = || {
        let mut stream = connect(address);
        stream.write_all(format!("GET /events HTTP/1.1\r\nhost: {address}\r\n\r\n").as_bytes()).expect("sent");
        let mut reader = BufReader::new(stream);
        assert_eq!(next(&mut reader).1, 150);
        reader
    };
    let (mut stays, leaves) = (listen(), listen());
    drop(leaves);
    // What is shown last is heard with the end, however soon that comes.
    place.append(&rows(&[lodecast::Point::new(160).train_loss(0.5).validation(0.8)]));
    look(&mut follower);
    page.show(follower.run().expect("a run"), follower.points(), None);
    drop(page);
    let rest: Vec<String> = stays.by_ref().lines().map_while(Result::ok).collect();
    let ended = rest.iter().position(|line| line == "event: ended").expect("the end");
    let data = rest[ended + 1].strip_prefix("data: ").expect("data");
    assert_eq!(serde_json::from_str::<Value>(data).expect("JSON")["last_step"], 160);
}
