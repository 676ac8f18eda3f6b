//! `lodecast import` as a user runs it.

use std::fs;
use std::path::Path;

use super::{data, json, lodecast, talk};

/// A file of one run with these columns, and a value for each in every of its four rows.
fn write(folder: &Path, name: &str, header: &str, row: &str) {
    let rows: Vec<String> = (1..=4).map(|step| format!("{step},{row}")).collect();
    fs::write(folder.join(name), format!("step,{header}\n{}\n", rows.join("\n"))).expect("written");
}

/// Two runs, of which the second calls its learning rate otherwise, and one without a learning rate.
fn runs(folder: &Path) {
    let runs = folder.join("runs");
    fs::create_dir(&runs).expect("made");
    write(&runs, "a.csv", "train_loss,lr-SGD,val_acc", "2.0,0.1,0.5");
    write(&runs, "b.csv", "train_loss,lr-AdamW,val_acc", "2.0,0.2,0.6");
    write(&runs, "c.csv", "train_loss,val_acc", "2.0,0.7");
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_dry_run_shows_what_would_be_read_and_writes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    runs(folder.path());
    let output = lodecast(folder.path(), &["import", "runs", "--dry-run"]);
    let said = talk(&output);
    assert!(output.status.success(), "{said}");
    let table = String::from_utf8(output.stdout).expect("text");
    let row = table.lines().find(|line| line.starts_with("b ")).expect("a row of run b");
    assert_eq!(row.split_whitespace().collect::<Vec<_>>(), ["b", "4", "1", "4", "4", "4", "4"], "{table}");
    for part in [
        "runs: csv",
        "train loss: train_loss",
        "learning rate: lr-AdamW; in runs without it: lr-SGD",
        "validation: val_acc, better if larger (by its name)",
        "run 'a': its learning rate is 'lr-SGD', for it has no 'lr-AdamW'",
        "run 'c' was left out: it has no samples of the learning rate",
    ] {
        assert!(said.contains(part), "'{part}' is not in: {said}");
    }
    assert_eq!(names(folder.path()), ["runs"]);
}

#[test]
fn what_was_imported_is_a_sweep() {
    let folder = tempfile::tempdir().expect("a folder");
    runs(folder.path());
    let report = json(folder.path(), &["import", "runs", "-o", "sweep.csv", "--json"]);
    assert_eq!(report["read"]["runs"].as_array().map(Vec::len), Some(2));
    assert_eq!(report["read"]["skipped"][0]["run"], "c");
    let sweep = fs::read_to_string(folder.path().join("sweep.csv")).expect("written");
    assert!(
        sweep.lines().any(|line| line.starts_with("b,4,2,0.2,0.6") || line.starts_with("b,4,2.0,0.2,0.6")),
        "{sweep}"
    );
    assert_eq!(names(folder.path()), ["runs", "sweep.csv"]);
    assert!(data(folder.path(), &["runs", "sweep.csv"]).contains("val_acc"));
}

#[test]
fn what_is_not_clear_is_refused_and_leaves_an_older_file_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "run.csv", "loss,lr,val_score", "2.0,0.1,0.5");
    fs::write(folder.path().join("sweep.csv"), "older").expect("written");
    let output = lodecast(folder.path(), &["import", "run.csv", "-o", "sweep.csv"]);
    assert!(talk(&output).contains("sweep.csv is there already"), "{}", talk(&output));
    let output = lodecast(folder.path(), &["import", "run.csv", "--force", "-o", "sweep.csv"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(talk(&output).contains("--val val_score:max or --val val_score:min"), "{}", talk(&output));
    let output = lodecast(folder.path(), &["import", "csv", "run.csv", "--lr", "rate", "--force", "-o", "sweep.csv"]);
    assert!(talk(&output).contains("no series 'rate'") && talk(&output).contains("correct --lr"), "{}", talk(&output));
    // All its runs are left out: none has a whole number of the metric asked for.
    write(folder.path(), "none.csv", "loss,lr,val_acc", "2.0,0.1,");
    let output = lodecast(folder.path(), &["import", "none.csv", "--force", "-o", "sweep.csv"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(fs::read_to_string(folder.path().join("sweep.csv")).expect("still there"), "older");
    assert_eq!(names(folder.path()), ["none.csv", "run.csv", "sweep.csv"]);
}

#[test]
fn what_is_no_recording_is_refused_with_the_formats_there_are() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("notes.txt"), "hello").expect("written");
    let output = lodecast(folder.path(), &["import", "notes.txt"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        talk(&output).contains("none of the known formats") && talk(&output).contains("tensorboard"),
        "{}",
        talk(&output)
    );
    let output = lodecast(folder.path(), &["import", "tensorboard"]);
    assert!(talk(&output).contains("'tensorboard' is the name of a format"), "{}", talk(&output));
}

#[test]
fn a_database_that_cannot_be_reached_is_taken_for_no_format() {
    let folder = tempfile::tempdir().expect("a folder");
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
    let output = lodecast(folder.path(), &["import", &format!("postgresql://127.0.0.1:{port}/runs"), "--dry-run"]);
    assert_eq!(output.status.code(), Some(1));
    let said = talk(&output);
    assert!(
        said.contains(&format!("postgresql://127.0.0.1:{port}/runs: ")) && said.contains("check host, port"),
        "{said}"
    );
    assert!(!said.contains("mlflow") && !said.contains("optuna"), "{said}");
}

#[test]
fn a_file_that_cannot_be_written_is_known_before_anything_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    runs(folder.path());
    for (out, reason) in [("none/sweep.parquet", "there is no folder none"), ("sweep.xlsx", "name it *.parquet")] {
        let output = lodecast(folder.path(), &["import", "runs", "-o", out]);
        assert_eq!(output.status.code(), Some(1));
        let said = talk(&output);
        assert!(said.contains(out) && said.contains(reason) && !said.contains("train loss"), "{said}");
    }
    assert_eq!(names(folder.path()), ["runs"]);
}

#[cfg(unix)]
#[test]
fn an_interrupted_import_leaves_no_half_file() {
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    let folder = tempfile::tempdir().expect("a folder");
    let runs = folder.path().join("runs");
    fs::create_dir(&runs).expect("made");
    for run in 0..4000 {
        write(&runs, &format!("{run}.csv"), "loss,lr,val_acc", "2.0,0.1,0.5");
    }
    let child = Command::new(env!("CARGO_BIN_EXE_lodecast"))
        .args(["import", "runs", "-o", "sweep.parquet"])
        .current_dir(folder.path())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    // It is at work once it has begun to write beside where its file will be.
    let begun = Instant::now();
    while names(folder.path()) == ["runs"] {
        assert!(begun.elapsed() < Duration::from_mins(1), "the import never began");
        std::thread::yield_now();
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill").success());
    let output = child.wait_with_output().expect("the command ends");
    assert_eq!(output.status.code(), Some(130), "{}", talk(&output));
    assert!(talk(&output).contains("interrupted\nhint: nothing was written"), "{}", talk(&output));
    assert_eq!(names(folder.path()), ["runs"]);
}

#[test]
fn what_is_read_is_not_written_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let table = "step,train_loss,lr,val_acc\n10,2.0,0.1,0.3\n20,1.5,0.1,0.5\n";
    fs::create_dir(folder.path().join("logs")).expect("made");
    fs::write(folder.path().join("logs/a.csv"), table).expect("written");
    let output = lodecast(folder.path(), &["import", "logs", "--force", "-o", "logs/a.csv"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(talk(&output).contains("among what is read"), "{}", talk(&output));
    assert_eq!(fs::read_to_string(folder.path().join("logs/a.csv")).expect("there"), table);
}
