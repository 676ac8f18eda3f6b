//! What W&B exports: whole histories in Parquet, in every layout in which they come, and tables that have no history.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use lodecast_import::{Limits, Outcome, Recording, Skipped, Source, Wanted, format_named, recognise};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/stores").join(name)
}

/// Copies a file of the test data to `to`, below a folder that is made for it.
fn copy(from: &str, to: &Path) {
    fs::create_dir_all(to.parent().expect("a folder")).expect("made");
    fs::copy(data(from), to).expect("copied");
}

fn read_with(path: &Path, wanted: &Wanted) -> (Vec<Recording>, Vec<Skipped>) {
    let source = Source::open(path.to_str().expect("Unicode"), &Limits::default()).expect("there");
    assert_eq!(recognise(&source).expect("recognised")[0].name(), "wandb");
    let (mut recordings, mut skipped) = (Vec::new(), Vec::new());
    format_named("wandb")
        .expect("a format")
        .read(&source, wanted, &Limits::default(), &mut |outcome| {
            match outcome {
                Outcome::Recording(recording) => recordings.push(recording),
                Outcome::Skipped(run) => skipped.push(run),
            }
            ControlFlow::Continue(())
        })
        .expect("readable");
    (recordings, skipped)
}

fn read(path: &Path) -> (Vec<Recording>, Vec<Skipped>) {
    read_with(path, &Wanted::default())
}

fn ids(recordings: &[Recording]) -> Vec<&str> {
    recordings.iter().map(|recording| recording.id.as_str()).collect()
}

const PARTS: [&str; 2] =
    ["wandb-histories/run-0qvwrrb2-history-v0/0000.parquet", "wandb-histories/run-0qvwrrb2-history-v0/0001.parquet"];

/// Checks that a run has the history that its `.wandb` file has.
fn check(recording: &Recording) {
    let (offline, _) = read(&data("wandb/0.31"));
    assert_eq!(recording.series.keys().collect::<Vec<_>>(), offline[0].series.keys().collect::<Vec<_>>());
    for (name, series) in &offline[0].series {
        let found = &recording.series[name];
        assert!(found.steps().eq(series.steps()), "{name}");
        let same = |(a, b): (f64, f64)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
        assert!(found.values().zip(series.values()).all(same), "{name}");
    }
}

#[test]
fn a_history_is_that_of_the_runs_own_file_in_every_layout() {
    let (recordings, skipped) = read(&data("wandb-histories"));
    assert_eq!((ids(&recordings), skipped.len()), (vec!["0qvwrrb2"], 0));
    check(&recordings[0]);

    let folder = tempfile::tempdir().expect("a folder");
    for (part, path) in PARTS.into_iter().enumerate() {
        copy(path, &folder.path().join(format!("downloads/me_p_0qvwrrb2_{part}.runhistory.parquet")));
        copy(path, &folder.path().join(format!("nice name/000{part}.parquet")));
        #[cfg(unix)]
        copy(path, &folder.path().join(format!("artifacts/run-1a2b3c4d-history:v0/000{part}.parquet")));
    }
    let (recordings, skipped) = read(folder.path());
    let expected: &[&str] =
        if cfg!(unix) { &["1a2b3c4d", "me_p_0qvwrrb2", "nice name"] } else { &["me_p_0qvwrrb2", "nice name"] };
    assert!(skipped.is_empty(), "{skipped:?}");
    let mut found = ids(&recordings);
    found.sort_unstable();
    assert_eq!(found, expected);
    recordings.iter().for_each(check);

    // A data frame that a script wrote.
    copy(PARTS[1], &folder.path().join("frames/calm-sea-3.parquet"));
    let (recordings, _) = read(&folder.path().join("frames"));
    assert_eq!(ids(&recordings), ["calm-sea-3"]);

    // The folder of the artifact, or a file of it, by itself.
    let (recordings, _) = read(data(PARTS[0]).parent().expect("a folder"));
    assert_eq!(ids(&recordings), ["0qvwrrb2"]);
    let (recordings, _) = read(&data(PARTS[1]));
    assert_eq!(ids(&recordings), ["0qvwrrb2"]);
    assert_eq!(recordings[0].series["train/loss"].steps().next(), Some(27));
}

#[test]
fn parts_in_any_order_and_versions_of_the_same_rows_are_one_run_without_restarts() {
    let folder = tempfile::tempdir().expect("a folder");
    copy(PARTS[1], &folder.path().join("run-a-history-v0/0000.parquet"));
    copy(PARTS[0], &folder.path().join("run-a-history-v0/0001.parquet"));
    let (recordings, _) = read(folder.path());
    assert_eq!(ids(&recordings), ["a"]);
    check(&recordings[0]);

    copy(PARTS[1], &folder.path().join("run-a-history-v1/0000.parquet"));
    let (recordings, _) = read(folder.path());
    let series = &recordings[0].series["train/loss"];
    assert!(series.steps().is_sorted());
    let mut steps: Vec<u64> = series.steps().collect();
    steps.dedup();
    assert_eq!(steps, (0..50).map(|row| row + row / 10).collect::<Vec<u64>>());
}

#[test]
fn the_step_may_be_a_metric_and_settings_lie_beside() {
    let folder = tempfile::tempdir().expect("a folder");
    copy(PARTS[0], &folder.path().join("a/0000.parquet"));
    let config = "wandb_version: 1\n_wandb:\n  desc: null\n  value:\n    cli_version: 0.31.0\n\
                  lr:\n  desc: null\n  value: 0.1\noptimizer:\n  desc: null\n  value:\n    name: sgd\n";
    fs::write(folder.path().join("a/config.yaml"), config).expect("written");
    copy(PARTS[0], &folder.path().join("b/0000.parquet"));
    fs::write(folder.path().join("b/config.json"), r#"{"lr": 0.1, "optimizer": {"name": "sgd"}}"#).expect("written");
    let wanted = Wanted { step_column: Some("nest.a".to_owned()), ..Wanted::default() };
    let (recordings, _) = read_with(folder.path(), &wanted);
    for recording in &recordings {
        let settings: Vec<_> = recording.settings.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(settings, [("lr", "0.1"), ("optimizer.name", "sgd")], "{}", recording.id);
        // `nest.a` counts the rows of training; those of validation come after one of them.
        assert!(recording.series["train/loss"].steps().eq(0..25));
        assert!(recording.series["val/acc"].steps().eq([9, 19]));
        assert!(recording.notes[0].contains("(nest.a), not W&B's own count"), "{:?}", recording.notes);
    }
}

#[test]
fn what_is_there_twice_is_read_once() {
    let folder = tempfile::tempdir().expect("a folder");
    copy("wandb/0.31/run-0qvwrrb2.wandb", &folder.path().join("offline/run-0qvwrrb2.wandb"));
    copy(PARTS[0], &folder.path().join(PARTS[0]));
    copy("wandb/charts/loss.csv", &folder.path().join("charts/loss.csv"));
    let (recordings, skipped) = read(folder.path());
    assert_eq!(ids(&recordings), ["0qvwrrb2"]);
    check(&recordings[0]);
    assert_eq!(skipped.len(), 2);
    assert!(skipped[0].reason.contains("an export of the same history"), "{skipped:?}");
    assert!(skipped[1].run == "charts/loss" && skipped[1].reason.contains("import it by itself"), "{skipped:?}");
}

#[test]
fn a_table_of_runs_is_refused_with_a_way_to_their_history() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("wandb_export_2026-11-25.csv");
    let table = "\"Name\",\"State\",\"Notes\",\"User\",\"Tags\",\"Created\",\"Runtime\",\"Sweep\",\"lr\",\"train/loss\"\n\
                 \"calm-sea-3\",\"finished\",\"-\",\"me\",\"\",\"2026-11-25T10:00:00.000Z\",\"120\",\"\",\"0.1\",\"0.25\"\n";
    fs::write(&path, table).expect("written");
    for path in [&path, folder.path()] {
        let source = Source::open(path.to_str().expect("Unicode"), &Limits::default()).expect("there");
        assert_eq!(recognise(&source).expect("recognised")[0].name(), "wandb");
        let read =
            format_named("wandb")
                .expect("a format")
                .read(&source, &Wanted::default(), &Limits::default(), &mut |_| ControlFlow::Continue(()));
        let said = read.expect_err("refused").to_string();
        for part in ["wandb_export_2026-11-25.csv", "one row a run", "run.download_history_exports(FOLDER)", ".wandb"] {
            assert!(said.contains(part), "'{part}' is not in: {said}");
        }
    }
    copy("wandb/charts/loss.csv", &folder.path().join("loss.csv"));
    let (recordings, skipped) = read(folder.path());
    assert_eq!(recordings.len(), 2);
    assert!(skipped[0].run == "wandb_export_2026-11-25" && skipped[0].reason.contains("one row a run"), "{skipped:?}");
}

#[test]
fn a_damaged_export_ends_only_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    copy("wandb/charts/loss.csv", &folder.path().join("loss.csv"));
    let damaged = "\"Step\",\"a - loss\",\"a - loss__MIN\",\"a - loss__MAX\"\n\"one\",\"1\",\"1\",\"1\"\n";
    fs::write(folder.path().join("damaged.csv"), damaged).expect("written");
    let (recordings, skipped) = read(folder.path());
    assert_eq!(ids(&recordings), ["brisk-sun - 7", "calm-sea-3"]);
    assert!(
        skipped.iter().any(|run| run.run == "damaged" && run.reason.contains("'one' is not a step")),
        "{skipped:?}"
    );

    // A page of a history overwritten: the footer still says that it is one.
    let folder = tempfile::tempdir().expect("a folder");
    copy(PARTS[0], &folder.path().join("run-a-history-v0/0000.parquet"));
    let mut bytes = fs::read(data(PARTS[0])).expect("there");
    bytes[4..40].fill(0xff);
    fs::create_dir_all(folder.path().join("run-b-history-v0")).expect("made");
    fs::write(folder.path().join("run-b-history-v0/0000.parquet"), bytes).expect("written");
    let (recordings, skipped) = read(folder.path());
    assert_eq!(ids(&recordings), ["a"]);
    assert!(skipped[0].run == "b" && skipped[0].reason.contains("0000.parquet"), "{skipped:?}");
}

#[test]
fn a_run_taken_up_again_is_one_run_at_the_steps_that_it_defines() {
    // wandb 0.31, offline: `define_metric("*", step_metric="iter")`, `iter` from 0 by 2000, taken up again after 20 rows.
    let (recordings, skipped) = read(&data("wandb-resumed"));
    assert_eq!((ids(&recordings), skipped.len()), (vec!["abc12345"], 0));
    let loss = &recordings[0].series["train_loss"];
    assert!(loss.steps().eq((0..25).map(|row| 2000 * row)), "{:?}", loss.steps().collect::<Vec<_>>());
    assert!(loss.values().eq((1..=25).map(|row| 2.0 / f64::from(row))));
    assert!(recordings[0].series["val/score"].steps().eq([8000, 18000, 28000, 38000]));
    let notes = recordings[0].notes.join("; ");
    assert!(notes.contains("2 files are one run") && notes.contains("(iter), not W&B's own count"), "{notes}");
}
