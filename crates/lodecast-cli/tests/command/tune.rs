//! `lodecast tune`, end to end: ask, train a toy, tell, recommend; and what may go wrong on the way.

use std::fmt::Write as _;
use std::path::Path;

use lodecast::Schedule;
use lodecast::tune::Trial;
use tempfile::TempDir;

use super::{data, json, lodecast, talk};

const STEPS: u64 = 500;

/// What the command gives as JSON.
fn answer(directory: &Path, arguments: &[&str]) -> serde_json::Value {
    json(directory, &[arguments, &["--json"]].concat())
}

/// What a command that must fail says, and its exit code.
fn refused(directory: &Path, arguments: &[&str]) -> (String, Option<i32>) {
    let output = lodecast(directory, arguments);
    assert!(!output.status.success(), "{arguments:?}");
    (talk(&output), output.status.code())
}

/// Losses of a toy under a schedule, as `(step, rate, loss)`.
fn train(schedule: &Schedule) -> Vec<(u64, f64, f64)> {
    let (mut trained, mut noise) = (0.0, 0.0);
    let mut points = Vec::new();
    for step in 0..=STEPS {
        let rate = schedule.at_step(step, STEPS);
        trained += rate;
        noise += 0.05 * (rate - noise);
        if step % 20 == 0 {
            points.push((step, rate, 0.1 + 2.2 / f64::sqrt(1.0 + trained) + 0.5 * noise));
        }
    }
    points
}

/// Writes the run of a trial into a folder of runs, as a training script would.
fn write_run(folder: &Path, trial: &Trial) {
    std::fs::create_dir_all(folder).expect("a folder");
    let mut text = String::from("run,step,loss,lr,val_loss,total_steps\n");
    for (step, rate, loss) in train(&trial.schedule) {
        let _ = writeln!(text, "{},{step},{loss:e},{rate:e},{loss:e},{STEPS}", trial.name);
    }
    std::fs::write(folder.join(format!("{}.csv", trial.name)), text).expect("written");
}

const NEW: [&str; 8] = ["tune", "study.json", "--metric", "val_loss:min", "--total-steps", "500", "--peaks", "0.01,3"];

fn asked(directory: &Path, arguments: &[&str]) -> Vec<Trial> {
    serde_json::from_value(answer(directory, arguments)).expect("trials")
}

#[test]
fn a_study_on_a_folder_of_runs() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path();
    let first = asked(path, &[&NEW[..], &["--count", "4"]].concat());
    assert_eq!(
        first.iter().map(|trial| trial.name.as_str()).collect::<Vec<_>>(),
        ["trial-0001", "trial-0002", "trial-0003", "trial-0004"]
    );
    // All but the last are trained; what is asked next takes their runs in from the folder.
    first[..3].iter().for_each(|trial| write_run(&path.join("runs"), trial));
    let output = lodecast(
        path,
        &["tune", "study.json", "--runs", "runs", "--count", "2", "--out", "next.json", "--csv", "next.csv"],
    );
    assert!(output.status.success() && talk(&output).contains("3 reports of trials"), "{}", talk(&output));
    let next: Vec<Trial> =
        serde_json::from_str(&std::fs::read_to_string(path.join("next.json")).expect("written")).expect("trials");
    assert_eq!(next.len(), 2);
    let rates = std::fs::read_to_string(path.join("next.csv")).expect("written");
    assert!(rates.starts_with("step,trial-0005,trial-0006\n") && rates.lines().count() == 501, "{rates:.100}");
    for trial in &next {
        write_run(&path.join("runs"), trial);
    }
    let recommended = answer(path, &["tune", "recommend", "study.json", "--runs", "runs", "--out", "best.json"]);
    let best = recommended["best_run"]["value"].as_f64().expect("a value");
    let schedule: Schedule = serde_json::from_value(recommended["schedule"].clone()).expect("a schedule");
    let found = train(&schedule).last().expect("points").2;
    assert!(found < 1.15 * best, "{found} beside {best}");
    assert!(recommended["predicted"]["low_95"].as_f64().expect("a law") < found);
    let shown = data(path, &["tune", "show", "study.json"]);
    assert!(shown.contains("trial-0004") && shown.contains("running") && shown.contains("finished"), "{shown}");
    let words = data(path, &["tune", "recommend", "study.json"]);
    assert!(words.contains("predicted val loss") || words.contains("predicted validation loss"), "{words}");
    // The recommendation is a schedule wherever one is taken.
    let forecast = lodecast(
        path,
        &[
            "forecast",
            "runs",
            "runs/trial-0001.csv",
            "--observed",
            "0.5",
            "--schedule",
            "best.json",
            "--val",
            "val_loss:min",
        ],
    );
    assert!(forecast.status.success(), "{}", talk(&forecast));
}

#[test]
fn ask_and_tell_by_hand() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path();
    let ask =
        |worker: &str| asked(path, &[&NEW[..], &["--start", "2.3", "--budget", "3000", "--worker", worker]].concat());
    let (first, second) = (ask("a"), ask("b"));
    assert_ne!(first[0].name, second[0].name);
    // After a crash a worker is given its trial again.
    assert_eq!(ask("a"), first);
    let told = data(path, &["tune", "tell", "study.json", &first[0].name, "0.5"]);
    assert!(told.contains("finished") && told.contains("0.5"), "{told}");
    data(path, &["tune", "tell", "study.json", &first[0].name, "0.5"]);
    let (words, code) = refused(path, &["tune", "tell", "study.json", &first[0].name, "0.4"]);
    assert!(words.contains("has reported already") && words.contains("0.5") && code == Some(1), "{words}");
    let told = data(path, &["tune", "tell", "study.json", &second[0].name, "nan"]);
    assert!(told.contains("diverged"), "{told}");
    let third = ask("c");
    assert!(
        data(path, &["tune", "tell", "study.json", &third[0].name, "--failed", "out of memory"])
            .contains("out of memory")
    );
    let fourth = ask("c");
    assert!(data(path, &["tune", "tell", "study.json", &fourth[0].name, "--abandon"]).contains("given up"));
    let recommended = answer(path, &["tune", "recommend", "study.json"]);
    assert_eq!(recommended["best_run"]["value"], 0.5);
    // The budget ends the asking: that is no failure.
    let mut asked_for = 0;
    while !asked(path, &["tune", "study.json"]).is_empty() {
        asked_for += 1;
    }
    assert!((1..6).contains(&asked_for), "{asked_for}");
}

#[test]
fn mistakes_are_named_and_change_nothing() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path();
    let (words, code) = refused(path, &["tune"]);
    assert!(words.to_lowercase().contains("study") && code == Some(2), "{words}");
    let (words, code) = refused(path, &["tune", "study.json"]);
    assert!(words.contains("--metric") && code == Some(2), "{words}");
    let (words, _) = refused(path, &["tune", "study.json", "--metric", "val_loss:min", "--total-steps", "500"]);
    assert!(words.contains("which learning rates to try"), "{words}");
    assert!(!path.join("study.json").exists());
    asked(path, &NEW);
    let before = std::fs::read(path.join("study.json")).expect("written");
    for (arguments, said) in [
        (&["tune", "study.json", "--total-steps", "600"][..], "600"),
        (&["tune", "study.json", "--metric", "val_loss:max"], "val_loss:max"),
        (&["tune", "study.json", "--peaks", "0.1,1"], "the range of peaks"),
        (&["tune", "study.json", "--warmup", "0.1"], "the warm-up"),
        (&["tune", "study.json", "--strategy", "best"], "spread, random"),
        (&["tune", "study.json", "--setting", "width"], "NAME=LOW:HIGH"),
        (&["tune", "tell", "study.json", "trial-0009", "0.1"], "trial-0001"),
        (&["tune", "tell", "study.json", "trial-0001"], "required"),
        (&["tune", "recommend", "study.json"], "no run has reported"),
        (&["tune", "recommend", "nowhere.json"], "nowhere.json"),
        (&["tune", "study.json", "--runs", "nowhere"], "nowhere"),
    ] {
        let (words, _) = refused(path, arguments);
        assert!(words.contains(said), "{arguments:?}\n{words}");
        assert_eq!(std::fs::read(path.join("study.json")).expect("there"), before, "{arguments:?}");
    }
    // A space is changed on purpose.
    let narrow = asked(path, &["tune", "study.json", "--peaks", "0.1,0.2", "--change-space", "--count", "3"]);
    assert!(narrow.iter().all(|trial| (0.0999..0.2001).contains(&trial.schedule.highest_rate())), "{narrow:?}");
    std::fs::write(path.join("study.json"), &before[..before.len() / 2]).expect("written");
    let (words, _) = refused(path, &["tune", "study.json"]);
    assert!(words.contains("not a usable study"), "{words}");
}
