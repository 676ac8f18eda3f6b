//! Runs under way, read on from where the last look stopped.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use lodecast_import::{Cursor, Follow, Limits, Wanted};

/// Run, series, and new samples; and whether what was there before was replaced.
type Found = (BTreeMap<(String, String), Vec<(u64, f64)>>, bool);

fn look(follow: &mut Follow) -> Found {
    let (mut found, mut rewritten) = (BTreeMap::new(), false);
    let skipped = follow.look(&mut |news| {
        rewritten |= news.rewritten;
        for (name, series) in &news.recording.series {
            let samples = series.steps().zip(series.values()).collect();
            found.insert((news.recording.id.clone(), name.clone()), samples);
        }
        ControlFlow::Continue(())
    });
    assert!(skipped.is_ok_and(|skipped| skipped.is_empty()));
    // Where it stopped survives a file.
    let kept = serde_json::to_string(follow.cursor()).expect("plain data");
    let back: Cursor = serde_json::from_str(&kept).expect("plain data");
    assert_eq!(&back, follow.cursor());
    follow.resume(back);
    (found, rewritten)
}

fn samples(run: &str, series: &str, samples: &[(u64, f64)]) -> Found {
    (BTreeMap::from([((run.to_owned(), series.to_owned()), samples.to_vec())]), false)
}

fn follow(path: &Path) -> Follow {
    Follow::new(path.to_str().expect("Unicode"), Wanted::default(), Limits::default())
}

fn nothing() -> Found {
    (BTreeMap::new(), false)
}

#[test]
fn json_lines_that_grow_and_that_are_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log.jsonl");
    let line = |step: u64| format!("{{\"step\": {step}, \"loss\": {}}}\n", step as f64 / 10.0);
    let mut text = line(1) + &line(2);
    fs::write(&path, &text).expect("written");
    let mut follow = follow(folder.path());
    assert_eq!(look(&mut follow), samples("log", "loss", &[(1, 0.1), (2, 0.2)]));
    assert_eq!(look(&mut follow), nothing());
    text += &line(3);
    // A line in the writing.
    fs::write(&path, text.clone() + "{\"step\": 4, \"lo").expect("written");
    assert_eq!(look(&mut follow), samples("log", "loss", &[(3, 0.3)]));
    text += &line(4);
    fs::write(&path, &text).expect("written");
    assert_eq!(look(&mut follow), samples("log", "loss", &[(4, 0.4)]));
    // Another file of this name, longer than the one before.
    let other: String = (7..40).map(line).collect();
    fs::write(&path, other).expect("written");
    let (found, rewritten) = look(&mut follow);
    assert!(rewritten);
    assert_eq!(found[&("log".to_owned(), "loss".to_owned())].len(), 33);
    // A new run is found.
    fs::write(folder.path().join("new.jsonl"), line(1)).expect("written");
    assert_eq!(look(&mut follow), samples("new", "loss", &[(1, 0.1)]));
}

#[test]
fn a_table_keeps_its_header_and_may_get_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log.csv");
    let mut text = "step,loss\n1,0.5\n".to_owned();
    fs::write(&path, &text).expect("written");
    let mut follow = follow(&path);
    assert_eq!(look(&mut follow), samples("log", "loss", &[(1, 0.5)]));
    for (more, expected) in [
        ("2,0.4\n", vec![("loss", vec![(2, 0.4)])]),
        ("step,loss,val_acc\n3,0.3,0.9\n", vec![("loss", vec![(3, 0.3)]), ("val_acc", vec![(3, 0.9)])]),
        ("4,0.2,0.95\n", vec![("loss", vec![(4, 0.2)]), ("val_acc", vec![(4, 0.95)])]),
    ] {
        text += more;
        fs::write(&path, &text).expect("written");
        let (found, rewritten) = look(&mut follow);
        let found: Vec<_> = found.iter().map(|((_, name), samples)| (name.as_str(), samples.clone())).collect();
        assert_eq!((found, rewritten), (expected, false), "{more}");
    }
}

/// What stands at the beginning of a file as it grows is as if all were read at once.
fn grows_byte_by_byte(bytes: &[u8], name: &str, stride: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("written");
    let (whole, _) = look(&mut follow(folder.path()));
    assert!(!whole.is_empty());
    let mut gathered: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let mut growing = follow(folder.path());
    let ends = (1..).map(|index| index * stride).take_while(|&end| end < bytes.len()).chain([bytes.len()]);
    for end in ends {
        fs::write(&path, &bytes[..end]).expect("written");
        let mut fresh = Vec::new();
        // Before there is a header, there is nothing to read.
        let _ = growing.look(&mut |news| {
            assert!(!news.rewritten, "at {end}");
            fresh.push(news.recording);
            ControlFlow::Continue(())
        });
        for recording in fresh {
            let said = recording.notes.join("; ");
            assert!(!said.contains("cut off"), "at {end} the rest is yet to come: {said}");
            for (name, series) in &recording.series {
                let into: &mut Vec<_> = gathered.entry((recording.id.clone(), name.clone())).or_default();
                into.extend(series.steps().zip(series.values()));
            }
        }
    }
    let bits = |of: &BTreeMap<(String, String), Vec<(u64, f64)>>| -> Vec<_> {
        of.iter()
            .map(|(name, samples)| {
                (name.clone(), samples.iter().map(|&(step, value)| (step, value.to_bits())).collect::<Vec<_>>())
            })
            .collect()
    };
    assert_eq!(bits(&gathered), bits(&whole), "{name}");
}

fn data(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)).expect("the test data are sound")
}

#[test]
fn event_files_are_read_on_at_records() {
    let bytes = data("stores/tensorboard/restarted/events.out.tfevents.1795537676.vm.14334.1.0");
    grows_byte_by_byte(&bytes, "events.out.tfevents.1", 97);
}

#[test]
fn wandb_files_are_read_on_at_records() {
    let bytes = data("stores/wandb/0.31/run-0qvwrrb2.wandb");
    grows_byte_by_byte(&bytes, "run-0qvwrrb2.wandb", 977);
}

#[test]
fn a_state_that_is_written_anew_each_time_hands_over_what_is_new() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run/trainer_state.json");
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    let state = |steps: std::ops::RangeInclusive<u64>, factor: f64| {
        let rows: Vec<String> =
            steps.clone().map(|step| format!("{{\"step\": {step}, \"loss\": {}}}", step as f64 * factor)).collect();
        format!("{{\"global_step\": {}, \"max_steps\": 9, \"log_history\": [{}]}}", steps.end(), rows.join(","))
    };
    fs::write(&path, state(1..=2, 1.0)).expect("written");
    let mut follow = follow(folder.path());
    assert_eq!(look(&mut follow), samples("run", "loss", &[(1, 1.0), (2, 2.0)]));
    fs::write(&path, state(1..=4, 1.0)).expect("written");
    assert_eq!(look(&mut follow), samples("run", "loss", &[(3, 3.0), (4, 4.0)]));
    assert_eq!(look(&mut follow), nothing());
    fs::write(&path, state(1..=1, 5.0)).expect("written");
    let (found, rewritten) = look(&mut follow);
    assert_eq!((found, rewritten), (samples("run", "loss", &[(1, 5.0)]).0, true));
}

#[test]
fn databases_are_asked_for_what_is_new() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mlflow.db");
    let database = rusqlite::Connection::open(&path).expect("made");
    database
        .execute_batch(
            r#"
            CREATE TABLE experiments (experiment_id INTEGER, name VARCHAR, lifecycle_stage VARCHAR);
            CREATE TABLE runs (run_uuid VARCHAR, name VARCHAR, start_time BIGINT, lifecycle_stage VARCHAR, experiment_id INTEGER);
            CREATE TABLE metrics ("key" VARCHAR, value FLOAT, timestamp BIGINT, run_uuid VARCHAR, step BIGINT, is_nan BOOLEAN);
            CREATE TABLE params ("key" VARCHAR, value VARCHAR, run_uuid VARCHAR);
            CREATE TABLE tags ("key" VARCHAR, value VARCHAR, run_uuid VARCHAR);
            INSERT INTO experiments VALUES (0, 'Default', 'active');
            INSERT INTO runs VALUES ('aa', 'one', 5, 'active', 0);
            INSERT INTO metrics VALUES ('loss', 2.0, 1000, 'aa', 1, 0), ('loss', 1.5, 2000, 'aa', 2, 0);
            "#,
        )
        .expect("made");
    let mut mlflow = follow(&path);
    assert_eq!(look(&mut mlflow), samples("aa", "loss", &[(1, 2.0), (2, 1.5)]));
    assert_eq!(look(&mut mlflow), nothing());
    // One of the same millisecond, and one later.
    let more = "INSERT INTO metrics VALUES ('loss', 1.2, 2000, 'aa', 3, 0), ('loss', 1.0, 3000, 'aa', 4, 0)";
    database.execute_batch(more).expect("inserted");
    assert_eq!(look(&mut mlflow), samples("aa", "loss", &[(3, 1.2), (4, 1.0)]));

    let path = folder.path().join("project.db");
    let database = rusqlite::Connection::open(&path).expect("made");
    database
        .execute_batch(
            r#"
            CREATE TABLE metrics (id INTEGER PRIMARY KEY, timestamp TEXT, run_name TEXT, step INTEGER, metrics TEXT);
            CREATE TABLE configs (id INTEGER PRIMARY KEY, run_name TEXT, config TEXT);
            INSERT INTO metrics VALUES (1, '', 'calm', 0, '{"loss": 2.0, "bad": "Infinity"}');
            "#,
        )
        .expect("made");
    let mut trackio = follow(&path);
    let (found, _) = look(&mut trackio);
    assert_eq!(found[&("calm".to_owned(), "bad".to_owned())], [(0, f64::INFINITY)]);
    database.execute_batch("INSERT INTO metrics VALUES (2, '', 'calm', 1, '{\"loss\": 1.0}')").expect("inserted");
    assert_eq!(look(&mut trackio), samples("calm", "loss", &[(1, 1.0)]));
}
