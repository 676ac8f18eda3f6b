//! The same run in logs of several formats, which grow, are rotated, truncated, written anew, and are gone for a while.

use std::fs;

use lodecast::Point;
use lodecast_live::{Error, Event, Follower};

use crate::toy::{HEADER, Place, STEPS, Training, json, json_lines, look, model, rows, train};

/// Every tenth point of a run at the rates of the file, in parts of 40 steps.
fn parts(place: &Place, count: usize) -> Vec<Vec<Point>> {
    let (file, mut training) = (place.file(), Training::new(5));
    (0..count).map(|_| train(&mut training, &file, 40)).collect()
}

fn seen(follower: &Follower) -> Vec<u64> {
    follower.points().iter().map(|point| point.step).collect()
}

fn steps_to(last: u64) -> Vec<u64> {
    (1..=last / 10).map(|k| 10 * k).collect()
}

#[test]
fn a_log_is_waited_for_and_its_rates_are_there_before() {
    let place = Place::new("later/run/log.csv");
    fs::remove_dir_all(place.path().join("later")).expect("removed");
    let mut follower = place.follower();
    let looked = look(&mut follower);
    assert!(looked.absent.is_some_and(|absent| absent.contains("log.csv")));
    assert_eq!(place.file().revision, 1);
    let parts = parts(&place, 2);
    fs::create_dir_all(place.path().join("later/run")).expect("made");
    // An empty file, a header, half a line.
    place.write("");
    assert!(look(&mut follower).absent.is_some());
    place.append(HEADER);
    look(&mut follower);
    let text = rows(&parts[0]);
    place.append(&text[..30]);
    look(&mut follower);
    place.append(&text[30..]);
    assert_eq!(look(&mut follower).absent, None);
    assert_eq!(seen(&follower), steps_to(40));
}

#[test]
fn an_address_that_no_waiting_makes_right_is_told_at_once() {
    for (place, says) in [
        ("http://somebody:secret@127.0.0.1:1", "MLFLOW_TRACKING_PASSWORD"),
        ("gopher://127.0.0.1/1", "an address that begins with gopher://"),
    ] {
        let waits = Place::new("log.csv");
        let mut options = waits.options();
        options.watch.place = place.to_owned();
        let error = Follower::open(model(), options).and_then(|mut follower| follower.look()).expect_err("refused");
        let error = error.to_string();
        assert!(error.contains(says) && !error.contains("secret"), "{error}");
    }
    // A server that is not there yet may come.
    let waits = Place::new("log.csv");
    let mut options = waits.options();
    options.watch.place = "http://127.0.0.1:1".to_owned();
    let mut follower = Follower::open(model(), options).expect("it follows");
    assert!(look(&mut follower).absent.is_some());
}

#[test]
fn a_run_that_just_began_is_waited_for_and_not_left_out() {
    let place = Place::new("run/log.csv");
    let mut options = place.options();
    options.watch.place = place.path().join("run").to_str().expect("Unicode").to_owned();
    let mut follower = Follower::open(model(), options).expect("it follows");
    let waits = |follower: &mut Follower, why: &str| {
        let looked = look(follower);
        assert!(looked.absent.as_ref().is_some_and(|absent| absent.contains(why)), "{looked:?}");
        assert_eq!(looked.notes, Vec::<String>::new());
    };
    waits(&mut follower, "nothing in it is of a known format yet; --format NAME");
    place.write(HEADER);
    waits(&mut follower, "nothing is logged in it yet (it has no rows)");
    waits(&mut follower, "nothing is logged in it yet (it has no rows)");
    place.append(&rows(&parts(&place, 1)[0]));
    assert_eq!(look(&mut follower).absent, None);
}

#[test]
fn without_a_length_nothing_is_decided_and_the_remedy_is_said() {
    let place = Place::new("log.csv");
    let mut options = place.options();
    options.total_steps = None;
    let mut follower = Follower::open(model(), options).expect("it follows");
    look(&mut follower);
    assert!(follower.run().is_none());
    place.append(HEADER);
    place.append("10,1.0,0.1,0.5\n20,0.9,0.1,0.6\n");
    let error = follower.look().expect_err("no length");
    assert!(matches!(error, Error::Undecided { .. }) && error.to_string().contains("--total-steps"), "{error}");
}

#[test]
fn a_table_that_is_truncated_and_written_anew_is_the_same_run() {
    let place = Place::new("log.csv");
    let mut follower = place.follower();
    look(&mut follower);
    let parts = parts(&place, 4);
    place.append(HEADER);
    for part in &parts[..2] {
        place.append(&rows(part));
        look(&mut follower);
    }
    // As Lightning does when a column appears: all rows again, below another header.
    let all: String = parts[..3].iter().map(|part| rows(part).replace('\n', ",1\n")).collect();
    place.write(&(HEADER.replace('\n', ",epoch\n") + &all));
    let looked = look(&mut follower);
    assert!(!looked.events.contains(&Event::BeganAnew));
    assert_eq!(seen(&follower), steps_to(120));
    // Truncated to nothing, then the next part only: what is gone from the log is remembered.
    place.write("");
    look(&mut follower);
    assert_eq!(seen(&follower), steps_to(120));
    place.write(HEADER);
    look(&mut follower);
    place.append(&rows(&parts[3]));
    look(&mut follower);
    assert_eq!(seen(&follower), steps_to(160));
    assert!(place.file().revision >= 3);
}

#[test]
fn a_line_that_a_killed_training_left_half_written_is_left_out() {
    for (log, spell, half) in [
        ("log.csv", rows as fn(&[Point]) -> String, "50,0.512"),
        ("log.jsonl", json_lines as fn(&[Point]) -> String, "{\"step\": 50, \"lo"),
    ] {
        let place = Place::new(log);
        let mut follower = place.follower();
        look(&mut follower);
        let parts = parts(&place, 2);
        if log == "log.csv" {
            place.append(HEADER);
        }
        place.append(&(spell(&parts[0]) + half));
        look(&mut follower);
        // It goes on behind what was left.
        place.append(&spell(&parts[1]));
        let looked = look(&mut follower);
        assert_eq!(looked.absent, None, "{log}");
        assert!(looked.notes.iter().any(|note| note.contains("damaged line") && note.contains("50")), "{looked:?}");
        assert_eq!(seen(&follower), [10, 20, 30, 40, 60, 70, 80], "{log}");
    }
}

#[test]
fn a_rotated_log_goes_on() {
    let place = Place::new("log.jsonl");
    let mut follower = place.follower();
    look(&mut follower);
    let parts = parts(&place, 4);
    place.append(&json_lines(&parts[0]));
    look(&mut follower);
    place.append(&json_lines(&parts[1]));
    look(&mut follower);
    fs::rename(&place.log, place.path().join("log.jsonl.1")).expect("rotated");
    // Gone for a moment.
    assert!(look(&mut follower).absent.is_some());
    assert_eq!(seen(&follower), steps_to(80));
    place.append(&json_lines(&parts[2]));
    assert_eq!(look(&mut follower).absent, None);
    assert_eq!(seen(&follower), steps_to(120));
    // A follower that begins now knows of the first parts what the one before it did.
    drop(follower);
    let mut follower = place.follower();
    place.append(&json_lines(&parts[3]));
    look(&mut follower);
    assert_eq!(seen(&follower), steps_to(160));
}

#[test]
fn a_state_of_a_trainer_is_read_whole_each_time_and_may_be_half_written() {
    let place = Place::new("run/trainer_state.json");
    let mut options = place.options();
    options.watch.place = place.path().join("run").to_str().expect("Unicode").to_owned();
    // Its log says how long the run is.
    options.total_steps = None;
    let mut follower = Follower::open(model(), options).expect("it follows");
    let opening = Place::new("opening");
    look(&mut opening.follower());
    let parts = parts(&opening, 3);
    let state = |count: usize| {
        let history: Vec<String> = parts[..count].iter().flatten().map(json).collect();
        format!(
            "{{\"max_steps\": {STEPS}, \"global_step\": {}, \"log_history\": [{}]}}",
            40 * count,
            history.join(", ")
        )
    };
    place.write(&state(1));
    look(&mut follower);
    assert_eq!(seen(&follower), steps_to(40));
    assert_eq!(place.file().total_steps, STEPS);
    let whole = state(2);
    place.write(&whole[..whole.len() / 2]);
    look(&mut follower);
    assert_eq!(seen(&follower), steps_to(40));
    place.write(&whole);
    assert_eq!(look(&mut follower).absent, None);
    assert_eq!(seen(&follower), steps_to(80));
    place.write(&state(3));
    look(&mut follower);
    assert_eq!(seen(&follower), steps_to(120));
}

#[test]
fn late_evaluations_are_taken_in() {
    let place = Place::new("log.jsonl");
    let mut follower = place.follower();
    look(&mut follower);
    let parts = parts(&place, 2);
    let without =
        |part: &[Point]| -> Vec<Point> { part.iter().map(|&point| Point { validation: None, ..point }).collect() };
    place.append(&json_lines(&without(&parts[0])));
    look(&mut follower);
    place.append(&json_lines(&without(&parts[1])));
    look(&mut follower);
    assert!(follower.points().iter().all(|point| point.validation.is_none()));
    // Evaluated on checkpoints, after the training has gone on.
    place.append("{\"step\": 40, \"val_accuracy\": 0.5}\n");
    look(&mut follower);
    let at_40 = follower.points().iter().find(|point| point.step == 40).expect("a point");
    assert_eq!(at_40.validation, Some(0.5));
    assert_eq!(seen(&follower), steps_to(80));
}

#[test]
fn of_several_runs_one_has_to_be_named() {
    let place = Place::new("runs/a.csv");
    let folder = place.path().join("runs");
    let write = |name: &str, rows: &str| fs::write(folder.join(name), HEADER.to_owned() + rows).expect("written");
    write("a.csv", "10,1.0,0.1,0.5\n");
    write("b.csv", "10,1.0,0.1,0.5\n20,0.9,0.1,0.6\n");
    let mut options = place.options();
    options.watch.place = folder.to_str().expect("Unicode").to_owned();
    let mut follower = Follower::open(model(), options).expect("it follows");
    let error = follower.look().expect_err("two runs").to_string();
    assert!(error.contains("2 runs (a, b);") && error.contains("--run"), "{error}");
    drop(follower);
    let mut options = place.options();
    options.watch.place = folder.to_str().expect("Unicode").to_owned();
    options.watch.run = Some("c".to_owned());
    let absent = look(&mut Follower::open(model(), options).expect("it follows")).absent;
    assert!(absent.is_some_and(|absent| absent.ends_with("no run 'c' in it yet; there are: a, b")));
    fs::remove_file(place.path().join("out/rates.json.state")).expect("removed");
    let mut options = place.options();
    options.watch.place = folder.to_str().expect("Unicode").to_owned();
    options.watch.run = Some("b".to_owned());
    let mut follower = Follower::open(model(), options).expect("it follows");
    look(&mut follower);
    let run = follower.run().map(|run| run.state().run.clone());
    assert_eq!((seen(&follower), run.as_deref()), (steps_to(20), Some("b")));
}

#[test]
fn a_training_that_logs_no_rate_is_followed() {
    let place = Place::new("log.csv");
    let mut follower = place.follower();
    look(&mut follower);
    place.append("step,train_loss,val_accuracy\n");
    for point in parts(&place, 2).iter().flatten() {
        place.append(&format!("{},{},{}\n", point.step, point.train_loss.unwrap(), point.validation.unwrap()));
    }
    let looked = look(&mut follower);
    assert_eq!(looked.absent, None);
    assert!(!looked.events.iter().any(|event| matches!(event, Event::NotFollowed(_))));
    assert!(follower.points().iter().all(|point| point.learning_rate.is_none()));
    assert_eq!(place.file().revision, 2);
}

#[test]
fn a_run_is_found_by_the_name_that_its_tracker_shows() {
    let place = Place::new("mlruns");
    let log_as = |id: &str, name: &str, points: &[Point]| {
        let run = place.log.join("7").join(id);
        fs::create_dir_all(run.join("metrics")).expect("made");
        let meta = format!("run_id: {id}\nrun_name: {name}\nexperiment_id: '7'\nlifecycle_stage: active\n");
        fs::write(run.join("meta.yaml"), meta).expect("written");
        for metric in ["train_loss", "learning_rate", "val_accuracy"] {
            let value = |point: &Point| match metric {
                "train_loss" => point.train_loss,
                "learning_rate" => point.learning_rate,
                _ => point.validation,
            };
            let lines: String = points
                .iter()
                .filter_map(|point| {
                    Some(format!("{} {} {}\n", 1_700_000_000_000 + point.step, value(point)?, point.step))
                })
                .collect();
            fs::write(run.join("metrics").join(metric), lines).expect("written");
        }
    };
    let mut options = place.options();
    options.watch.run = Some("bold-fox".to_owned());
    let mut follower = Follower::open(model(), options).expect("it follows");
    assert!(look(&mut follower).absent.is_some(), "nothing is logged yet");
    let parts = parts(&place, 2);
    log_as("a1b2c3", "quiet-owl", &parts[0]);
    log_as("d4e5f6", "bold-fox", &parts[0]);
    assert_eq!(look(&mut follower).absent, None);
    assert_eq!(seen(&follower), steps_to(40));
    log_as("a1b2c3", "quiet-owl", &parts.concat());
    assert!(look(&mut follower).events.is_empty());
    log_as("d4e5f6", "bold-fox", &parts.concat());
    look(&mut follower);
    assert_eq!(seen(&follower), steps_to(80));

    log_as("0a0b0c", "bold-fox", &parts[0]);
    let mut options = place.options();
    options.out = place.path().join("out/other.json");
    options.watch.run = Some("bold-fox".to_owned());
    let error =
        Follower::open(model(), options).and_then(|mut follower| follower.look()).expect_err("two of that name");
    assert!(error.to_string().contains("d4e5f6") && error.to_string().contains("--run"), "{error}");
}
