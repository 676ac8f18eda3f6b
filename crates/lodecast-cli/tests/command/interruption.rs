//! Ctrl-C: what was finished is kept, and the same command goes on from there.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{data, talk, trained};

fn start(directory: &std::path::Path, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_lodecast"))
        .args(arguments)
        .current_dir(directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts")
}

/// Presses Ctrl-C once `ready` holds; gives the exit code and what was said.
fn interrupt(child: Child, ready: impl Fn() -> bool) -> (Option<i32>, String) {
    let started = Instant::now();
    while !ready() {
        assert!(started.elapsed() < Duration::from_mins(1), "the work never came to where it was to be interrupted");
        std::thread::sleep(Duration::from_millis(20));
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill").success());
    let output = child.wait_with_output().expect("the command ends");
    (output.status.code(), talk(&output))
}

#[test]
fn an_interrupted_fit_is_resumed_to_the_same_model() {
    let directory = tempfile::tempdir().unwrap();
    let sweep = trained().join("sweep.parquet");
    let common = ["fit", sweep.to_str().unwrap(), "--members", "1", "--batch-size", "16", "--iterations"];
    let arguments = [&common[..], &["4000", "-o", "a.lode"]].concat();
    let begun = Instant::now();
    let child = start(directory.path(), &arguments);
    let (code, said) = interrupt(child, || begun.elapsed() > Duration::from_millis(700));
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("interrupted") && said.contains("--resume"), "{said}");
    assert!(directory.path().join("a.lode.checkpoint").exists());
    assert!(!directory.path().join("a.lode").exists(), "an interrupted fit has no model yet");

    data(directory.path(), &[&arguments[..], &["--resume"]].concat());
    data(directory.path(), &[&common[..], &["4000", "-o", "b.lode"]].concat());
    let tensors = |name: &str| {
        let bytes = fs::read(directory.path().join(name)).unwrap();
        // The header also tells how long the fit took, which differs.
        let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        bytes[8 + header..].to_vec()
    };
    assert_eq!(tensors("a.lode"), tensors("b.lode"));
}

#[test]
fn an_interrupted_sweep_keeps_its_finished_runs() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = [
        "lab",
        "sweep",
        "--families",
        "constant",
        "--peaks",
        "0.04",
        "--seeds",
        "0-30",
        "--epochs",
        "1",
        "-o",
        "sweep.csv",
    ];
    let journal = directory.path().join("sweep.csv.journal");
    let finished = || fs::read_to_string(&journal).map_or(0, |text| text.lines().count().saturating_sub(1));
    let (code, said) = interrupt(start(directory.path(), &arguments), || finished() >= 2);
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("finished runs are kept"), "{said}");
    assert!(!directory.path().join("sweep.csv").exists());
    let kept = fs::read_to_string(&journal).unwrap();
    data(directory.path(), &arguments);
    let whole = fs::read_to_string(&journal).unwrap();
    assert!(whole.starts_with(&kept), "finished runs are not run again");
    assert_eq!(whole.lines().count(), 1 + 31);
}
