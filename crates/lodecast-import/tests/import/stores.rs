//! Small files that the real tools wrote, read point by point; `data/stores/README.md` says what made them.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use lodecast_import::{Error, Limits, Outcome, Recording, Series, Skipped, Source, Wanted, format_named, recognise};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/stores").join(name)
}

fn read_with(
    format: &str,
    path: &Path,
    wanted: &Wanted,
    limits: &Limits,
) -> Result<(BTreeMap<String, Recording>, Vec<Skipped>), Error> {
    let (mut recordings, mut skipped) = (BTreeMap::new(), Vec::new());
    let source = Source::open(path.to_str().expect("Unicode"), limits)?;
    assert!(recognise(&source).is_ok_and(|found| found[0].name() == format), "{} is not recognised", path.display());
    format_named(format)?.read(&source, wanted, limits, &mut |outcome| {
        match outcome {
            Outcome::Recording(recording) => {
                recordings.insert(recording.id.clone(), recording);
            }
            Outcome::Skipped(run) => skipped.push(run),
        }
        ControlFlow::Continue(())
    })?;
    Ok((recordings, skipped))
}

fn collection(name: &str) -> Wanted {
    Wanted { collection: Some(name.to_owned()), ..Wanted::default() }
}

fn read(format: &str, name: &str, wanted: &Wanted) -> (BTreeMap<String, Recording>, Vec<Skipped>) {
    read_with(format, &data(name), wanted, &Limits::default()).expect("readable")
}

/// Checks the steps, and the values bit by bit, of a series.
fn check(series: &Series, expected: impl Iterator<Item = (u64, f64)>) {
    let (steps, values): (Vec<u64>, Vec<f64>) = expected.unzip();
    assert_eq!(series.steps().collect::<Vec<_>>(), steps);
    let bits = |values: &[f64]| -> Vec<u64> {
        values.iter().map(|value| if value.is_nan() { u64::MAX } else { value.to_bits() }).collect()
    };
    assert_eq!(bits(&series.values().collect::<Vec<_>>()), bits(&values));
}

#[test]
fn tensorboard_files_of_a_restarted_run() {
    let (recordings, skipped) = read("tensorboard", "tensorboard", &Wanted::default());
    assert!(skipped.is_empty());
    let restarted = &recordings["restarted"].series["loss"];
    let twice = (0..40).map(|step| (step, step as f64)).chain((30..60).map(|step| (step, step as f64 + 100.0)));
    check(restarted, twice);
    // The second file is a session of its own.
    let moments: Vec<u64> = restarted.moments().collect();
    let session = recordings["restarted"].sessions[1];
    assert!(moments[39] < session.moment && session.moment <= moments[40]);
}

#[test]
fn tensorboard_scalars_in_tensors_of_every_type() {
    let (recordings, _) = read("tensorboard", "tensorboard", &Wanted::default());
    let tensors = &recordings["tensors"].series;
    for kind in ["float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16"] {
        for spelling in ["listed", "content"] {
            let name = format!("{spelling}/{kind}");
            check(
                tensors.get(&name).unwrap_or_else(|| panic!("no {name}")),
                [(0, 1.0), (1, 2.0), (2, 3.0)].into_iter(),
            );
        }
    }
    assert!(!tensors.contains_key("vector"));
}

#[test]
fn tensorboard_settings_and_splits() {
    let (recordings, _) = read("tensorboard", "tensorboard", &Wanted::default());
    let settings = &recordings["hparams"].settings;
    assert_eq!(
        (settings["lr"].as_str(), settings["optimizer"].as_str(), settings["nesterov"].as_str()),
        ("0.1", "adam", "true")
    );
    let names: Vec<_> = recordings["keras"].series.keys().collect();
    assert_eq!(names, ["train/epoch_loss", "validation/epoch_loss"]);
}

#[test]
fn only_the_series_asked_for_are_kept() {
    let wanted = Wanted { series: Some(["loss".to_owned()].into()), ..Wanted::default() };
    let (recordings, skipped) = read("tensorboard", "tensorboard", &wanted);
    assert!(recordings.values().all(|recording| recording.series.keys().eq(["loss"])));
    assert!(skipped.iter().any(|run| run.run == "keras" && run.reason.contains("none of the metrics asked for")));
}

#[test]
fn a_run_beyond_the_limits_is_left_out_and_the_next_one_read() {
    let limits = Limits { samples: 55, ..Limits::default() };
    let (recordings, skipped) =
        read_with("tensorboard", &data("tensorboard"), &Wanted::default(), &limits).expect("readable");
    assert!(recordings.contains_key("tensorboardx"));
    assert!(skipped.iter().any(|run| run.run == "restarted" && run.reason.contains("beyond 55")), "{skipped:?}");
}

#[test]
fn wandb_offline_runs_of_two_ages() {
    for version in ["0.19", "0.31"] {
        let (recordings, skipped) = read("wandb", &format!("wandb/{version}"), &Wanted::default());
        assert!(skipped.is_empty());
        let run = recordings.values().next().expect("a run");
        // Every tenth of fifty rows of metrics is followed by one of validation.
        let rows = (0..50).map(|row| (row + row / 10, row as f64));
        check(&run.series["train/loss"], rows.clone().map(|(step, row)| (step, 1.0 / (row + 1.0))));
        check(&run.series["nest.b.c"], rows.map(|(step, row)| (step, row * 2.5)));
        check(&run.series["bad"], (0..5).map(|row| (10 + 11 * row, f64::NAN)));
        check(&run.series["inf"], (0..5).map(|row| (10 + 11 * row, f64::NEG_INFINITY)));
        assert!(!run.series.contains_key("text"));
        let settings = &run.settings;
        for (key, value) in
            [("run_name", "nice name"), ("lr", "0.1"), ("opt.name", "sgd"), ("opt.momentum", "0.9"), ("late", "3")]
        {
            assert_eq!(settings.get(key).map(String::as_str), Some(value), "{key}");
        }
    }
}

#[test]
fn wandb_a_run_without_history_says_so() {
    let (recordings, skipped) = read("wandb", "wandb/0.10", &Wanted::default());
    assert!(recordings.is_empty());
    assert_eq!(
        skipped,
        [Skipped { run: "g9dvvkua".to_owned(), reason: "it has no history of metrics".to_owned(), nothing: true }]
    );
}

#[test]
fn wandb_exports_of_charts() {
    let (recordings, _) = read("wandb", "wandb/charts", &Wanted::default());
    assert_eq!(recordings.keys().collect::<Vec<_>>(), ["brisk-sun - 7", "calm-sea-3"]);
    let run = &recordings["brisk-sun - 7"].series;
    check(&run["train/loss"], [(0, 2.25), (10, f64::NAN), (20, 1.5)].into_iter());
    check(&run["val/acc"], [(20, 0.5)].into_iter());
}

#[test]
fn mlflow_files() {
    let (recordings, skipped) = read("mlflow", "mlruns", &collection("first"));
    assert_eq!((recordings.len(), skipped.len()), (3, 0));
    for recording in recordings.values() {
        check(&recording.series["train/loss"], (0..30).map(|i| (i * 10, 1.0 / (i as f64 + 1.0))));
        check(&recording.series["bad"], [(3, f64::NAN), (4, f64::INFINITY), (5, f64::NEG_INFINITY)].into_iter());
        assert_eq!(recording.settings["optimizer"], "adamw");
    }
    let (recordings, skipped) = read("mlflow", "mlruns", &collection("second"));
    assert_eq!((recordings.len(), skipped.len()), (1, 1));
    assert_eq!(skipped[0].reason, "it was deleted in MLflow");
}

#[test]
fn an_experiment_has_to_be_chosen_among_several() {
    let error = read_with("mlflow", &data("mlruns"), &Wanted::default(), &Limits::default()).expect_err("undecided");
    assert!(error.to_string().contains("which experiment is meant? It has: "), "{error}");
    assert!(error.to_string().ends_with("name one with --collection NAME"), "{error}");
}

#[test]
fn mlflow_tables() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mlflow.db");
    // The tables as MLflow 3.17 makes them, less their constraints.
    rusqlite::Connection::open(&path)
        .and_then(|database| {
            database.execute_batch(
                r#"
                CREATE TABLE experiments (experiment_id INTEGER NOT NULL, name VARCHAR(256), lifecycle_stage VARCHAR(32));
                CREATE TABLE runs (run_uuid VARCHAR(32), name VARCHAR(250), status VARCHAR(9), start_time BIGINT,
                    lifecycle_stage VARCHAR(20), experiment_id INTEGER);
                CREATE TABLE metrics ("key" VARCHAR(250), value FLOAT, timestamp BIGINT, run_uuid VARCHAR(32), step BIGINT,
                    is_nan BOOLEAN);
                CREATE TABLE params ("key" VARCHAR(250), value VARCHAR(8000), run_uuid VARCHAR(32));
                CREATE TABLE tags ("key" VARCHAR(250), value VARCHAR(8000), run_uuid VARCHAR(32));
                INSERT INTO experiments VALUES (0, 'Default', 'active'), (1, 'mnist', 'active'), (2, 'old', 'deleted');
                INSERT INTO runs VALUES ('aa', 'one', 'FINISHED', 5, 'active', 1), ('bb', 'two', 'FINISHED', 3, 'deleted', 1),
                    ('cc', 'three', 'FINISHED', 1, 'active', 2);
                INSERT INTO params VALUES ('lr', '0.1', 'aa');
                INSERT INTO tags VALUES ('mlflow.user', 'me', 'aa'), ('seed', '7', 'aa');
                INSERT INTO metrics VALUES ('loss', 0.5, 2000, 'aa', 20, 0), ('loss', 0.0, 1000, 'aa', 10, 1),
                    ('loss', 1.7976931348623157e308, 3000, 'aa', 30, 0), ('loss', -1.7976931348623157e308, 4000, 'aa', 40, 0),
                    ('loss', 3.0, 4500, 'aa', -1, 0);
                "#,
            )
        })
        .expect("made");
    let (recordings, skipped) = read_with("mlflow", &path, &Wanted::default(), &Limits::default()).expect("readable");
    let loss = &recordings["aa"].series["loss"];
    check(loss, [(10, f64::NAN), (20, 0.5), (30, f64::INFINITY), (40, f64::NEG_INFINITY)].into_iter());
    assert_eq!(loss.moments().collect::<Vec<_>>(), [1000, 2000, 3000, 4000]);
    let settings: Vec<_> =
        recordings["aa"].settings.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(settings, [("lr", "0.1"), ("run_name", "one"), ("seed", "7")]);
    assert_eq!(recordings["aa"].notes, ["1 points at steps below zero left out"]);
    assert_eq!(
        skipped,
        [Skipped { run: "bb".to_owned(), reason: "it was deleted in MLflow".to_owned(), nothing: false }]
    );
}

#[test]
fn optuna_storages_of_two_ages() {
    // What optuna 3.2 shows of them.
    for (name, x, y, z) in
        [("2.4.0.a.db", "-1.3269926083306585", "10", "-5"), ("3.2.0.a.db", "-2.4602735870404024", "4", "5")]
    {
        let (recordings, _) = read("optuna", &format!("optuna/{name}"), &collection("single"));
        let trial = &recordings["single/0"];
        check(&trial.series["intermediate_value"], [(0, 0.5)].into_iter());
        let settings = &trial.settings;
        assert_eq!((settings["x"].as_str(), settings["y"].as_str(), settings["z"].as_str()), (x, y, z));
        assert_eq!(settings["direction"], "minimize");
    }
}

#[test]
fn optuna_journal() {
    let (recordings, skipped) = read("optuna", "optuna/journal.log", &collection("a"));
    assert_eq!((recordings.len(), skipped.len()), (6, 0));
    let trial = &recordings["a/1"];
    let rate: f64 = trial.settings["lr"].parse().expect("a number");
    let reported = |i: u64| if i == 7 { f64::INFINITY } else { 1.0 / (i as f64 + 1.0) + rate };
    check(&trial.series["intermediate_value"], (0..20).map(|i| (i * 5, reported(i))));
    assert_eq!((trial.settings["optimizer"].as_str(), trial.settings["layers"].as_str()), ("null", "3"));
    assert_eq!(recordings["a/3"].notes, ["the trial was pruned"]);
    assert_eq!(recordings["a/4"].notes, ["the trial failed"]);
}

#[test]
fn further_storages_of_a_folder_are_named() {
    let (recordings, skipped) = read("optuna", "optuna", &collection("single"));
    assert_eq!(recordings.keys().collect::<Vec<_>>(), ["single/0"]);
    let mut skipped: Vec<&str> = skipped.iter().map(|other| other.run.rsplit('/').next().expect("a name")).collect();
    skipped.sort_unstable();
    assert_eq!(skipped, ["3.2.0.a.db", "journal.log"]);
}
