//! The store alone: what comes back, and what a full or damaged disk does.

use lodecast::Knot;

use super::*;
use crate::decision::Choice;

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

fn run(key: i64, id: &str) -> Write {
    Write::Run {
        key,
        id: id.to_owned(),
        settings: "{}".to_owned(),
        fingerprint: "f".to_owned(),
        summary: "{}".to_owned(),
        snapshot: None,
    }
}

fn points(key: i64, number: u64, steps: std::ops::Range<u64>) -> Write {
    let entries = steps.map(|step| Entry::Point(Point::new(step).train_loss(1.0 / step as f64))).collect();
    Write::Entries { key, number, entries }
}

#[test]
fn what_was_written_comes_back_to_the_last_bit_and_a_second_server_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path()).expect("a store");
    let point = Point::new(7).train_loss(f64::NAN).validation(f64::NEG_INFINITY).learning_rate(0.1 + 0.2);
    let knots =
        vec![Knot { progress: 1.0 / 3.0, learning_rate: 0.1 + 0.2 }, Knot { progress: 1.0, learning_rate: 1e-300 }];
    let choice = Choice { from_step: 9, knots };
    let entries = vec![
        Entry::Point(point),
        Entry::Extended(900),
        Entry::Resumed(3),
        Entry::Chosen(choice.clone()),
        Entry::HandedBack,
    ];
    wait(store.write(run(1, "a"))).expect("written");
    wait(store.write(Write::Entries { key: 1, number: 0, entries })).expect("written");
    assert!(matches!(Store::open(folder.path()), Err(Error::InUse { .. })));
    drop(store);
    let store = Store::open(folder.path()).expect("a store");
    let found = store.entries(1, 0).expect("read");
    let [Entry::Point(back), Entry::Extended(900), Entry::Resumed(3), Entry::Chosen(chosen), Entry::HandedBack] =
        &found[..]
    else {
        panic!("{found:?}")
    };
    assert_eq!(chosen, &choice);
    assert_eq!(back.train_loss.map(f64::to_bits), point.train_loss.map(f64::to_bits));
    assert_eq!((back.validation, back.learning_rate), (point.validation, point.learning_rate));
    assert!(store.at_step(1, 7).expect("read").is_empty(), "the training went back before it");
    assert!(wait(store.write(run(2, "a"))).is_err(), "an id is there once");
    let (listed, count) = store.list("", Which::All, 0, 10).expect("read");
    assert_eq!((listed[0].id.as_str(), listed[0].last_step, count), ("a", Some(3), 1));
}

#[test]
fn a_full_disk_is_said_stores_nothing_and_passes() {
    let folder = tempfile::tempdir().expect("a folder");
    let connection = Connection::open(folder.path().join(FILE)).expect("opened");
    prepare(&connection).expect("prepared");
    connection.execute_batch(TABLES).expect("made");
    connection.execute_batch("PRAGMA max_page_count = 20").expect("set");
    let (jobs, waiting) = sync_channel(QUEUE);
    let thread = std::thread::spawn(move || writer::write(connection, &waiting));
    let write = |write| {
        let (done, written) = oneshot::channel();
        jobs.send(writer::Job { write, done: Some(done) }).expect("sent");
        wait(written).expect("an answer")
    };
    write(run(1, "a")).expect("written");
    let error = write(points(1, 0, 1..10_000)).expect_err("full");
    assert!(error.contains("full"), "{error}");
    write(points(1, 0, 1..20)).expect("there is room for that");
    drop(jobs);
    thread.join().expect("no panic");
    let connection = Connection::open(folder.path().join(FILE)).expect("opened");
    let count: i64 = connection.query_row("SELECT COUNT(*) FROM entries", [], |row| row.get(0)).expect("read");
    assert_eq!(count, 19);
}

#[test]
fn a_torn_last_record_costs_only_itself_and_another_file_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let (whole, torn) = (folder.path().join("whole"), folder.path().join("torn"));
    let store = Store::open(&whole).expect("a store");
    wait(store.write(run(1, "a"))).expect("written");
    for batch in 0..20 {
        wait(store.write(points(1, 10 * batch, 10 * batch + 1..10 * batch + 11))).expect("written");
    }
    // As after a power cut: the log of the store ends in the middle of a record.
    std::fs::create_dir(&torn).expect("made");
    for name in [FILE.to_owned(), format!("{FILE}-wal")] {
        std::fs::copy(whole.join(&name), torn.join(&name)).expect("copied");
    }
    let log = std::fs::OpenOptions::new().write(true).open(torn.join(format!("{FILE}-wal"))).expect("opened");
    log.set_len(log.metadata().expect("there").len() - 100).expect("cut");
    let store = Store::open(&torn).expect("it opens");
    let found = store.entries(1, 0).expect("read");
    assert_eq!(found.len(), 190, "whole commits only");
    drop(store);
    std::fs::write(torn.join(FILE), "this is no database, whatever it is called".repeat(300)).expect("written");
    let error = Store::open(&torn).expect_err("refused").to_string();
    assert!(error.contains("runs.sqlite"), "{error}");
}

#[test]
fn a_store_of_version_1_is_brought_to_this_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path()).expect("a store");
    wait(store.write(run(1, "a"))).expect("written");
    wait(store.write(points(1, 0, 1..20))).expect("written");
    let become_this = Write::Become { key: 1, number: 7, summary: "{}".to_owned(), snapshot: Some("it".to_owned()) };
    wait(store.write(become_this)).expect("written");
    drop(store);
    let connection = Connection::open(folder.path().join(FILE)).expect("opened");
    let as_it_was = "ALTER TABLE entries DROP COLUMN knots;
        ALTER TABLE runs ADD COLUMN snapshot TEXT; ALTER TABLE runs ADD COLUMN snapshot_number INTEGER;
        UPDATE runs SET (snapshot_number, snapshot) = (SELECT number, snapshot FROM snapshots WHERE run = key);
        DROP TABLE snapshots; PRAGMA user_version = 1;";
    connection.execute_batch(as_it_was).expect("as it was");
    drop(connection);
    for number in [19, 20] {
        let store = Store::open(folder.path()).expect("a store");
        let kept = store.run("a").expect("read").expect("it is there");
        assert_eq!(kept.snapshot, Some(("it".to_owned(), 7)));
        let choice = Choice { from_step: 30, knots: vec![Knot { progress: 0.0, learning_rate: 0.1 }] };
        wait(store.write(Write::Entries { key: 1, number, entries: vec![Entry::Chosen(choice.clone())] }))
            .expect("written");
        let found = store.entries(1, 0).expect("read");
        assert_eq!((found.len() as u64, found.last()), (number + 1, Some(&Entry::Chosen(choice))));
    }
}

#[test]
fn a_part_of_the_runs_is_found_without_reading_the_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path()).expect("a store");
    wait(store.write(run(1, "a"))).expect("written");
    let summary =
        |finished: bool, alerts: &[&str]| serde_json::json!({"finished": finished, "alerts": alerts}).to_string();
    for (key, summary) in
        [(2, summary(true, &[])), (3, summary(false, &["not followed"])), (4, summary(true, &["diverging"]))]
    {
        wait(store.write(run(key, &format!("run-{key}")))).expect("written");
        wait(store.write(Write::Become { key, number: 0, summary, snapshot: None })).expect("written");
    }
    let listed = |which| {
        let (runs, count) = store.list("", which, 0, 10).expect("read");
        assert_eq!(runs.len() as u64, count);
        runs.into_iter().map(|run| run.id).collect::<Vec<_>>()
    };
    assert_eq!(listed(Which::All), ["run-4", "run-3", "run-2", "a"]);
    assert_eq!(listed(Which::UnderWay), ["run-3", "a"]);
    assert_eq!(listed(Which::WithAlerts), ["run-4", "run-3"]);
    assert_eq!(listed(Which::Finished), ["run-4", "run-2"]);
    for which in [Which::UnderWay, Which::WithAlerts, Which::Finished] {
        let query = format!("EXPLAIN QUERY PLAN SELECT id FROM runs WHERE {} ORDER BY key DESC", which.condition());
        let plan: String = store.read(|reader| reader.query_row(&query, [], |row| row.get(3))).expect("a plan");
        assert!(plan.contains("USING INDEX runs_") && !plan.contains("SORT"), "{which:?}: {plan}");
    }
}
