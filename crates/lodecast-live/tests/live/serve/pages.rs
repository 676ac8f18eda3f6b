//! The pages of a server, and what watches over it.

use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{Served, form};
use crate::http::next_view;
use crate::toy::{STEPS, Training};

#[test]
fn the_list_and_the_page_of_a_run_are_served_from_here() {
    let served = Served::new();
    for run in ["first", "second", "third"] {
        served.make(run);
        served.step(run, "step=0&train_loss=1").rate();
    }
    for (path, kind, holds) in [
        ("/", "text/html", "/list.js"),
        ("/runs/first", "text/html", "/page.js"),
        ("/list.js", "text/javascript", "/v1/runs"),
        ("/page.js", "text/javascript", "/what-if"),
        ("/page.css", "text/css", "--plan"),
    ] {
        let answer = served.get(path);
        assert!(
            answer.status == 200 && answer.head.contains(kind) && answer.body.contains(holds),
            "{path}: {answer:?}"
        );
        assert!(answer.head.contains("default-src 'none'") && !answer.body.contains("https://"), "{path}");
    }
    let list = served.get("/v1/runs?q=ir&limit=5").json();
    let ids: Vec<_> = list["runs"].as_array().expect("a list").iter().map(|run| run["id"].clone()).collect();
    assert_eq!(ids, ["third", "first"], "the latest first");
    let part = served.get("/v1/runs?limit=1&after=1").json();
    assert_eq!((&part["runs"][0]["id"], &part["count"]), (&"second".into(), &3.into()));
    assert!(part["runs"][0]["sentence"].as_str().is_some_and(|sentence| sentence.starts_with("ends at")), "{part}");
    let address = format!("http://{}", served.address());
    assert_eq!(lodecast_live::served_runs(&address, None).expect("a list").len(), 3);
}

#[test]
fn the_end_that_is_told_of_a_pick_is_the_picks_everywhere() {
    let served = Served::new();
    served.make("run");
    let view = served.get("/runs/run/view").json();
    let chosen = view["candidates"].as_array().expect("a list").iter().find(|one| one["verdict"] == "chosen");
    let chosen = chosen.expect("a pick");
    let (predicted, decided) = (&view["predicted"], &view["decisions"][0]);
    assert_eq!(&chosen["mean"], &predicted["mean"], "{view}");
    assert_eq!(&view["forecasts"][0]["predicted"], predicted);
    let words = decided["predicted"].as_str().expect("a prediction");
    assert_eq!(&view["forecasts"][0]["in_words"], words);
    assert!(
        view["sentence"].as_str().expect("words").starts_with(&format!("ends at {words};")),
        "{}",
        view["sentence"]
    );
    assert!(
        decided["changed"] == true && view["sentence"].as_str().expect("words").contains("new schedule from step 0")
    );
    // The curve is the law's, and keeps its own end.
    assert_ne!(view["forecast"]["predicted"], *predicted);
    let kept = served.get("/runs/run/saved");
    assert!(kept.status == 200 && kept.body.contains("id=\"saved\">{") && kept.head.contains("attachment"));
    assert_eq!(served.get("/runs/none/saved").status, 404);
}

#[test]
fn what_cannot_be_forecast_is_said_and_no_older_forecast_stands_for_it() {
    let served = Served::new();
    served.make("run");
    let mut training = Training::new(3);
    for step in 0..60 {
        let rate = served.get(&format!("/v1/runs/run/learning-rate?step={step}")).rate();
        // Per cent, where the model learned fractions.
        let point = training.step(rate);
        let point = lodecast::Point { step, validation: point.validation.map(|value| 100.0 * value), ..point };
        served.step("run", &form(&point)).rate();
    }
    for run in [served.get("/v1/runs/run").json(), served.get("/v1/runs").json()["runs"][0].clone()] {
        let sentence = run["sentence"].as_str().expect("words");
        assert!(sentence.starts_with("no forecast of what was measured"), "{sentence}");
        assert!(run["predicted"].is_null(), "{run}");
        assert!(
            run["alerts"].as_array().expect("a list").iter().any(|alert| {
                alert.as_str().is_some_and(|alert| alert.starts_with("no forecast: ") && alert.contains("unit"))
            }),
            "{}",
            run["alerts"]
        );
    }
    let view = served.get("/runs/run/view").json();
    assert!(view["forecast"].is_null() && view["predicted"].is_null(), "{}", view["predicted"]);
}

#[test]
fn the_list_says_what_the_page_says_also_after_a_restart() {
    let mut served = Served::new();
    served.make("run");
    served.step("run", "step=0&train_loss=1").rate();
    served.step("run", "step=17&train_loss=nan").rate();
    served.step("run", "step=19&train_loss=nan").rate();
    let alerts = |served: &Served| {
        let listed = served.get("/v1/runs").json()["runs"][0]["alerts"].to_string();
        (listed, served.get("/v1/runs/run").json()["alerts"].to_string())
    };
    let until = Instant::now() + Duration::from_secs(20);
    while alerts(&served).0 != alerts(&served).1 && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    let (listed, own) = alerts(&served);
    assert!(listed == own && own.contains("step 19"), "{listed} {own}");
    served.restart();
    let again = alerts(&served);
    assert_eq!(again.0, again.1);
}

#[test]
fn the_list_is_of_the_part_that_is_asked_for() {
    let served = Served::new();
    for run in ["waits", "goes-wrong", "over", "over-too"] {
        served.make(run);
    }
    let points = |from: u64, to: u64| {
        let points: Vec<_> = (from..to)
            .map(|step| json!({"step": step, "train_loss": 1.5, "validation": 0.3, "learning_rate": 0.1}))
            .collect();
        json!({ "points": points })
    };
    served.post("goes-wrong", "points", &points(0, 100));
    for run in ["over", "over-too"] {
        served.post(run, "points", &points(0, STEPS));
    }
    let listed = |query: &str| {
        let list = served.get(&format!("/v1/runs?{query}")).json();
        let ids: Vec<_> = list["runs"].as_array().expect("a list").iter().map(|run| run["id"].clone()).collect();
        (ids, list["count"].as_u64().expect("a count"))
    };
    // What became of a run is noted after it was answered.
    let begun = Instant::now();
    while listed("which=finished").1 < 2 || listed("which=with-alerts").1 == 0 {
        assert!(begun.elapsed() < Duration::from_secs(20), "{}", served.get("/v1/runs").body);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(listed("which=finished"), (vec!["over-too".into(), "over".into()], 2));
    assert_eq!(listed("which=finished&limit=1&after=1"), (vec!["over".into()], 2));
    assert_eq!(listed("which=finished&q=too"), (vec!["over-too".into()], 1));
    assert_eq!(listed("which=under-way"), (vec!["goes-wrong".into(), "waits".into()], 2));
    assert!(listed("which=with-alerts").0.contains(&"goes-wrong".into()), "{:?}", listed("which=with-alerts"));
    assert!(!listed("which=with-alerts").0.contains(&"waits".into()));
    assert_eq!((listed("which=all").1, listed("which=").1, listed("").1), (4, 4, 4));
    served.get("/v1/runs?which=broken").is_problem(400);
}

#[test]
fn what_if_is_answered_and_decides_nothing() {
    let served = Served::new();
    served.make("run");
    served.step("run", "step=0&train_loss=1").rate();
    let before = served.get("/v1/runs/run").json();
    let question = json!({"from_step": 10, "knots": [{"progress": 0.1, "learning_rate": 0.1}, {"progress": 1.0, "learning_rate": 0.001}]});
    let answer = served
        .ask_with("POST", "/runs/run/what-if", "content-type: application/json\r\n", &question.to_string())
        .json();
    assert!(answer["predicted"]["mean"].is_number(), "{answer}");
    assert_eq!(served.get("/v1/runs/run").json(), before);
}

#[test]
fn a_page_hears_of_what_is_new_and_of_nothing_twice_also_after_a_restart() {
    let mut served = Served::new();
    served.make("run");
    served.step("run", "step=0&train_loss=1").rate();
    let listen = |served: &Served, last: &str| {
        let mut stream = TcpStream::connect(served.address()).expect("connected");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
        let address = served.address();
        let request = format!("GET /runs/run/events HTTP/1.1\r\nhost: {address}\r\n{last}\r\n");
        stream.write_all(request.as_bytes()).expect("sent");
        BufReader::new(stream)
    };
    let (id, step) = next_view(&mut listen(&served, ""));
    assert_eq!(step, Some(0));
    served.restart();
    let mut again = listen(&served, &format!("last-event-id: {id}\r\n"));
    std::thread::sleep(Duration::from_millis(200));
    served.step("run", "step=1&train_loss=1").rate();
    assert_eq!(next_view(&mut again).1, Some(1), "what it had is not sent again");
}

#[test]
fn what_is_counted_is_said() {
    let served = Served::new();
    served.make("run");
    served.step("run", "step=0&train_loss=1").rate();
    served.step("run", "step=0&train_loss=1").rate();
    served.step("run", "step=0&train_loss=2").is_problem(409);
    let metrics = served.get("/metrics");
    assert!(metrics.head.contains("text/plain; version=0.0.4"), "{metrics:?}");
    for line in [
        "lodecast_runs 1",
        "lodecast_points_total 1",
        "lodecast_known_points_total 1",
        "lodecast_answers_total{status=\"4xx\"} 1",
        "lodecast_point_seconds_count 3",
    ] {
        assert!(metrics.body.lines().any(|found| found == line), "{line}\n{}", metrics.body);
    }
    let settings = json!({"model": "toy", "total_steps": STEPS, "target": 2.0}).to_string();
    assert_eq!(served.ask("PUT", "/v1/runs/hopeless", &settings).status, 201);
    for part in 0..2 {
        let points: Vec<_> = (part * 80..part * 80 + 80)
            .map(|step| json!({"step": step, "train_loss": 1.5, "validation": 0.3}))
            .collect();
        assert_eq!(served.post("hopeless", "points", &json!({"points": points})).status, 200);
    }
    let alerts = served.get("/v1/runs/hopeless").json()["alerts"].to_string();
    assert!(alerts.contains("will not reach the target 2") && alerts.contains("better stop"), "{alerts}");
    assert!(alerts.contains("unlike the runs that were learned from: its val_accuracy is 0.3"), "{alerts}");
    // One that goes as its rates lead to expect has none of it.
    served.make("sound");
    let mut training = Training::new(5);
    let mut rate = 0.1;
    for _ in 0..160 {
        let point = training.step(rate);
        rate = served.step("sound", &form(&point)).rate();
    }
    assert_eq!(served.get("/v1/runs/sound").json()["alerts"], json!([]));
}
