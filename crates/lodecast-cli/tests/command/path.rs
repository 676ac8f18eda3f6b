//! Sweep, runs, fit, evaluate, forecast, plan: each takes what the one before it left.

use std::fmt::Write as _;
use std::fs;

use lodecast_sweep_file::ReadOptions;

use super::{TINY, data, json, lodecast, talk, trained};

#[test]
fn a_sweep_holds_the_runs_that_were_asked_for() {
    let summary = json(trained(), &["runs", "sweep.parquet", "--each", "--json"]);
    assert_eq!(summary["runs"], 8);
    assert_eq!(summary["configurations"], 4);
    assert_eq!(summary["points"], 8 * 20);
    assert_eq!(summary["validated_points"], 8 * 20);
    assert_eq!(summary["by_run"].as_array().unwrap().len(), 8);
    let means: Vec<f64> = summary["by_configuration"]
        .as_array()
        .unwrap()
        .iter()
        .map(|configuration| configuration["mean_final"].as_f64().unwrap())
        .collect();
    assert!(means.is_sorted_by(|a, b| a >= b), "the best comes first: {means:?}");
}

#[test]
fn a_run_that_stopped_early_is_told_from_one_that_ended() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = "run_id,step,train_loss,learning_rate,acc:max,attribute.weight_decay\n".to_owned();
    // Both of one rate; the one with the better last value was stopped half-way, and neither says how long it was to be.
    for (id, decay, last, best) in [("whole", "0.1", 100u64, 0.6), ("stopped", "0.2", 50, 0.8)] {
        for step in (10..=last).step_by(10) {
            writeln!(text, "{id},{step},1.0,0.1,{},{decay}", best * step as f64 / last as f64).unwrap();
        }
    }
    fs::write(folder.path().join("runs.csv"), text).unwrap();
    let summary = json(folder.path(), &["runs", "runs.csv", "--each", "--json"]);
    assert_eq!(summary["stopped"], 1);
    let configurations = summary["by_configuration"].as_array().unwrap();
    assert_eq!(
        (&configurations[0]["mean_final"], &configurations[1]["stopped"]),
        (&0.6.into(), &1.into()),
        "{summary}"
    );
    assert!(configurations[1]["mean_final"].is_null(), "what stopped says nothing of its end");
    assert_ne!(configurations[0]["configuration"], configurations[1]["configuration"], "what differs is named");
    assert_eq!((&summary["by_run"][1]["last_step"], &summary["by_run"][1]["total_steps"]), (&50.into(), &100.into()));
    let output = lodecast(folder.path(), &["runs", "runs.csv"]);
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(table.contains("1 stopped before their end") && table.contains("Stopped"), "{table}");
    assert!(talk(&output).contains("run 'stopped'"), "{}", talk(&output));
}

#[test]
fn the_table_and_the_json_of_a_sweep_agree() {
    let table = data(trained(), &["runs", "sweep.parquet"]);
    let summary = json(trained(), &["runs", "sweep.parquet", "--json"]);
    let best = &summary["by_configuration"][0];
    let mean = format!("{:.2} %", best["mean_final"].as_f64().unwrap() * 100.0);
    let line = table.lines().find(|line| line.starts_with(best["configuration"].as_str().unwrap())).unwrap();
    assert!(line.contains(&mean), "{line}");
}

#[test]
fn a_folder_of_sweep_files_is_one_sweep() {
    let folder = trained().join("folder");
    fs::create_dir_all(&folder).unwrap();
    let sweep = lodecast_sweep_file::read(trained().join("sweep.parquet"), &ReadOptions::default()).unwrap();
    for (number, run) in sweep.runs.iter().enumerate() {
        let alone = lodecast::Sweep { metrics: sweep.metrics.clone(), runs: vec![run.clone()] };
        lodecast_sweep_file::write(folder.join(format!("{number}.jsonl")), &alone).unwrap();
    }
    assert_eq!(data(trained(), &["runs", "folder"]), data(trained(), &["runs", "sweep.parquet"]));
    let empty = trained().join("empty-folder");
    fs::create_dir_all(empty).unwrap();
    assert!(talk(&lodecast(trained(), &["runs", "empty-folder"])).contains("no sweep files there"));
}

#[test]
fn a_sweep_that_is_finished_is_not_run_again() {
    let directory = tempfile::tempdir().unwrap();
    let grid = ["lab", "sweep", "--families", "constant", "--peaks", "0.04", "--seeds", "1", "-o", "again.csv"];
    let arguments = [&grid[..], &TINY].concat();
    data(directory.path(), &arguments);
    let first = fs::read(directory.path().join("again.csv")).unwrap();
    let journal = fs::read(directory.path().join("again.csv.journal")).unwrap();
    data(directory.path(), &arguments);
    assert_eq!(fs::read(directory.path().join("again.csv")).unwrap(), first);
    assert_eq!(fs::read(directory.path().join("again.csv.journal")).unwrap(), journal);
}

#[test]
fn a_run_alone_equals_the_same_run_of_a_sweep() {
    let run = json(
        trained(),
        &[&["lab", "run", "--family", "cosine", "--peak", "0.16", "--seed", "1", "--json"][..], &TINY].concat(),
    );
    let summary = json(trained(), &["runs", "sweep.parquet", "--each", "--json"]);
    let same =
        summary["by_run"].as_array().unwrap().iter().find(|other| {
            other["configuration"] == "cosine 0.16" && other["run"].as_str().unwrap().ends_with("seed 1")
        });
    let last = run["run"]["validation"][0].as_array().unwrap().last().unwrap().clone();
    assert_eq!(same.unwrap()["final_validation"], last);
}

#[test]
fn a_fit_says_what_it_learned_from() {
    let directory = tempfile::tempdir().unwrap();
    let sweep = trained().join("sweep.parquet");
    let arguments = ["fit", sweep.to_str().unwrap(), "--iterations", "5", "--members", "1", "--json"];
    let summary = json(directory.path(), &arguments);
    assert_eq!(summary["runs"], 8);
    assert_eq!(summary["configurations"], 4);
    assert!(summary["loss"].as_f64().unwrap().is_finite());
    assert!(directory.path().join("model.lode").exists());
    assert!(!directory.path().join("model.lode.checkpoint").exists(), "a finished fit leaves no checkpoint");
}

#[test]
fn an_evaluation_compares_the_model_with_baselines() {
    let evaluation =
        json(trained(), &["evaluate", "controlled.lode", "sweep.parquet", "--fractions", "0,0.5", "--json"]);
    let methods: Vec<&str> =
        evaluation["skills"].as_array().unwrap().iter().filter_map(|skill| skill["method"].as_str()).collect();
    for method in ["model", "nearest-runs", "sweep-mean", "last-value"] {
        assert!(methods.contains(&method), "{methods:?}");
    }
    let table = data(trained(), &["evaluate", "controlled.lode", "sweep.parquet"]);
    assert!(table.contains("lodecast (controlled)") && table.contains("nearest runs"), "{table}");
}

/// Writes one run of the sweep to a file of its own, as CSV that others could have written.
fn one_run(name: &str) -> String {
    let run = json(
        trained(),
        &[&["lab", "run", "--family", "cosine", "--peak", "0.16", "--seed", "7", "--json"][..], &TINY].concat(),
    );
    let column = |column: &serde_json::Value| column.as_array().expect("a column").clone();
    let curves = &run["run"];
    let columns = ["steps", "train_loss", "learning_rate"].map(|name| column(&curves[name]));
    let validation = column(&curves["validation"][0]);
    let rows = (0..validation.len()).map(|index| {
        let [step, loss, rate] = columns.each_ref().map(|column| &column[index]);
        format!("{step},{loss},{rate},{}\n", validation[index])
    });
    let text = "step,train_loss,learning_rate,val_accuracy\n".to_owned() + &rows.collect::<String>();
    fs::write(trained().join(name), text).expect("a file in the temporary directory");
    name.to_owned()
}

#[test]
fn a_forecast_starts_where_the_run_is_and_reaches_its_end() {
    let run = one_run("forecast-run.csv");
    for model in ["controlled.lode", "paper.lode"] {
        let arguments =
            ["forecast", model, &run, "--total-steps", "80", "--observed", "0.5", "--json", "--html", "forecast.html"];
        let forecast = json(trained(), &arguments);
        let progress = forecast["progress"].as_array().unwrap();
        assert_eq!(progress.last().unwrap(), 1.0);
        let last = &forecast["final_validation"];
        let [low, mean, high] = ["low", "mean", "high"].map(|end| last[end].as_f64().unwrap());
        assert!(low <= mean && mean <= high && (0.0..=1.0).contains(&mean), "{model}: {last}");
        let page = fs::read_to_string(trained().join("forecast.html")).unwrap();
        assert!(page.contains("<svg") && !page.contains("NaN"), "{model}");
    }
}

#[test]
fn a_forecast_answers_for_the_schedule_asked_about() {
    let run = one_run("what-if-run.csv");
    let forecast = |schedule: &str| {
        let arguments = [
            "forecast",
            "controlled.lode",
            &run,
            "--total-steps",
            "80",
            "--observed",
            "0.5",
            "--schedule",
            schedule,
            "--json",
        ];
        json(trained(), &arguments)
    };
    let (cosine, constant) = (forecast("cosine:0.16"), forecast("constant:0.04"));
    assert_eq!(constant["learning_rate"][50], 0.04);
    assert_ne!(cosine["final_validation"]["mean"], constant["final_validation"]["mean"]);
}

#[test]
fn a_plan_explains_itself_and_stays_within_the_sweep() {
    let run = one_run("plan-run.csv");
    for model in ["controlled.lode", "paper.lode"] {
        let arguments = [
            "plan",
            model,
            &run,
            "--total-steps",
            "80",
            "--observed",
            "0.5",
            "--json",
            "--csv",
            "plan.csv",
            "--html",
            "plan.html",
        ];
        let plan = json(trained(), &arguments);
        assert_eq!(plan["now"], 0.5);
        assert!(!plan["reason"].as_str().unwrap().is_empty());
        assert!(!plan["candidates"].as_array().unwrap().is_empty());
        let csv = fs::read_to_string(trained().join("plan.csv")).unwrap();
        let rates: Vec<f64> =
            csv.lines().skip(1).map(|line| line.split_once(',').unwrap().1.parse().unwrap()).collect();
        assert_eq!(rates.len(), 40, "one rate for each step that is left");
        assert!(rates.iter().all(|rate| (0.0..=0.16 * 1.000_001).contains(rate)), "{model}: {rates:?}");
        let page = fs::read_to_string(trained().join("plan.html")).unwrap();
        // The page of a run under way, with all that it shows within.
        let (_, saved) = page.split_once("<script type=\"application/json\" id=\"saved\">").expect("what it shows");
        let view: serde_json::Value = serde_json::from_str(saved.split_once("</script>").expect("its end").0).unwrap();
        assert_eq!((&view["total_steps"], &view["decisions"][0]["reason"]), (&80.into(), &plan["reason"]), "{model}");
        assert_eq!((&view["last_step"], view["candidates"].as_array().unwrap().is_empty()), (&40.into(), false));
        assert!(!page.contains("src=\"/") && !page.contains("https://"), "{model}: nothing is loaded");
    }
}

#[test]
fn a_plan_is_the_schedule_of_a_later_forecast() {
    let run = one_run("planned-run.csv");
    let common = [run.as_str(), "--total-steps", "80", "--observed", "0.5"];
    let plan = data(trained(), &[&["plan", "controlled.lode", "--json"][..], &common].concat());
    fs::write(trained().join("plan.json"), plan).unwrap();
    let forecast = ["forecast", "controlled.lode", "--schedule", "plan.json", "--json"];
    assert!(json(trained(), &[&forecast[..], &common].concat())["final_validation"]["mean"].is_number());
}

#[test]
fn a_controlled_model_plans_before_the_start() {
    let plan = json(trained(), &["plan", "controlled.lode", "--json"]);
    assert_eq!(plan["now"], 0.0);
    let output = lodecast(trained(), &["plan", "paper.lode"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(talk(&output).contains("hint: give the points so far"), "{}", talk(&output));
}

#[test]
fn a_model_of_the_reference_implementation_is_imported() {
    let reference = concat!(env!("CARGO_MANIFEST_DIR"), "/../lodecast/tests/data/reference_a.eqx");
    data(trained(), &["import-model", reference, "sweep.parquet", "--points-per-run", "20", "-o", "imported.lode"]);
    let run = one_run("imported-run.csv");
    let common = ["imported.lode", &run, "--total-steps", "80", "--observed", "0.5", "--json"];
    let forecast = json(trained(), &[&["forecast"][..], &common].concat());
    assert!(forecast["validation"]["mean"][100].is_number());
    // Another sweep's model may find nothing plausible here; it still answers, and says why.
    let plan = json(trained(), &[&["plan"][..], &common].concat());
    assert!(!plan["reason"].as_str().unwrap().is_empty());
}

#[test]
fn quiet_says_nothing_but_the_data() {
    let output = lodecast(trained(), &["runs", "sweep.parquet", "--quiet"]);
    assert!(output.status.success());
    assert_eq!(talk(&output), "");
}

#[test]
fn suggestions_are_swept_and_learned_from_together_with_the_first_sweep() {
    let directory = tempfile::tempdir().unwrap();
    let first = trained().join("sweep.parquet");
    let model = trained().join("controlled.lode");
    let suggest = ["suggest", model.to_str().unwrap(), "--count", "2", "--csv", "rates.csv", "--total-steps", "10"];
    let suggestions = json(directory.path(), &[&suggest[..], &["--json"]].concat());
    assert_eq!(suggestions.as_array().unwrap().len(), 2);
    let rates = fs::read_to_string(directory.path().join("rates.csv")).unwrap();
    assert_eq!(rates.lines().count(), 11);
    assert!(rates.starts_with("step,learning_rate_1,learning_rate_2\n0,"), "{rates}");
    let sweep = ["lab", "sweep", "--schedules", "suggestions.json", "--seeds", "1", "-o", "second.parquet"];
    data(directory.path(), &[&sweep[..], &TINY].concat());
    let summary = json(directory.path(), &["runs", first.to_str().unwrap(), "second.parquet", "--json"]);
    assert_eq!((&summary["runs"], &summary["configurations"]), (&10.into(), &6.into()));
    let twice = ["runs", "second.parquet", "second.parquet"];
    let error = talk(&lodecast(directory.path(), &twice));
    assert!(error.contains("two runs have the id"), "{error}");
}
