//! Runs that the server follows itself.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Served;
use crate::toy::{HEADER, Place, STEPS, Training, rows};

fn wait_for(what: &str, mut ready: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !ready() {
        assert!(begun.elapsed() < Duration::from_secs(40), "{what} never came");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_log_beneath_an_allowed_folder_is_followed_also_after_a_restart() {
    let place = Place::new("logs/log.csv");
    let allowed = place.path().join("logs").to_str().expect("Unicode").to_owned();
    let mut served = Served::with(|options| options.sources = vec![allowed.clone()]);
    served.make("run");
    let put =
        |served: &Served, path: &str| served.ask("PUT", "/v1/runs/run/source", &json!({"place": path}).to_string());
    put(&served, "/etc/passwd").is_problem(403);
    put(&served, "http://127.0.0.1:1/").is_problem(403);
    served.ask("PUT", "/v1/runs/run/source", "{}").is_problem(400);
    assert_eq!(put(&served, place.log.to_str().expect("Unicode")).status, 200);
    let run = |served: &Served| served.get("/v1/runs/run").json();
    wait_for("that the log is missing", || run(&served)["source"]["absent"].is_string());
    let mut training = Training::new(9);
    let mut part = |steps: u64| {
        let points: Vec<_> = (0..steps).map(|_| training.step(0.1)).filter(|point| point.step % 10 == 0).collect();
        rows(&points)
    };
    fs::write(&place.log, HEADER.to_owned() + &part(100)).expect("written");
    wait_for("step 100", || run(&served)["last_step"] == 100);
    wait_for("that the log is there", || run(&served)["source"]["absent"] == Value::Null);
    // Other rates than planned.
    assert!(run(&served)["alerts"].to_string().contains("not followed"), "{}", run(&served)["alerts"]);
    served.server = None;
    place.append(&part(100));
    served.start(|options| options.sources = vec![allowed]);
    wait_for("step 200", || run(&served)["last_step"] == 200);
    place.append(&part(200));
    wait_for("the end", || run(&served)["finished"] == true);
    assert_eq!(run(&served)["last_step"], STEPS);
}

#[test]
fn a_run_that_logs_no_last_step_comes_to_its_end() {
    let served = Served::new();
    served.make("run");
    let point = |step: u64| json!({"step": step, "train_loss": 1.0, "validation": 0.5});
    let tell = |to: u64| {
        served.post("run", "points", &json!({"points": (0..=to / 10).map(|k| point(10 * k)).collect::<Vec<_>>()}))
    };
    assert_eq!(tell(STEPS - 20).status, 200);
    assert_eq!(served.get("/v1/runs/run").json()["finished"], false);
    assert_eq!(tell(STEPS - 10).status, 200);
    assert_eq!(served.get("/v1/runs/run").json()["finished"], true);
    // An evaluation may come yet, and a longer run is not over.
    assert_eq!(served.step("run", &format!("step={}&validation=0.5", STEPS - 1)).status, 200);
    served.post("run", "extend", &json!({"total_steps": 2 * STEPS}));
    assert_eq!(served.get("/v1/runs/run").json()["finished"], false);
}
