//! Parquet tables with lists in them, as pyarrow writes them.

use lodecast_import::ImportOptions;

use crate::cases::{Imported, imported_as, points};

fn imported(name: &str) -> Imported {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/cases/parquet-lists");
    let path = std::path::Path::new(folder).join(format!("{name}.parquet"));
    imported_as(None, &path, &ImportOptions::default()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

const LOSSES: [f64; 5] = [2.0, 1.5385, 1.25, 1.0526, 0.9091];

fn at_tens(values: &[f64]) -> Vec<(u64, f64)> {
    (1..).zip(values).map(|(index, &value)| (10 * index, value)).collect()
}

#[test]
fn a_row_may_hold_the_curves_of_a_run() {
    let found = imported("run-a-row");
    assert_eq!(found.ids(), ["a", "b"]);
    let run = found.run("a");
    assert_eq!(points(run, run.train_loss()), at_tens(&LOSSES));
    assert_eq!(points(run, run.learning_rate()), at_tens(&[0.1; 5]));
    assert_eq!(points(run, run.validation(0)).len(), 5);
    assert_eq!(points(found.run("b"), found.run("b").learning_rate()), at_tens(&[0.2; 5]));
    assert_eq!(found.settings(), ["width"]);

    let found = imported("without-steps");
    let run = found.run("b");
    assert_eq!(run.steps(), [0, 1, 2, 3, 4]);
    assert_eq!(points(run, run.learning_rate())[4], (4, 0.2));
    assert!(found.notes().contains("its steps count epochs"), "{}", found.notes());
}

#[test]
fn a_row_may_hold_the_curve_of_a_metric() {
    let found = imported("metric-a-row");
    let run = found.run("a");
    assert_eq!(points(run, run.train_loss()), at_tens(&LOSSES));
    assert_eq!(points(run, run.learning_rate()), at_tens(&[0.1; 5]));
}

#[test]
fn rates_of_parameter_groups_may_be_lists() {
    let found = imported("rates-in-lists");
    let run = &found.sweep.runs[0];
    assert_eq!(points(run, run.learning_rate())[0], (0, 0.01), "the rate most groups share");
}

#[test]
fn a_list_that_is_shorter_than_the_steps_is_left_out_and_named() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/cases/parquet-lists/short-list.parquet");
    let refused = imported_as(None, std::path::Path::new(folder), &ImportOptions::default());
    let refused = refused.err().expect("refused").to_string();
    assert!(refused.contains("no series is a validation metric"), "{refused}");
    let options = crate::cases::with_validation(&["train_loss:min"]);
    let found = imported_as(None, std::path::Path::new(folder), &options).expect("usable");
    assert!(
        found.notes().contains("'val_acc' has 2 values beside 5 steps, and nothing tells at which"),
        "{}",
        found.notes()
    );
}
