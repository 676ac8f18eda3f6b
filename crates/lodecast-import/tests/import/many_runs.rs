//! Runs that call their series by different names, and series that only late runs have.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use lodecast::Sweep;
use lodecast_import::{
    Columns, Error, ImportOptions, ImportReport, Limits, Role, Source, Survey, Wanted, format_named, import,
};

/// Imports CSV files of one run each.
fn imported(folder: &Path, options: &ImportOptions) -> Result<(Columns, Sweep, ImportReport), Error> {
    let source = Source::open(folder.to_str().expect("Unicode"), &Limits::default())?;
    let sources = [(source, format_named("csv")?)];
    let columns = Columns::choose(&Survey::of(&sources, options)?, options)?;
    let mut sweep = Sweep::new(columns.metrics());
    let report = import(&sources, &columns, options, &mut |run, _| {
        sweep.runs.push(run);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok((columns, sweep, report))
}

/// A file `NUMBER.csv` of three rows: steps 1 to 3, and in each further column the same value.
fn write(folder: &Path, number: usize, columns: &[(&str, f64)]) {
    let names: Vec<&str> = columns.iter().map(|&(name, _)| name).collect();
    let values: Vec<String> = columns.iter().map(|(_, value)| value.to_string()).collect();
    let mut lines = vec![format!("step,{}", names.join(","))];
    lines.extend((1..=3).map(|step| format!("{step},{}", values.join(","))));
    fs::write(folder.join(format!("{number:03}.csv")), lines.join("\n") + "\n").expect("written");
}

fn notes(report: &ImportReport, run: usize) -> String {
    report.runs[run].notes.join("; ")
}

#[test]
fn each_run_has_its_own_name_for_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), 0, &[("train_loss", 2.0), ("lr-SGD", 0.1), ("lr-SGD-momentum", 0.9), ("val_acc", 0.5)]);
    write(folder.path(), 1, &[("train_loss", 2.0), ("lr-AdamW/pg1", 0.2), ("lr-AdamW/pg2", 0.02), ("val_acc", 0.5)]);
    write(folder.path(), 2, &[("loss", 3.0), ("lr-SGD", 0.3), ("val/accuracy", 0.75)]);
    let (columns, sweep, report) = imported(folder.path(), &ImportOptions::default()).expect("usable");
    assert!(report.skipped.is_empty(), "{:?}", report.skipped);
    assert_eq!((columns.loss.as_deref(), columns.rate_series()), (Some("train_loss"), Some("lr-SGD")));
    assert!(columns.said.iter().any(|said| said.ends_with("in runs without it: lr-AdamW/pg1")), "{:?}", columns.said);
    let of_runs = |column: fn(&lodecast::Run) -> Option<f64>| sweep.runs.iter().map(column).collect::<Vec<_>>();
    assert_eq!(of_runs(|run| run.train_loss()[0]), [Some(2.0), Some(2.0), Some(3.0)]);
    assert_eq!(of_runs(|run| run.learning_rate()[0]), [Some(0.1), Some(0.2), Some(0.3)]);
    assert_eq!(of_runs(|run| run.validation(0)[0]), [Some(0.5), Some(0.5), Some(0.75)]);
    assert_eq!(notes(&report, 0), "");
    assert_eq!(notes(&report, 1), "its learning rate is 'lr-AdamW/pg1', for it has no 'lr-SGD'");
    assert_eq!(
        notes(&report, 2),
        "its train loss is 'loss', for it has no 'train_loss'; its 'val/accuracy' is taken for 'val_acc', which it does not have"
    );

    // What was asked for by name is what is meant.
    let asked = ImportOptions { learning_rate: Some("lr-AdamW/pg2".to_owned()), ..ImportOptions::default() };
    let (_, sweep, report) = imported(folder.path(), &asked).expect("usable");
    assert_eq!(sweep.runs.len(), 1);
    assert_eq!(sweep.runs[0].learning_rate()[0], Some(0.02));
    assert!(report.skipped[0].reason.contains("no samples of the learning rate 'lr-AdamW/pg2'"));
}

#[test]
fn what_only_late_runs_have_is_found_if_it_is_needed() {
    let folder = tempfile::tempdir().expect("a folder");
    for number in 0..40 {
        write(folder.path(), number, &[("loss", 2.0), ("val_loss", 1.0)]);
    }
    write(folder.path(), 40, &[("loss", 2.0), ("val_loss", 1.0), ("lr", 0.1), ("val_f1", 0.7), ("score", 3.0)]);
    write(folder.path(), 41, &[("train_loss", 5.0), ("lr_0", 0.2), ("val_loss", 1.0), ("lr_1", 0.3)]);

    // Nothing but run 40 has a learning rate that stands alone; it is far beyond the runs looked at first.
    let (columns, sweep, report) = imported(folder.path(), &ImportOptions::default()).expect("usable");
    assert_eq!(columns.rate_series(), Some("lr"));
    assert_eq!(report.skipped.len(), 40);
    assert_eq!(sweep.runs[1].learning_rate()[0], Some(0.2));
    assert_eq!(sweep.runs[1].train_loss()[0], Some(5.0));
    // A metric that the columns do not have is not dropped silently.
    let note = notes(&report, 0);
    assert!(note.contains("it also has 'val_f1'") && note.contains("--val NAME takes it in"), "{note}");

    // Asked for by name, it is found wherever it is.
    let asked = ImportOptions {
        validation: vec!["score:max".parse().expect("a metric"), "val_f1".parse().expect("a metric")],
        ..ImportOptions::default()
    };
    let (columns, sweep, _) = imported(folder.path(), &asked).expect("usable");
    assert_eq!(columns.metrics().iter().map(ToString::to_string).collect::<Vec<_>>(), ["score:max", "val_f1:max"]);
    assert_eq!(sweep.runs.len(), 1);
    assert_eq!(sweep.runs[0].validation(0)[0], Some(3.0));

    let nowhere = ImportOptions { loss: Some("cost".to_owned()), ..ImportOptions::default() };
    let error = imported(folder.path(), &nowhere).expect_err("no run has it").to_string();
    assert!(error.contains("no series 'cost'") && error.contains("correct --loss"), "{error}");
}

#[test]
fn series_that_are_for_nothing_are_not_kept() {
    let wanted = Wanted {
        series: Some(["objective".to_owned()].into()),
        roles: [Role::Loss, Role::Validation].into(),
        ..Wanted::default()
    };
    let kept = ["objective", "train/loss", "val/acc", "lr", "val/score", "test/acc", "gradient/norm"];
    let kept: Vec<&str> = kept.into_iter().filter(|name| wanted.wants(name)).collect();
    assert_eq!(kept, ["objective", "train/loss", "val/acc"]);
}
