//! The real command, end to end: the whole path on a tiny task, its words, its errors and its exit codes.

#[cfg(feature = "lab")]
mod cluster;
mod credentials;
#[cfg(feature = "lab")]
mod errors;
mod follow;
#[cfg(feature = "lab")]
mod help;
mod import;
#[cfg(all(unix, feature = "lab"))]
mod interruption;
#[cfg(feature = "lab")]
mod manners;
mod mlflow;
mod odd_runs;
#[cfg(feature = "lab")]
mod path;
mod serve;
#[cfg(feature = "lab")]
mod study;
mod tune;

use std::path::Path;
#[cfg(feature = "lab")]
use std::path::PathBuf;
use std::process::{Command, Output};
#[cfg(feature = "lab")]
use std::sync::OnceLock;

#[cfg(feature = "lab")]
use tempfile::TempDir;

/// Runs the command in a directory.
fn lodecast(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lodecast"))
        .args(arguments)
        .current_dir(directory)
        .env("COLUMNS", "100")
        .output()
        .expect("the command starts")
}

/// Runs the command, which must succeed, and gives what it wrote to standard output.
fn data(directory: &Path, arguments: &[&str]) -> String {
    let output = lodecast(directory, arguments);
    assert!(output.status.success(), "{arguments:?}\n{}", talk(&output));
    String::from_utf8(output.stdout).expect("text")
}

/// Runs the command, which must succeed, and reads its standard output as JSON.
fn json(directory: &Path, arguments: &[&str]) -> serde_json::Value {
    serde_json::from_str(&data(directory, arguments)).expect("JSON on standard output")
}

/// What the command wrote to standard error.
fn talk(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

/// Length of the tiny runs.
#[cfg(feature = "lab")]
const TINY: [&str; 4] = ["--epochs", "2", "--points-per-epoch", "10"];

/// A directory with a tiny sweep and a model of each kind, made once for all tests.
#[cfg(feature = "lab")]
fn trained() -> &'static Path {
    static TRAINED: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = TRAINED.get_or_init(|| {
        let directory = TempDir::new().expect("a temporary directory");
        let path = directory.path().to_owned();
        let grid = ["--families", "constant,cosine", "--peaks", "0.04,0.16", "--seeds", "0-1", "-o", "sweep.parquet"];
        data(&path, &[&["lab", "sweep"][..], &TINY, &grid].concat());
        let short = ["--iterations", "60", "--members", "2", "--batch-size", "16"];
        for (kind, file) in [("controlled", "controlled.lode"), ("paper", "paper.lode")] {
            data(&path, &[&["fit", "sweep.parquet", "--kind", kind, "-o", file][..], &short].concat());
        }
        (directory, path)
    });
    path
}
