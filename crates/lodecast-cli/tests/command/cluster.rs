//! A sweep whose runs are trained by processes of their own: by the script for SLURM's arrays, and one by one.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{TINY, data, json, lodecast, talk, trained};

const GRID: [&str; 6] = ["--families", "constant,cosine", "--peaks", "0.04,0.16", "--seeds", "0-1"];
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../lodecast-lab/slurm/sweep.sh");

/// A stand-in for `sbatch --array=0-LAST`: it only sets the variable that SLURM sets, for one task after the other.
fn stand_in_for_sbatch(directory: &Path, last: usize) {
    for index in 0..=last {
        let output = Command::new("bash")
            .args([SCRIPT, "sweep"])
            .current_dir(directory)
            .env("SLURM_ARRAY_TASK_ID", index.to_string())
            .env("LODECAST", env!("CARGO_BIN_EXE_lodecast"))
            .output()
            .expect("bash starts");
        assert!(output.status.success(), "{}", talk(&output));
    }
}

#[test]
fn an_array_of_processes_makes_the_sweep_that_one_process_makes() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    let arguments = [&["lab", "sweep", "--configurations", "sweep/configurations"][..], &TINY, &GRID].concat();
    assert_eq!(json(folder, &[&arguments[..], &["--json"]].concat()).as_array().unwrap().len(), 8);

    stand_in_for_sbatch(folder, 6);
    let gather = ["lab", "gather", "sweep/results", "--configurations", "sweep/configurations"];
    let output = lodecast(folder, &gather);
    assert_eq!(output.status.code(), Some(1));
    let said = talk(&output);
    assert!(
        said.contains("1 of 8 runs have no result: sweep/configurations/0007.json (cosine 1.6e-1 seed 1)"),
        "{said}"
    );

    // Submitted again, it trains what is missing.
    let first = folder.join("sweep/results/0000.json");
    let before = fs::metadata(&first).unwrap().modified().unwrap();
    stand_in_for_sbatch(folder, 7);
    assert_eq!(fs::metadata(&first).unwrap().modified().unwrap(), before);
    let written = json(folder, &[&gather[..], &["--json"]].concat());
    assert_eq!(written["runs"], 8);
    assert_eq!(fs::read(folder.join("sweep.parquet")).unwrap(), fs::read(trained().join("sweep.parquet")).unwrap());
}

#[test]
fn what_is_no_result_of_this_sweep_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    data(folder, &[&["lab", "run", "--out", "a.json"][..], &TINY].concat());
    data(folder, &[&["lab", "sweep", "--configurations", "configurations"][..], &TINY, &GRID].concat());
    let failed = |arguments: &[&str]| {
        let output = lodecast(folder, arguments);
        assert_eq!(output.status.code(), Some(1));
        talk(&output)
    };
    let said = failed(&["lab", "gather", "a.json", "a.json"]);
    assert!(said.contains("run 'cosine 5.000e-2 seed 0' is there twice"), "{said}");
    let said = failed(&["lab", "gather", "configurations/0000.json"]);
    assert!(said.contains("configurations/0000.json is no result of a run"), "{said}");
    data(folder, &["lab", "run", "--out", "long.json", "--seed", "1", "--epochs", "3", "--points-per-epoch", "10"]);
    let said = failed(&["lab", "gather", "a.json", "long.json"]);
    assert!(said.contains("not of one sweep") && said.contains("the length was"), "{said}");
    fs::create_dir(folder.join("empty")).unwrap();
    assert!(failed(&["lab", "gather", "empty"]).contains("there are no results to gather"));
    for name in 1..8 {
        fs::remove_file(folder.join(format!("configurations/000{name}.json"))).unwrap();
    }
    data(folder, &["lab", "run", "--config", "configurations/0000.json", "--out", "b.json"]);
    let said = failed(&["lab", "gather", "a.json", "b.json", "--configurations", "configurations"]);
    assert!(said.contains("but is none of those in configurations"), "{said}");
    let configuration = fs::read_to_string(folder.join("configurations/0000.json")).unwrap();
    fs::create_dir(folder.join("adam")).unwrap();
    fs::write(folder.join("adam/0000.json"), configuration.replace("\"sgd\"", "\"adam\"")).unwrap();
    let said = failed(&["lab", "gather", "b.json", "--configurations", "adam"]);
    assert!(said.contains("is not of the configuration adam/0000.json: the optimizer was sgd"), "{said}");
    data(folder, &["lab", "gather", "b.json", "--configurations", "configurations", "-o", "one.csv"]);
    assert!(fs::read_to_string(folder.join("one.csv")).unwrap().contains("constant 4e-2 seed 0"));
}

#[test]
fn sharpness_is_a_table_or_json() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = [&["lab", "sharpness", "--top", "2", "--examples", "50", "--iterations", "8"][..], &TINY].concat();
    let measured = json(directory.path(), &[&arguments[..], &["--json"]].concat());
    let values: Vec<f64> =
        measured["eigenvalues"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect();
    assert!(values.len() == 2 && values[0] > values[1] && values[1] > 0.0, "{measured}");
    assert_eq!(measured["measurement"], serde_json::json!({ "eigenvalues": 2, "iterations": 8, "examples": 50 }));
    let table = data(directory.path(), &arguments);
    let first: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(first[0], "1");
    assert!((first[1].parse::<f64>().unwrap() / values[0] - 1.0).abs() < 1e-3, "{table}");

    let output = lodecast(directory.path(), &["lab", "sharpness", "--top", "9", "--iterations", "8"]);
    assert!(talk(&output).contains("eigenvalues = 9"), "{}", talk(&output));
}

#[test]
fn a_comparison_takes_the_task_first_and_a_number_of_seeds() {
    let directory = tempfile::tempdir().unwrap();
    fs::copy(trained().join("sweep.parquet"), directory.path().join("sweep.parquet")).unwrap();
    let length = [&["--no-sharpness", "--seeds", "2", "--json"][..], &TINY].concat();
    let by_task = ["lab", "compare", "mnist1d-cnn", "--methods", "cosine", "-o", "by-task"];
    let comparison = json(directory.path(), &[&by_task[..], &length].concat());
    assert_eq!(comparison["configuration"]["seeds"], serde_json::json!([100, 101]));
    let by_both = ["lab", "compare", "mnist1d-cnn", "sweep.parquet", "--methods", "cosine", "-o", "by-both"];
    let means = |comparison: &serde_json::Value| comparison["rows"][0]["mean"].clone();
    assert_eq!(means(&json(directory.path(), &[&by_both[..], &length].concat())), means(&comparison));

    let output = lodecast(directory.path(), &["lab", "compare", "mnist1d-cnn", "--task", "text-transformer"]);
    assert!(talk(&output).contains("'mnist1d-cnn' and 'text-transformer' at once"), "{}", talk(&output));
}
