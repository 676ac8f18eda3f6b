//! `lodecast follow`, end to end: a toy training in another process's log, its rates in a file, and what may go wrong on the way.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lodecast::Schedule;
use serde_json::Value;
use tempfile::TempDir;

use super::{data, lodecast, talk};

const STEPS: u64 = 300;

/// Rows of a toy training from one step to another, under a schedule.
fn rows(schedule: &dyn Fn(u64) -> f64, steps: std::ops::Range<u64>) -> String {
    let mut text = String::new();
    for step in (0..STEPS).filter(|step| steps.contains(step) && step % 10 == 0) {
        let area: f64 = (0..step).map(|at| schedule(at) / (1.0 + 4.0 * schedule(at))).sum();
        let loss = 0.1 + 2.0 / (1.0 + 0.5 * area) + 0.6 * schedule(step);
        let _ = writeln!(text, "{step},{loss},{},{}", schedule(step), loss + 0.05);
    }
    text
}

const HEADER: &str = "step,loss,lr,val_loss\n";

/// A folder with eight runs in `runs`.
fn search() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let runs = folder.path().join("runs");
    fs::create_dir(&runs).expect("made");
    for peak in [0.02, 0.05, 0.1, 0.2] {
        for (name, schedule) in [("cosine", Schedule::cosine(peak)), ("constant", Schedule::constant(peak))] {
            let rows = rows(&|step| schedule.at_step(step, STEPS).max(1e-4), 0..STEPS);
            fs::write(runs.join(format!("{name}-{peak}.csv")), HEADER.to_owned() + &rows).expect("written");
        }
    }
    folder
}

const FOLLOW: [&str; 9] =
    ["follow", "log.csv", "--runs", "runs", "--total-steps", "300", "--val", "val_loss:min", "--once"];

fn rates(folder: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(folder.join("rates.json")).expect("a file of rates")).expect("JSON")
}

#[test]
fn what_a_training_writes_is_never_replaced() {
    let folder = search();
    let path = folder.path();
    let log = HEADER.to_owned() + &rows(&|_| 0.05, 0..60);
    fs::write(path.join("log.csv"), &log).expect("written");
    fs::write(path.join("notes.txt"), "mine").expect("written");
    fs::create_dir(path.join("tensorboard")).expect("made");
    for (more, problem) in [
        (&["-o", "log.csv"][..], "is the log that is to be followed"),
        (&["-o", "./tensorboard/../log.csv"], "is the log that is to be followed"),
        (&["-o", "notes.txt"], "is no file of rates"),
        (&["--log-back", "log.csv"], "is the log that is to be followed"),
        (&["--log-back", "log.csv/events"], "is the log that is to be followed, or in it"),
        (&["--log-back", "notes.txt"], "neither JSON lines nor a folder"),
        (&["--log-back", "rates.json"], "is the file of rates"),
    ] {
        let output = lodecast(path, &[&FOLLOW[..], more].concat());
        let said = talk(&output);
        assert!(!output.status.success() && said.contains(problem), "{more:?}\n{said}");
    }
    // Nor is a log that is yet to be there a place for anything else.
    let output = lodecast(path, &["follow", "later.csv", "--runs", "runs", "--log-back", "later.csv", "--once"]);
    assert!(talk(&output).contains("is the log that is to be followed"), "{}", talk(&output));
    assert_eq!(fs::read_to_string(path.join("log.csv")).expect("there"), log);
    assert_eq!(fs::read_to_string(path.join("notes.txt")).expect("there"), "mine");
    assert!(!path.join("later.csv").exists());
    let output = lodecast(path, &FOLLOW);
    assert!(output.status.success(), "{}", talk(&output));
    // A file of rates is what may be replaced.
    assert!(lodecast(path, &FOLLOW).status.success());
}

#[test]
fn whoever_decides_more_often_also_decides_before_the_start() {
    let folder = search();
    let path = folder.path();
    let said = data(path, &[&FOLLOW[..], &["--replan-every", "0.25"]].concat());
    assert!(said.contains("picked by law and process"), "{said}");
    let schedule = Schedule::cosine(0.1);
    fs::write(path.join("log.csv"), HEADER.to_owned() + &rows(&|step| schedule.at_step(step, STEPS), 0..100)).unwrap();
    let said = data(path, &[&FOLLOW[..], &["--replan-every", "0.25"]].concat());
    assert!(said.starts_with("step 90 of 300: ") && said.contains("next decision at step 150"), "{said}");
}

#[test]
fn what_needs_attention_is_said_to_scripts_too() {
    let folder = search();
    let path = folder.path();
    let first = lodecast(path, &FOLLOW);
    assert!(first.status.success(), "{}", talk(&first));
    // Another rate than was planned, by far.
    fs::write(path.join("log.csv"), HEADER.to_owned() + &rows(&|_| 0.0003, 0..80)).expect("written");
    let output = lodecast(path, &[&FOLLOW[..], &["--json"]].concat());
    assert!(output.status.success(), "{}", talk(&output));
    let lines = String::from_utf8(output.stdout).expect("text");
    let alerts: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
        .filter(|line| line["alert"].is_object())
        .collect();
    assert!(alerts.iter().any(|line| line["alert"]["kind"] == "not-followed" && line["at_step"] == 70), "{lines}");
}

#[test]
fn nothing_is_learned_from_the_run_that_is_followed() {
    let folder = search();
    let path = folder.path();
    let beside = |source: &str| {
        for left in ["rates.json", "rates.json.state", "rates.json.lode"] {
            let _ = fs::remove_file(path.join(left));
        }
        lodecast(path, &["follow", source, "--total-steps", "300", "--once"])
    };
    fs::write(path.join("runs/new.csv"), HEADER.to_owned() + &rows(&|_| 0.05, 0..60)).expect("written");
    let output = beside("runs/new.csv");
    assert!(output.status.success(), "{}", talk(&output));
    let said = talk(&output);
    assert!(said.contains("law fitted to 8 runs") && said.contains("the run that is followed is left out"), "{said}");

    let alone = path.join("alone");
    fs::create_dir(&alone).expect("made");
    for (source, problem) in [
        ("alone/new.csv", "no runs to learn from lie beside alone/new.csv"),
        ("alone/log.csv", "there are no runs besides"),
    ] {
        if source == "alone/log.csv" {
            fs::copy(path.join("runs/new.csv"), alone.join("log.csv")).expect("copied");
        }
        let output = beside(source);
        let said = talk(&output);
        assert!(!output.status.success() && said.contains(problem), "{said}");
        assert!(said.contains("--runs") && said.contains("--model"), "{said}");
    }
}

#[test]
fn rates_are_there_before_the_log_is_and_follow_it() {
    let folder = search();
    let path = folder.path();
    let said = data(path, &FOLLOW);
    assert!(said.starts_with("before the start: ends at"), "{said}");
    assert_eq!((&rates(path)["revision"], &rates(path)["effective_from_step"]), (&1.into(), &0.into()));

    let schedule = Schedule::cosine(0.1);
    fs::write(path.join("log.csv"), HEADER.to_owned() + &rows(&|step| schedule.at_step(step, STEPS), 0..100)).unwrap();
    let lines = data(path, &[&FOLLOW[..], &["--json"]].concat());
    let decisions: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("a line each")).collect();
    // It has rates of its own.
    let [decision, alert] = &decisions[..] else { panic!("{lines}") };
    assert_eq!((&alert["alert"]["kind"], &alert["at_step"]), (&"not-followed".into(), &90.into()));
    assert_eq!(
        (&decision["revision"], &decision["at_step"], &decision["total_steps"]),
        (&2.into(), &90.into(), &300.into())
    );
    assert!(decision["effective_from_step"].as_u64() > Some(90));
    assert_eq!(rates(path)["knots"], decision["knots"]);
    assert_eq!(rates(path)["metric"], "val_loss:min");
    // Nothing new: nothing is decided.
    assert_eq!(data(path, &FOLLOW), "");

    // The rest of the run, at other rates than planned.
    fs::write(path.join("log.csv"), HEADER.to_owned() + &rows(&|_| 0.003, 0..STEPS)).unwrap();
    let output = lodecast(path, &FOLLOW);
    assert!(output.status.success() && talk(&output).contains("another training began"), "{}", talk(&output));
    assert!(talk(&output).contains("not followed: since step"), "{}", talk(&output));
}

#[test]
fn what_is_missing_is_said_with_what_to_do() {
    let folder = search();
    let path = folder.path();
    for (arguments, code, words) in [
        (&["follow", "http://localhost:1", "--once"][..], 2, "--runs"),
        (&["follow", "log.csv", "--model", "none.lode", "--once"], 1, "none.lode"),
        (&["follow", "log.csv", "--runs", "runs", "--val", "val_loss:min", "--once"], 1, "give --total-steps"),
        (&["follow", "log.csv", "--runs", "runs", "-o", "no/rates.json", "--once"], 1, "there is no folder"),
        (&["follow", "log.csv", "--runs", "runs", "--every", "0"], 2, "seconds"),
        (&["follow", "runs", "--runs", "runs", "--total-steps", "300", "--val", "val_loss:min", "--once"], 1, "--run,"),
    ] {
        let output = lodecast(path, arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{}", talk(&output));
        assert!(talk(&output).contains(words), "{arguments:?}\n{}", talk(&output));
    }
}

#[cfg(unix)]
#[test]
fn a_run_is_followed_while_it_trains_and_an_interruption_loses_nothing() {
    let folder = search();
    let path = folder.path();
    let start = || {
        Command::new(env!("CARGO_BIN_EXE_lodecast"))
            .args(&FOLLOW[..FOLLOW.len() - 1])
            .args(["--every", "0.05", "--json"])
            .current_dir(path)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command starts")
    };
    let wait_for = |what: &str, ready: &dyn Fn() -> bool| {
        let started = Instant::now();
        while !ready() {
            assert!(started.elapsed() < Duration::from_mins(1), "{what} never came");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let revision =
        || fs::read_to_string(path.join("rates.json")).ok().and_then(|text| serde_json::from_str::<Value>(&text).ok());
    let is_at = |number: u64| revision().is_some_and(|file| file["revision"].as_u64() >= Some(number));

    let child = start();
    wait_for("the first revision", &|| is_at(1));
    let planned = rates(path);
    let knots: Vec<(f64, f64)> = planned["knots"]
        .as_array()
        .unwrap()
        .iter()
        .map(|knot| (knot["progress"].as_f64().unwrap(), knot["learning_rate"].as_f64().unwrap()))
        .collect();
    let schedule = Schedule::piecewise_linear(knots).expect("usable");
    let rate = |step: u64| schedule.at_step(step, STEPS);
    fs::write(path.join("log.csv"), HEADER.to_owned() + &rows(&rate, 0..40)).unwrap();
    wait_for("a decision", &|| is_at(2));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill").success());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130), "{}", talk(&output));
    assert!(talk(&output).contains("the same command goes on from here"), "{}", talk(&output));
    let before = rates(path);

    let child = start();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(rates(path), before);
    fs::write(path.join("log.csv"), HEADER.to_owned() + &rows(&rate, 0..STEPS)).unwrap();
    // Its last point is at step 290, and the next would be beyond its end.
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", talk(&output));
    assert!(talk(&output).contains("planned end"), "{}", talk(&output));
    assert_eq!(rates(path)["finished"], true);
}
