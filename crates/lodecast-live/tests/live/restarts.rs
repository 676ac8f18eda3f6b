//! A follower that is killed and started again, and a training that is.

use std::fs;

use lodecast::Point;
use lodecast_live::{Error, Event, Follower, RatesFile};

use crate::toy::{HEADER, Place, STEPS, Training, look, model, rows, train};

/// Follows a run with a look every 20 steps; `killed` says after which looks the follower is killed and started again.
fn followed(killed: impl Fn(u64) -> bool) -> Vec<RatesFile> {
    let place = Place::new("log.csv");
    let mut follower = place.follower();
    look(&mut follower);
    place.append(HEADER);
    let (mut training, mut files) = (Training::new(11), vec![place.file()]);
    for number in 0..STEPS / 20 {
        if killed(number) {
            drop(follower);
            follower = place.follower();
        }
        let file = place.file();
        place.append(&rows(&train(&mut training, &file, 20)));
        look(&mut follower);
        files.push(place.file());
    }
    // Paths differ, what was decided must not.
    files
}

#[test]
fn a_follower_that_was_killed_decides_the_same() {
    let whole = followed(|_| false);
    assert_eq!(followed(|number| number == 7), whole);
    assert_eq!(followed(|_| true), whole);
}

#[test]
fn a_decision_that_was_not_published_is_published_as_it_was() {
    let place = Place::new("log.csv");
    let mut follower = place.follower();
    look(&mut follower);
    place.append(HEADER);
    place.append(&rows(&train(&mut Training::new(2), &place.file(), 60)));
    look(&mut follower);
    let decided = fs::read(&place.rates).expect("read");
    drop(follower);
    // Killed between the two files, or the file was lost.
    fs::remove_file(&place.rates).expect("removed");
    let _again = place.follower();
    assert_eq!(fs::read(&place.rates).expect("read"), decided);
}

#[test]
fn a_training_that_resumes_from_a_checkpoint_finds_the_rates_that_it_had() {
    let place = Place::new("log.csv");
    let mut follower = place.follower();
    look(&mut follower);
    place.append(HEADER);
    let mut training = Training::new(4);
    place.append(&rows(&train(&mut training, &place.file(), 100)));
    look(&mut follower);
    let checkpoint = training.clone();
    place.append(&rows(&train(&mut training, &place.file(), 100)));
    look(&mut follower);
    let before = place.file();
    // Its log goes on at step 110 again.
    training = checkpoint;
    place.append(&rows(&train(&mut training, &before, 50)));
    let looked = look(&mut follower);
    assert!(looked.events.contains(&Event::WentBack(150)), "{:?}", looked.events);
    assert_eq!(place.file(), before);
    place.append(&rows(&train(&mut training, &before, 100)));
    assert!(!look(&mut follower).events.iter().any(|event| matches!(event, Event::WentBack(_) | Event::BeganAnew)));
    assert_eq!(place.file().last_seen_step.max(Some(250)), Some(250));
    assert!(place.file().not_followed.is_none());
}

#[test]
fn another_training_in_the_same_log_begins_anew_and_revisions_go_on() {
    let place = Place::new("log.csv");
    let mut follower = place.follower();
    look(&mut follower);
    place.append(HEADER);
    place.append(&rows(&train(&mut Training::new(4), &place.file(), 200)));
    look(&mut follower);
    let before = place.file();
    place.write(HEADER);
    let mut training = Training::new(99);
    place.append(&rows(&train(&mut training, &before, 50)));
    let looked = look(&mut follower);
    assert!(looked.events.contains(&Event::BeganAnew), "{:?}", looked.events);
    let after = place.file();
    assert_eq!((after.revision, after.last_seen_step), (before.revision + 1, Some(50)));
    assert!(after.effective_from_step > 50 && after.effective_from_step < 100);
    assert_eq!(follower.points().len(), 5);
}

#[test]
fn two_followers_of_one_file_do_not_get_in_each_others_way() {
    let place = Place::new("log.csv");
    let first = place.follower();
    let second = Follower::open(model(), place.options());
    assert!(matches!(second, Err(Error::InUse { .. })));
    drop(first);
    place.follower();
}

#[test]
fn a_state_that_does_not_fit_is_refused_with_what_to_do() {
    let place = Place::new("log.csv");
    let mut follower = place.follower();
    look(&mut follower);
    drop(follower);
    let mut options = place.options();
    options.total_steps = Some(STEPS + 1);
    let error = Follower::open(model(), options).err().expect("another length").to_string();
    assert!(error.contains("planned for 400 steps, not 401") && error.contains("move the file"), "{error}");
    let state = place.rates.with_extension("json.state");
    for damage in ["", "{}", "{\"version\": 1"] {
        fs::write(&state, damage).expect("written");
        let error = Follower::open(model(), place.options()).err().expect("damaged").to_string();
        assert!(error.contains("rates.json.state") && error.contains("begin anew"), "{error}");
    }
}

#[test]
fn a_run_that_is_over_before_it_is_followed_is_said_to_be() {
    let place = Place::new("log.csv");
    place.append(HEADER);
    let points: Vec<Point> =
        (1..=40).map(|k| Point::new(10 * k).train_loss(1.0).learning_rate(0.1).validation(0.5)).collect();
    place.append(&rows(&points));
    let looked = look(&mut place.follower());
    assert!(looked.finished && place.file().finished);
}

#[test]
fn where_no_change_can_apply_any_more_no_decision_is_announced() {
    let place = Place::new("log.csv");
    place.append(HEADER);
    let points: Vec<Point> =
        (1..=39).map(|k| Point::new(10 * k).train_loss(1.0).learning_rate(0.1).validation(0.5)).collect();
    place.append(&rows(&points));
    let mut follower = place.follower();
    assert!(!look(&mut follower).finished);
    let run = follower.run().expect("its length is known");
    assert_eq!(run.next_decision(), None, "{}", lodecast_live::sentence(run, follower.points()));
}
