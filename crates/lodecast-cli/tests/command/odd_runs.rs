//! Runs as they should not be recorded, and plans for lengths that no run had: what is made of them is said.

use std::fmt::Write as _;
use std::path::Path;

use super::{data, lodecast, talk};

/// Four runs of 1,000 steps whose rates are written by `rate`.
fn runs(folder: &Path, rate: fn(f64) -> f64) {
    std::fs::create_dir(folder.join("runs")).expect("made");
    for (number, peak) in [0.01, 0.03, 0.1, 0.3].into_iter().enumerate() {
        let mut text = "step,train_loss,lr,val_loss\n".to_owned();
        for step in (20..=1000).step_by(20) {
            let (at, learning_rate) = (f64::from(step), peak * (1.0 - f64::from(step) / 1001.0));
            let loss = 2.3 * (-peak * at / 10.0).exp() + 0.2;
            let _ = writeln!(text, "{step},{loss},{},{}", rate(learning_rate), 0.2 + 0.3 * peak + loss / 5.0);
        }
        std::fs::write(folder.join(format!("runs/{number}.csv")), text).expect("written");
    }
}

#[test]
fn a_plan_for_a_length_that_no_run_had_says_so_and_without_one_it_is_theirs() {
    let folder = tempfile::tempdir().expect("a folder");
    runs(folder.path(), |rate| rate);
    for steps in ["1", "10000000000"] {
        let output = lodecast(folder.path(), &["plan", "runs", "--total-steps", steps]);
        let said = talk(&output);
        assert!(output.status.success() && said.contains(&format!("warning: it has {steps} steps")), "{said}");
        assert!(said.contains("run of the sweep 1000"), "{said}");
    }
    let output = lodecast(folder.path(), &["plan", "runs", "--total-steps", "1500"]);
    assert!(output.status.success() && !talk(&output).contains("warning"), "{}", talk(&output));
    let own = data(folder.path(), &["plan", "runs", "--json"]);
    assert_eq!(own, data(folder.path(), &["plan", "runs", "--total-steps", "1000", "--json"]));
}

#[test]
fn rates_that_are_none_are_said_to_be_none() {
    let folder = tempfile::tempdir().expect("a folder");
    runs(folder.path(), f64::log10);
    let output = lodecast(folder.path(), &["plan", "runs", "--total-steps", "1000"]);
    let said = talk(&output);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("learning rate: lr; it is negative (-2.0") && said.contains("--lr"), "{said}");
    assert!(said.contains("its learning rates are negative"), "{said}");
}

#[test]
fn a_table_in_no_order_is_put_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    runs(folder.path(), |rate| rate);
    let mut rows = Vec::new();
    for run in 0..3 {
        let text = std::fs::read_to_string(folder.path().join(format!("runs/{run}.csv"))).expect("read");
        for line in text.lines().skip(1) {
            let values: Vec<&str> = line.split(',').collect();
            for (metric, value) in ["train_loss", "lr", "val_loss"].iter().zip(&values[1..]) {
                rows.push(format!("run{run},{metric},{},{value}", values[0]));
            }
        }
    }
    let table = |rows: &[String]| format!("run,metric,step,value\n{}\n", rows.join("\n"));
    std::fs::write(folder.path().join("ordered.csv"), table(&rows)).expect("written");
    // Multiplied by a number prime to their count, places come out all over.
    let scattered: Vec<String> = (0..rows.len()).map(|place| rows[place * 197 % rows.len()].clone()).collect();
    std::fs::write(folder.path().join("scattered.csv"), table(&scattered)).expect("written");
    for name in ["ordered", "scattered"] {
        let output = lodecast(folder.path(), &["import", &format!("{name}.csv"), "-o", &format!("{name}.parquet")]);
        let said = talk(&output);
        assert!(output.status.success(), "{said}");
        assert_eq!(said.contains("in no order"), name == "scattered", "{said}");
    }
    let curves = |name: &str| data(folder.path(), &["runs", name, "--json"]).replace("scattered", "ordered");
    assert_eq!(curves("scattered.parquet"), curves("ordered.parquet"));
}

#[test]
fn without_any_run_a_rate_that_worked_makes_a_plan_and_says_what_would_tell_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let asked = ["plan", "--learning-rate", "3e-4", "--total-steps", "1000"];
    let plan = |more: &[&str]| lodecast(folder.path(), &[&asked[..], more].concat());
    let said = talk(&plan(&["--classes", "10"]));
    assert!(said.contains("val_loss:min") && !said.contains("warning"), "{said}");
    let answered = data(folder.path(), &[&asked[..], &["--classes", "10"]].concat());
    assert!(answered.contains("picked by the prior alone"), "{answered}");
    assert!(answered.contains("where rates begin to be too high"), "{answered}");
    // What is imagined of each further run narrows the interval.
    let answer = |arguments: &[&str]| -> serde_json::Value {
        serde_json::from_str(&data(folder.path(), arguments)).expect("JSON")
    };
    let prior = answer(&[&asked[..], &["--start", "2.3", "--json"]].concat());
    let width =
        |low: &str, high: &str, at: &serde_json::Value| (at[high].as_f64().unwrap() / at[low].as_f64().unwrap()).ln();
    let before = width("low", "high", &prior["candidates"][0]["interval"]);
    let narrowing = prior["narrowing"].as_array().expect("three runs");
    let widths: Vec<f64> = narrowing.iter().map(|one| width("low_68", "high_68", &one["predicted"])).collect();
    assert!(widths.len() == 3 && widths[0] < before && widths[2] < widths[0], "{before} {widths:?}");
    let accuracy = data(folder.path(), &[&asked[..], &["--classes", "10", "--val", "val_acc:max"]].concat());
    assert!(accuracy.contains("predicted final") && accuracy.contains('%'), "{accuracy}");

    // From one run it is told what the two others would bring, from three nothing.
    runs(folder.path(), |rate| rate);
    let one = answer(&["plan", "runs/1.csv", "--total-steps", "1000", "--json"]);
    assert_eq!(one["narrowing"].as_array().map(Vec::len), Some(2), "{one}");
    assert!(answer(&["plan", "runs", "--json"]).get("narrowing").is_none());

    for (more, expected) in [
        (&[][..], "--classes CLASSES"),
        (&["--classes", "1"], "--classes"),
        (&["--start", "-1"], "untrained"),
        (&["--classes", "10", "runs"], "cannot be used with"),
    ] {
        let output = plan(more);
        assert!(!output.status.success() && talk(&output).contains(expected), "{more:?}: {}", talk(&output));
    }
    let output = lodecast(folder.path(), &["plan", "--learning-rate", "3e-4", "--classes", "10"]);
    assert!(talk(&output).contains("--total-steps STEPS"), "{}", talk(&output));
}
