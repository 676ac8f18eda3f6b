//! Damaged and hostile files, each with what is to be said about it.

use std::path::Path;

use lodecast_import::{Limits, Source, recognise};

use crate::reading;

/// File in `hostile/`, its format, and what the error, the reason for leaving the run out, or a note has to contain.
const CASES: [(&str, &str, &str); 12] = [
    ("cut_off.tfevents", "tensorboard", "is cut off: still being written, or its writer was stopped"),
    ("flipped_bit.tfevents", "tensorboard", "1 records with a wrong checksum left out, the first at byte"),
    ("wrong_length.tfevents", "tensorboard", "the length there does not fit its checksum"),
    ("endless_record.tfevents", "tensorboard", "is cut off"),
    ("endless_message.tfevents", "tensorboard", "1 records that cannot be understood left out"),
    ("no_event_file.tfevents", "tensorboard", "its event files hold no scalars"),
    ("cut_off.wandb", "wandb", "is cut off"),
    ("flipped_bit.wandb", "wandb", "records with a wrong checksum left out"),
    ("no_header.wandb", "wandb", "it does not begin like a .wandb file"),
    ("half_a_line.journal", "optuna", "'intermediate_value' is fine"),
    ("unknown_operation.journal", "optuna", "line 2: the operation 77 is not known; what follows depends on it"),
    ("no_database.db", "optuna", "file is not a database"),
];

#[test]
fn each_says_what_is_wrong() {
    reading::each_says_what_is_wrong(&CASES, &Limits::default());
}

/// What is said of a file of this name and content where a store may have no more than two experiments, studies or runs.
fn beyond_two(name: &str, write: impl FnOnce(&Path)) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    write(&path);
    let format = if name.starts_with("mlflow") { "mlflow" } else { "optuna" };
    reading::said(format, &path, &Limits { collections: 2, runs: 2, ..Limits::default() })
}

fn database(statements: &str) -> impl FnOnce(&Path) {
    move |path| {
        let database = rusqlite::Connection::open(path);
        database.and_then(|database| database.execute_batch(statements)).expect("made");
    }
}

#[test]
fn stores_that_list_too_much_are_refused() {
    let mlflow = r#"
        CREATE TABLE experiments (experiment_id INTEGER, name TEXT, lifecycle_stage TEXT);
        CREATE TABLE runs (run_uuid TEXT, name TEXT, start_time BIGINT, lifecycle_stage TEXT, experiment_id INTEGER);
        CREATE TABLE metrics ("key" TEXT, value FLOAT, timestamp BIGINT, run_uuid TEXT, step BIGINT, is_nan BOOLEAN);
        CREATE TABLE params ("key" TEXT, value TEXT, run_uuid TEXT);
        CREATE TABLE tags ("key" TEXT, value TEXT, run_uuid TEXT);"#;
    let optuna = "
        CREATE TABLE studies (study_id INTEGER, study_name TEXT);
        CREATE TABLE study_directions (study_direction_id INTEGER, direction TEXT, study_id INTEGER);
        CREATE TABLE trials (trial_id INTEGER, number INTEGER, study_id INTEGER, state TEXT);
        CREATE TABLE trial_params (param_id INTEGER, trial_id INTEGER);
        CREATE TABLE trial_intermediate_values (trial_id INTEGER);";
    let (experiments, runs) =
        ("the number of its experiments or studies is beyond 2", "the number of its runs is beyond 2");
    let rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3)";
    for (name, statements, expected) in [
        ("mlflow.db", format!("{mlflow} INSERT INTO experiments {rows} SELECT i, i, 'active' FROM n;"), experiments),
        (
            "mlflow.db",
            format!(
                "{mlflow} INSERT INTO experiments VALUES (1, 'e', 'active');
                 INSERT INTO runs {rows} SELECT i, i, i, 'active', 1 FROM n;"
            ),
            runs,
        ),
        ("optuna.db", format!("{optuna} INSERT INTO studies {rows} SELECT i, i FROM n;"), experiments),
        (
            "optuna.db",
            format!(
                "{optuna} INSERT INTO studies VALUES (1, 's');
                 INSERT INTO trials {rows} SELECT i, i, 1, 'COMPLETE' FROM n;"
            ),
            runs,
        ),
    ] {
        let said = beyond_two(name, database(&statements));
        assert!(said.contains(expected), "{name}: {said}");
    }
    let study = |name: usize| format!(r#"{{"op_code": 0, "study_name": "{name}", "directions": [1]}}"#);
    let studies = [0, 1, 2].map(study).join("\n");
    let trials = [study(0), [r#"{"op_code": 4, "study_id": 0}"#; 3].join("\n")].join("\n");
    for (lines, expected) in [(studies, "the number of its studies is beyond 2"), (trials, "of its trials is beyond 2")]
    {
        let said = beyond_two("optuna.log", |path| std::fs::write(path, lines + "\n").expect("written"));
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn a_database_of_something_else_is_said_to_be() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("shop.db");
    database("CREATE TABLE orders (id INTEGER);")(&path);
    let recognised = |text: &str| {
        let source = Source::open(text, &Limits::default()).expect("understood");
        recognise(&source).map(|found| found[0].name()).map_err(|error| error.to_string())
    };
    let said = recognised(&format!("sqlite:///{}", path.display())).expect_err("no store");
    assert!(said.contains("shop.db: the database has neither MLflow's tables nor Optuna's"), "{said}");
    let said = recognised(&format!("sqlite:///{}", folder.path().join("none.db").display())).expect_err("no file");
    assert!(said.contains("none.db: unable to open database file"), "{said}");
}
