//! Runs whose training and evaluations lie in files of their own.

use std::fmt::Write;

use lodecast_import::ImportOptions;

use crate::cases::{Imported, of_files, points};

fn of(files: &[(&str, &str)]) -> Imported {
    of_files(files, &ImportOptions::default()).expect("usable")
}

/// A training of 40 steps, ten an epoch, in the rows of a table, and its evaluation at the end of each epoch by steps.
const TRAIN: &str = "step,loss,lr\n0,2,0.1\n10,1.5,0.1\n20,1.2,0.1\n30,1.1,0.1\n40,1,0.1\n";
const VAL: &str = "step,loss,acc\n10,1.6,0.3\n20,1.4,0.5\n40,1.2,0.6\n";

#[test]
fn training_and_evaluation_in_two_tables_are_one_run() {
    for names in
        [("a/train.csv", "a/val.csv"), ("a/training_log.csv", "a/valid-metrics.csv"), ("a_train.csv", "a_eval.csv")]
    {
        let found = of(&[
            (names.0, TRAIN),
            (names.1, VAL),
            ("b/train.csv", TRAIN),
            ("b/val.csv", VAL.replace("0.6", "0.7").as_str()),
        ]);
        assert_eq!(found.ids(), ["a", "b"], "{names:?}: {}", found.notes());
        let run = found.run("a");
        assert_eq!(run.train_loss().iter().flatten().count(), 5);
        assert_eq!(found.report.runs[0].steps, (0, 40));
        let metric = found.sweep.metrics.iter().position(|metric| metric.name.ends_with("acc")).expect("an accuracy");
        assert_eq!(points(run, run.validation(metric)), [(10, 0.3), (20, 0.5), (40, 0.6)], "{names:?}");
        assert!(found.notes().contains("taken for the training and evaluations of one run"), "{}", found.notes());
        assert!(!found.notes().contains("restarted"), "{}", found.notes());
    }
}

#[test]
fn lines_of_json_and_epochs_beside_steps_are_joined_too() {
    let mut train = String::new();
    for step in 0..=40 {
        let loss = 2.0 - f64::from(step) / 100.0;
        let _ = writeln!(train, "{{\"step\": {step}, \"epoch\": {}, \"train_loss\": {loss}, \"lr\": 0.1}}", step / 10);
    }
    let val = "{\"epoch\": 0, \"accuracy\": 0.2}\n{\"epoch\": 1, \"accuracy\": 0.4}\n{\"epoch\": 2, \"accuracy\": 0.5}\n{\"epoch\": 3, \"accuracy\": 0.6}\n";
    let found = of(&[("run/train.jsonl", &train), ("run/test.jsonl", val)]);
    assert_eq!(found.ids(), ["run"]);
    let run = found.run("run");
    let reached: Vec<f64> = points(run, run.validation(0)).into_iter().map(|(_, value)| value).collect();
    assert_eq!(reached, [0.2, 0.4, 0.5, 0.6], "{}", found.notes());
    let last = points(run, run.validation(0)).last().map(|(step, _)| *step);
    assert_eq!(last, Some(39), "{}", found.notes());
}

#[test]
fn whole_runs_are_not_joined_by_their_names() {
    let whole = "step,loss,lr,val_acc\n0,2,0.1,0.1\n10,1,0.1,0.5\n";
    let other = "step,loss,lr,val_acc\n0,2,0.2,0.1\n10,1.2,0.2,0.4\n";
    let found = of(&[("train.csv", whole), ("test.csv", other)]);
    assert_eq!(found.sweep.runs.len(), 2, "{}", found.notes());
    // Two evaluations that may both be meant.
    let val = VAL.replace("acc", "val_acc");
    let error = of_files(&[("train.csv", TRAIN), ("val.csv", &val), ("valid.csv", &val)], &ImportOptions::default());
    let said = error.err().map(|error| error.to_string()).expect("refused");
    assert!(said.contains("train.csv, a/val.csv"), "{said}");
}
