//! JSON documents in which people's own scripts nest runs.

use lodecast_import::ImportOptions;

use crate::cases::{Imported, of_files, points};

fn of(text: &str) -> Imported {
    of_files(&[("all.json", text)], &ImportOptions::default()).expect("usable")
}

const LISTS: &str = r#"{"loss": [2.0, 1.5, 1.2], "lr": [0.1, 0.1, 0.05], "val_acc": [0.3, 0.4, 0.5]}"#;
const ROWS: &str = r#"[{"step": 10, "loss": 2.0, "lr": 0.1}, {"step": 20, "loss": 1.5, "lr": 0.1, "val_acc": 0.4}, {"step": 30, "loss": 1.2, "lr": 0.05, "val_acc": 0.5}]"#;

#[test]
fn runs_by_name_are_runs_of_their_own() {
    let found =
        of(&format!(r#"{{"results": {{"warm": {LISTS}, "cold": {{"config": {{"width": 4}}, "metrics": {ROWS}}}}}}}"#));
    assert_eq!(found.ids(), ["all/cold", "all/warm"], "{}", found.notes());
    let run = found.run("all/warm");
    assert_eq!(points(run, run.train_loss()), [(0, 2.0), (1, 1.5), (2, 1.2)]);
    let run = found.run("all/cold");
    assert_eq!(points(run, run.validation(0)), [(20, 0.4), (30, 0.5)]);
    assert!(found.report.runs[0].source.ends_with("all.json"));
}

#[test]
fn lists_of_runs_and_single_ones_are_read_with_their_settings() {
    let found = of(&format!(
        r#"[{{"run": "a", "seed": 3, "history": {LISTS}}}, {{"run": "b", "seed": 4, "history": {LISTS}}}]"#
    ));
    assert_eq!(found.ids(), ["all/a", "all/b"]);
    assert_eq!(found.run("all/b").attributes.seed, Some(4));
    let found = of(&format!(r#"{{"config": {{"lr": 0.1, "seed": 7, "betas": [0.9, 0.95]}}, "history": {LISTS}}}"#));
    assert_eq!(found.ids(), ["all"]);
    assert_eq!(found.run("all").attributes.seed, Some(7));
    let found = of(r#"{"train": {"loss": [2.0, 1.5], "lr": [0.1, 0.1]}, "val": {"acc": [0.3, 0.4]}}"#);
    assert_eq!(found.sweep.metrics[0].name, "val/acc");
    let found = of(
        r#"{"epoch_1": {"loss": 2.0, "lr": 0.1, "val_acc": 0.3}, "epoch_2": {"loss": 1.5, "lr": 0.1, "val_acc": 0.4}}"#,
    );
    assert_eq!(points(found.run("all"), found.run("all").validation(0)), [(1, 0.3), (2, 0.4)]);
}

#[test]
fn settings_are_no_runs() {
    for text in [
        r#"{"betas": [0.9, 0.95], "milestones": [30, 60], "lr": 0.1}"#,
        r#"[{"run": "a", "val_acc": 0.3}]"#,
        "{}",
        "[]",
        "3",
    ] {
        assert!(of_files(&[("all.json", text)], &ImportOptions::default()).is_err(), "{text}");
    }
}

#[test]
fn long_lists_are_taken_whole() {
    let list =
        |value: f64| (0..5000).map(|step| format!("{:.4}", value / f64::from(step + 1))).collect::<Vec<_>>().join(",");
    let found =
        of(&format!(r#"{{"a": {{"loss": [{}], "lr": [{}], "val_acc": [{}]}}}}"#, list(2.0), list(0.1), list(0.5)));
    assert_eq!(found.run("all").len(), 5000);
}
