//! Methods side by side, and the report of what came out.

use std::fs;

use super::{TINY, data, json, lodecast, talk, trained};

#[test]
fn a_comparison_is_written_down_resumed_and_reported() {
    let directory = tempfile::tempdir().unwrap();
    let copy = |name: &str| fs::copy(trained().join(name), directory.path().join(name)).unwrap();
    for name in ["sweep.parquet", "controlled.lode", "paper.lode"] {
        copy(name);
    }
    let who = ["lab", "compare", "sweep.parquet", "--model", "controlled.lode", "--model", "paper.lode"];
    let more = ["--paper", "paper.lode", "--schedule", "linear:0.16", "--seeds", "100-101", "--json", "-o", "out"];
    let arguments = [&who[..], &more, &TINY].concat();
    let comparison = json(directory.path(), &arguments);
    let rows = comparison["rows"].as_array().unwrap();
    let methods: Vec<&str> = rows.iter().map(|row| row["method"].as_str().unwrap()).collect();
    assert!(methods[0].starts_with("best of the sweep ("), "{methods:?}");
    assert!(methods.contains(&"linear 0.16"), "{methods:?}");
    let scheduled = ["lodecast (controlled)", "lodecast (paper's model)", "the paper's planner"];
    assert!(methods.ends_with(&scheduled), "{methods:?}");
    assert_eq!(comparison["records"].as_array().unwrap().len(), 2 * methods.len());

    let before = fs::metadata(directory.path().join("out/comparison.journal")).unwrap().len();
    assert_eq!(json(directory.path(), &arguments), comparison, "the same command gives the same result");
    assert_eq!(fs::metadata(directory.path().join("out/comparison.journal")).unwrap().len(), before);

    let report = data(directory.path(), &["report", "out", "-o", "page.html", "--pictures", "pictures"]);
    let picture = fs::read_to_string(directory.path().join("pictures/learning-rate-of-every-method.svg")).unwrap();
    assert!(picture.starts_with("<svg xmlns=") && picture.contains("lodecast (controlled)"));
    assert_eq!(report, "page.html\n");
    let page = fs::read_to_string(directory.path().join("page.html")).unwrap();
    for needed in
        ["<h2>The result</h2>", "<h2>The schedules</h2>", "<h2>The sweep</h2>", "lodecast (controlled)", "role=\"img\""]
    {
        assert!(page.contains(needed), "{needed}");
    }
    for forbidden in ["http://", "https://", "<script", "NaN"] {
        assert!(!page.contains(forbidden), "a report needs nothing from outside: {forbidden}");
    }
}

#[test]
fn what_plans_otherwise_is_trained_anew() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["sweep.parquet", "controlled.lode"] {
        fs::copy(trained().join(name), directory.path().join(name)).unwrap();
    }
    let who = ["lab", "compare", "sweep.parquet", "--model", "controlled.lode", "--seeds", "1", "--no-sharpness"];
    let compared = |options: &[&str]| {
        json(directory.path(), &[&who[..], options, &["--json", "-o", "out"], &TINY].concat());
        fs::metadata(directory.path().join("out/comparison.journal")).unwrap().len()
    };
    let first = compared(&[]);
    let other = compared(&["--search", "sweep-only", "--rate-margin", "1"]);
    assert!(other > first, "the same name with other settings is another method");
    assert_eq!(compared(&["--search", "sweep-only", "--rate-margin", "1"]), other);
}

#[test]
fn planner_options_are_checked_before_anything_is_trained() {
    let compare = |model: &str, options: &[&str]| {
        let who = ["lab", "compare", "sweep.parquet", "--model", model, "--seeds", "1", "-o", "unwanted"];
        let output = lodecast(trained(), &[&who[..], options].concat());
        assert_eq!(output.status.code(), Some(2));
        talk(&output)
    };
    assert!(compare("controlled.lode", &["--rate-margin", "0.5"]).contains("give a factor between 1 and 10"));
    assert!(compare("paper.lode", &["--rate-margin", "2"]).contains("fit a model with --kind controlled"));
}

#[test]
fn seeds_of_the_sweep_test_nothing() {
    let output = lodecast(trained(), &["lab", "compare", "sweep.parquet", "--seeds", "1-3"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(talk(&output).contains("seed 1 was used in the sweep"), "{}", talk(&output));
}

#[test]
fn the_paper_plans_with_latent_odes_only() {
    let arguments = ["lab", "compare", "sweep.parquet", "--paper", "controlled.lode", "--seeds", "1"];
    let output = lodecast(trained(), &arguments);
    assert_eq!(output.status.code(), Some(1));
    assert!(talk(&output).contains("--kind paper --members 1"), "{}", talk(&output));
}

#[test]
fn man_pages_and_completions_cover_every_command() {
    let directory = tempfile::tempdir().unwrap();
    data(directory.path(), &["man", "man"]);
    for page in ["lodecast.1", "lodecast-fit.1", "lodecast-lab-sweep.1"] {
        assert!(directory.path().join("man").join(page).exists(), "{page}");
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(data(directory.path(), &["completions", shell]).contains("import-model"), "{shell}");
    }
}

#[test]
fn a_demonstration_ends_with_a_report_and_is_not_run_twice() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = ["demo", "--quick", "--seeds", "2", "--json"];
    let comparison = json(directory.path(), &arguments);
    assert_eq!(comparison["configuration"]["seeds"], serde_json::json!([100, 101]));
    let methods: Vec<&str> =
        comparison["rows"].as_array().unwrap().iter().map(|row| row["method"].as_str().unwrap()).collect();
    let ours =
        ["best suggestion, as it is", "lodecast (controlled)", "lodecast (paper's model)", "lodecast, one round"];
    assert!(methods.ends_with(&ours), "{methods:?}");
    let page = fs::read_to_string(directory.path().join("demo/report.html")).unwrap();
    for section in ["The result", "The schedules", "The runs", "Forecasts", "The sweep", "The models", "How to read it"]
    {
        assert!(page.contains(&format!("<h2>{section}</h2>")), "{section}");
    }
    assert!(page.contains("Second round") && page.contains("6 runs of 3 configurations"));
    assert!(page.contains("the numbers say little"), "a quick run says that it was one");
    assert!(!page.contains("NaN"));

    assert!(page.contains("<h2>What 12 runs are good for</h2>") && page.contains("lodecast's pick"), "the first act");
    let few = data(directory.path(), &["report", "demo/few-runs", "-o", "few.html"]);
    assert_eq!(few, "few.html\n", "the first act is a study of its own");

    let journals = [
        "demo/few-runs/sweep.journal",
        "demo/few-runs/comparison.journal",
        "demo/sweep.journal",
        "demo/second-round.journal",
        "demo/comparison.journal",
    ]
    .map(|name| directory.path().join(name));
    let lengths = journals.each_ref().map(|path| fs::metadata(path).unwrap().len());
    assert_eq!(json(directory.path(), &arguments), comparison);
    assert_eq!(journals.each_ref().map(|path| fs::metadata(path).unwrap().len()), lengths);
    let page = fs::read_to_string(directory.path().join("demo/report.html")).unwrap();
    assert!(page.contains("What lodecast decided"), "decisions outlive the run they were made in");
}
