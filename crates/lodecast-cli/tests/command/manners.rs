//! How the command behaves: nothing is replaced unasked, numbers can be pasted back, long work is announced.

use std::fs;
use std::path::Path;

use super::{TINY, data, json, lodecast, talk, trained};

/// What a command that must fail says.
fn refused(directory: &Path, arguments: &[&str], code: i32) -> String {
    let output = lodecast(directory, arguments);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{}", talk(&output));
    talk(&output)
}

#[test]
fn files_that_are_there_are_replaced_only_when_told() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    for name in ["sweep.parquet", "controlled.lode"] {
        fs::copy(trained().join(name), folder.join(name)).unwrap();
    }
    let reference = concat!(env!("CARGO_MANIFEST_DIR"), "/../lodecast/tests/data/reference_a.eqx");
    for (file, arguments) in [
        ("model.lode", &["fit", "sweep.parquet"][..]),
        ("model.lode", &["import-model", reference, "sweep.parquet", "--points-per-run", "20"]),
        ("next.json", &["suggest", "controlled.lode", "--count", "1", "-o", "next.json"]),
        ("sweep.parquet", &["import", "csv", "runs"]),
        ("sweep.parquet", &["lab", "sweep", "--epochs", "1"]),
        ("sweep.parquet", &["lab", "gather", "results"]),
    ] {
        if file != "sweep.parquet" {
            fs::write(folder.join(file), "precious").unwrap();
        }
        let before = fs::read(folder.join(file)).unwrap();
        let said = refused(folder, arguments, 1);
        assert!(said.contains(&format!("{file} is there already")) && said.contains("--force"), "{said}");
        assert_eq!(fs::read(folder.join(file)).unwrap(), before, "{arguments:?}");
    }
    data(folder, &["suggest", "controlled.lode", "--count", "1", "-o", "next.json", "--force"]);
    assert!(fs::read_to_string(folder.join("next.json")).unwrap().starts_with('['));
}

#[test]
fn the_same_sweep_again_is_no_other_file() {
    let directory = tempfile::tempdir().unwrap();
    let arguments =
        [&["lab", "sweep", "--families", "constant", "--peaks", "0.04", "--seeds", "1"][..], &TINY].concat();
    data(directory.path(), &arguments);
    data(directory.path(), &arguments);
    fs::remove_file(directory.path().join("sweep.parquet.journal")).unwrap();
    assert!(refused(directory.path(), &arguments, 1).contains("is there already"));
}

#[test]
fn numbers_are_of_characters_that_programs_read() {
    for arguments in [
        &["runs", "sweep.parquet"][..],
        &["evaluate", "controlled.lode", "sweep.parquet"],
        &["plan", "controlled.lode"],
    ] {
        let text = data(trained(), arguments);
        assert!(text.is_ascii(), "{text}");
    }
}

#[test]
fn training_is_announced_with_how_long_it_will_take() {
    let directory = tempfile::tempdir().unwrap();
    let arguments =
        [&["lab", "sweep", "--families", "constant", "--peaks", "0.04", "--seeds", "2"][..], &TINY].concat();
    let said = talk(&lodecast(directory.path(), &arguments));
    let announced = said.lines().next().unwrap_or_default();
    assert!(announced.starts_with("2 runs of 80 steps, ") && announced.ends_with(" of training"), "{said}");
    assert!(said.contains("at a time: about "), "{said}");
}

#[test]
fn a_comparison_is_of_the_sweeps_own_task_and_optimizer() {
    let compare = ["lab", "compare", "sweep.parquet", "--seeds", "1", "-o", "unwanted"];
    let said = refused(trained(), &[&compare[..], &["--optimizer", "adamw"]].concat(), 1);
    assert!(
        said.contains("the optimizer is to be adamw, but the runs in sweep.parquet were trained with sgd"),
        "{said}"
    );
    let other = ["lab", "compare", "text-transformer", "sweep.parquet", "--seeds", "1", "-o", "unwanted"];
    let said = refused(trained(), &other, 1);
    assert!(said.contains("the task is to be text-transformer"), "{said}");
    assert!(!trained().join("unwanted").exists());
}

#[test]
fn a_number_of_seeds_is_how_many() {
    let directory = tempfile::tempdir().unwrap();
    let seeds = |option: &str, file: &str| {
        let grid = ["lab", "sweep", "--families", "constant", "--peaks", "0.04", "--seeds", option, "-o", file];
        data(directory.path(), &[&grid[..], &TINY].concat());
        let runs = json(directory.path(), &["runs", file, "--each", "--json"]);
        let runs = runs["by_run"].as_array().unwrap().iter();
        runs.map(|run| run["run"].as_str().unwrap().rsplit(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(seeds("2", "two.csv"), ["0", "1"]);
    assert_eq!(seeds("2-2", "one.csv"), ["2"]);
}
