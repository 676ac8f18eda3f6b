//! What bad input gets: an error that names it, a hint, an exit code, and no file half-written.

use std::fs;
use std::path::Path;

use super::{lodecast, talk, trained};

/// Exit code and words of a command that must fail.
fn failure(directory: &Path, arguments: &[&str]) -> String {
    let output = lodecast(directory, arguments);
    assert!(!output.status.success(), "{arguments:?} succeeded");
    assert!(output.stdout.is_empty(), "a failure has no data: {arguments:?}");
    format!("exit code {}\n{}", output.status.code().unwrap_or(-1), talk(&output))
}

#[test]
fn errors_say_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    write("empty.csv", "run_id,step,train_loss,learning_rate,val_accuracy:max\n");
    write("bare.csv", "run_id,step,train_loss,learning_rate,val_accuracy\na,1,2.0,0.1,0.5\na,2,1.0,0.1,0.6\n");
    write("score.csv", "run_id,step,train_loss,learning_rate,score\na,1,2.0,0.1,0.5\na,2,1.0,0.1,0.6\n");
    write("text.csv", "run_id,step,train_loss,learning_rate,val_accuracy:max\na,1,two,0.1,0.5\n");
    write("flat.csv", "run_id,step,train_loss,learning_rate,val_accuracy:max\na,1,1.0,0.1,0.5\na,2,1.0,0.1,0.5\n");
    write("config.json", "{\"task\": \"mnist1d-cnn\", \"families\": [\"sine\"]}");
    let model = fs::read(trained().join("controlled.lode")).unwrap();
    fs::write(directory.path().join("short.lode"), &model[..model.len() / 2]).unwrap();
    fs::write(directory.path().join("whole.lode"), &model).unwrap();
    fs::copy(trained().join("sweep.parquet"), directory.path().join("sweep.parquet")).unwrap();

    for (name, arguments) in [
        ("no-such-sweep", &["runs", "nowhere.parquet"][..]),
        ("no-such-model", &["evaluate", "nowhere.lode", "sweep.parquet"]),
        ("unknown-format", &["runs", "short.lode"]),
        ("empty-sweep", &["fit", "empty.csv"]),
        ("one-run", &["fit", "flat.csv"]),
        ("metric-without-direction", &["runs", "score.csv"]),
        ("metric-without-direction-named", &["runs", "bare.csv", "--val", "val_accuracy"]),
        ("unknown-metric", &["fit", "sweep.parquet", "--metric", "val_loss"]),
        ("unknown-metric-column", &["runs", "sweep.parquet", "--val", "f1:max"]),
        ("text-for-a-number", &["runs", "text.csv"]),
        ("options-of-searches-without-them", &["evaluate", "whole.lode", "sweep.parquet", "--sizes", "3"]),
        ("report-of-searches", &["evaluate", "--searches", ".", "--html", "page.html"]),
        ("truncated-model", &["plan", "short.lode"]),
        ("setting-out-of-range", &["fit", "sweep.parquet", "--members", "0"]),
        ("run-without-length", &["forecast", "whole.lode", "bare.csv"]),
        ("run-that-is-over", &["forecast", "whole.lode", "bare.csv", "--total-steps", "2"]),
        ("unknown-schedule", &["forecast", "whole.lode", "bare.csv", "--total-steps", "9", "--schedule", "sine:1"]),
        ("unknown-task", &["lab", "run", "--task", "mnist"]),
        ("damaged-configuration", &["lab", "sweep", "--config", "config.json", "--force"]),
        ("no-study", &["report", "."]),
        ("no-study-directory", &["report", "nowhere"]),
        ("unknown-command", &["train"]),
        ("bad-seeds", &["lab", "sweep", "--seeds", "5-3"]),
    ] {
        insta::with_settings!({filters => vec![("error: (Os|No) .*", "[OS ERROR]")]}, {
            insta::assert_snapshot!(name, failure(directory.path(), arguments));
        });
    }
    for leftover in ["model.lode", "model.lode.checkpoint", "report.html", "sweep.parquet.journal"] {
        assert!(!directory.path().join(leftover).exists(), "{leftover}");
    }
}

#[test]
fn a_file_in_no_folder_is_refused_before_any_work() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["controlled.lode", "sweep.parquet"] {
        fs::copy(trained().join(name), directory.path().join(name)).unwrap();
    }
    let study = ["--metric", "accuracy:max", "--total-steps", "100", "--peaks", "0.01,1"];
    for (wanted, arguments) in [
        ("none/a.lode", &["fit", "sweep.parquet", "-o", "none/a.lode"][..]),
        ("none/a.checkpoint", &["fit", "sweep.parquet", "--kind", "controlled", "--checkpoint", "none/a.checkpoint"]),
        ("none/a.csv", &["plan", "controlled.lode", "--total-steps", "100", "--csv", "none/a.csv"]),
        ("none/a.html", &["plan", "controlled.lode", "--total-steps", "100", "--html", "none/a.html"]),
        ("none/a.html", &["runs", "sweep.parquet", "--html", "none/a.html"]),
        ("none/a.html", &["evaluate", "controlled.lode", "sweep.parquet", "--html", "none/a.html"]),
        ("none/a.json", &["suggest", "controlled.lode", "-o", "none/a.json"]),
        ("none/a.json", &[&["tune", "study.json", "-o", "none/a.json"][..], &study].concat()),
        ("none/study.json", &[&["tune", "none/study.json"][..], &study].concat()),
        ("none/a.json", &["lab", "run", "--task", "mnist1d-cnn", "-o", "none/a.json"]),
        ("none/a.parquet", &["lab", "sweep", "--task", "mnist1d-cnn", "-o", "none/a.parquet"]),
    ] {
        let said = failure(directory.path(), arguments);
        let expected =
            format!("exit code 1\nerror: {wanted}: there is no folder none; make it, or name another file\n");
        assert_eq!(said, expected, "{arguments:?}");
    }
    let mut left: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["controlled.lode", "sweep.parquet"]);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    use std::process::{Command, Stdio};
    let mut child = Command::new(env!("CARGO_BIN_EXE_lodecast"))
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), talk(&output).as_str()), (Some(0), ""));
}
