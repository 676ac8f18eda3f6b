//! What is decided: within the safe range, ahead of the training, and never otherwise about the past.

use lodecast::{Knot, Point, Schedule};
use lodecast_live::{Event, Follower, JsonLinesLog, RatesFile, TensorBoardLog, sentence};
use proptest::prelude::*;

use crate::toy::{HEADER, PEAKS, Place, STEPS, Training, look, model, rows, train};

/// Trains to the end with a look every `pace` steps; gives every file of rates that there was, with the step at which it was written.
fn whole_run(place: &Place, pace: u64, seed: u64) -> Vec<(u64, RatesFile)> {
    let mut follower = place.follower();
    look(&mut follower);
    let mut files = vec![(0, place.file())];
    let mut training = Training::new(seed);
    place.append(HEADER);
    while training.step < STEPS {
        let file = place.file();
        let count = pace.min(STEPS - training.step);
        place.append(&rows(&train(&mut training, &file, count)));
        let looked = look(&mut follower);
        assert!(looked.absent.is_none() || training.step < 10, "{looked:?}");
        assert_eq!(looked.finished, training.step == STEPS);
        let file = place.file();
        if files.last().is_none_or(|(_, last)| *last != file) {
            files.push((training.step / 10 * 10, file));
        }
    }
    files
}

#[test]
fn a_run_is_followed_from_before_its_start_to_its_end() {
    let place = Place::new("log.csv");
    let files = whole_run(&place, 20, 7);
    let (first, last) = (&files[0].1, &files[files.len() - 1].1);
    assert_eq!((first.revision, first.effective_from_step, first.last_seen_step), (1, 0, None));
    assert!(first.predicted.is_some() && first.metric == "val_accuracy:max" && !first.finished);
    assert!(last.finished && last.revision >= 5, "before the start, and at a tenth, three, five and seven: {last:?}");
    // The forecast at seven tenths holds what the run came to.
    let late =
        files.iter().rev().find(|(step, _)| *step <= 300).and_then(|(_, file)| file.predicted).expect("a forecast");
    let text = std::fs::read_to_string(&place.log).expect("the log");
    let end: f64 = text.trim_end().rsplit(',').next().expect("a value").parse().expect("a number");
    let width = (late.high - late.low).max(0.02);
    assert!((late.mean - end).abs() < width, "{late:?} {end}");
}

/// What must hold of the files of a run, one after the other.
fn check(files: &[(u64, RatesFile)]) -> Result<(), TestCaseError> {
    let (lowest, highest) = (1e-4, PEAKS[3]);
    for (_, file) in files {
        for step in 0..=STEPS + 10 {
            let rate = file.learning_rate(step);
            prop_assert!(rate >= lowest * (1.0 - 1e-9) && rate <= highest * (1.0 + 1e-9), "{rate} at {step}");
        }
    }
    for pair in files.windows(2) {
        let ((_, before), (seen, after)) = (&pair[0], &pair[1]);
        prop_assert!(after.revision == before.revision || after.revision == before.revision + 1);
        if after.revision == before.revision {
            prop_assert_eq!(&after.knots, &before.knots);
            continue;
        }
        prop_assert!(after.effective_from_step > *seen || *seen == 0, "{} {}", after.effective_from_step, seen);
        for step in 0..after.effective_from_step.min(STEPS) {
            let (old, new) = (before.learning_rate(step), after.learning_rate(step));
            prop_assert!((new / old - 1.0).abs() < 1e-9, "step {}: {} became {}", step, old, new);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]
    #[test]
    // Looked at more often than twice between two points, a run that is quiet before its last one counts as over.
    fn rates_are_safe_and_change_ahead_only(pace in 5..90u64, seed in 0..1000u64) {
        let place = Place::new("log.csv");
        check(&whole_run(&place, pace, seed))?;
    }

    #[test]
    fn whatever_is_logged_the_rates_are_safe_and_change_ahead_only(
        values in prop::collection::vec((1..30u64, prop::num::f64::ANY, prop::num::f64::ANY, prop::num::f64::ANY), 1..40),
    ) {
        let place = Place::new("log.csv");
        let mut follower = place.follower();
        look(&mut follower);
        let mut files = vec![(0, place.file())];
        place.append(HEADER);
        let mut step = 0;
        for (distance, loss, rate, metric) in values {
            step += distance;
            place.append(&rows(&[Point::new(step).train_loss(loss).learning_rate(rate).validation(metric)]));
            look(&mut follower);
            let file = place.file();
            if files.last().is_none_or(|(_, last)| *last != file) {
                files.push((step, file));
            }
        }
        check(&files)?;
    }
}

#[test]
fn what_is_logged_beyond_the_planned_end_is_no_other_training() {
    let place = Place::new("log.csv");
    let mut follower = place.follower();
    look(&mut follower);
    place.append(HEADER);
    let falling =
        |step: u64| Point::new(step).train_loss(1.0).learning_rate(0.1 - 0.0002 * step as f64).validation(0.5);
    place.append(&rows(&(1..=38).map(|k| falling(10 * k)).collect::<Vec<_>>()));
    look(&mut follower);
    let before = place.file();
    // The rate rises again, as if the importer had two trainings before it.
    place.append(&rows(&[falling(410), Point { learning_rate: Some(0.1), ..falling(420) }]));
    let looked = look(&mut follower);
    assert!(looked.finished && !looked.events.contains(&Event::BeganAnew), "{looked:?}");
    assert_eq!((place.file().revision, place.file().knots), (before.revision, before.knots));
}

#[test]
fn a_run_that_is_joined_under_way_is_planned_for_once_and_ends_better() {
    let own = Schedule::constant(0.05);
    let alone = (0..STEPS).fold(Training::new(4), |mut training, _| {
        training.step(0.05);
        training
    });
    let place = Place::new("log.csv");
    let mut training = Training::new(4);
    let began: Vec<Point> =
        (0..50).map(|_| training.step(own.at_step(0, STEPS))).filter(|point| point.step % 10 == 0).collect();
    place.append(HEADER);
    place.append(&rows(&began));
    let mut follower = place.follower();
    let mut changed = Vec::new();
    while training.step < STEPS {
        for event in look(&mut follower).events {
            if let Event::Decided(decision) = event {
                changed.push(decision.changed);
            }
        }
        let file = place.file();
        place.append(&rows(&train(&mut training, &file, 10)));
    }
    assert_eq!(changed, [true, false, false, false], "what it planned first is kept");
    let end = |mut training: Training, rate| training.step(rate).validation.expect("measured");
    let last = place.file().learning_rate(STEPS - 1);
    assert!(end(training, last) > end(alone, 0.05) + 0.01);
}

#[test]
fn a_run_that_is_joined_while_it_looks_strange_is_planned_for_as_soon_as_it_does_not() {
    let place = Place::new("log.csv");
    // Its own rate falls, which nobody can know from the log.
    let own = |step: u64| 0.1 * (1.0 - step as f64 / STEPS as f64);
    let mut training = Training::new(4);
    let mut trained = |count: u64, strange: bool| -> Vec<Point> {
        let points = (0..count).map(|_| training.step(own(training.step)));
        let points = points.map(|point| if strange { point.validation(0.99) } else { point });
        points.filter(|point| point.step % 10 == 0).collect()
    };
    place.append(HEADER);
    place.append(&rows(&trained(30, true)));
    let mut follower = place.follower();
    let first = look(&mut follower).events;
    assert!(
        matches!(&first[..], [Event::Decided(decision)] if !decision.changed && decision.weighed == 0),
        "{first:?}"
    );
    assert!(!place.rates.exists(), "a rate that is held to the end was nobody's choice");
    let picked = (0..8).find_map(|_| {
        place.append(&rows(&trained(30, false)));
        let decided = look(&mut follower).events.into_iter().find_map(|event| match event {
            Event::Decided(decision) => Some(decision),
            _ => None,
        })?;
        assert_eq!(place.rates.exists(), decided.weighed > 0, "{decided:?}");
        (decided.weighed > 0).then_some(decided)
    });
    let picked = picked.expect("an occasion before the last");
    assert_eq!(place.file().revision, picked.revision);
    assert!(place.file().learning_rate(STEPS - 1) < 0.03, "{:?}", place.file());
}

#[test]
fn a_disk_that_is_full_for_a_while_costs_nothing() {
    let place = Place::new("log.csv");
    let mut follower = place.follower();
    look(&mut follower);
    let (mut training, file) = (Training::new(3), place.file());
    place.append(HEADER);
    // A folder in the way of the state, as good as no room for it: also to one who may write everything.
    let state = place.rates.with_file_name("rates.json.state");
    std::fs::remove_file(&state).expect("there");
    std::fs::create_dir_all(state.join("in the way")).expect("made");
    place.append(&rows(&train(&mut training, &file, 50)));
    let looked = look(&mut follower);
    let decided = looked.events.iter().filter(|event| matches!(event, Event::Decided(_))).count();
    assert!(decided == 1 && looked.unwritten.is_some_and(|reason| reason.contains("rates.json.state")));
    assert_eq!(place.file().revision, 1, "what is not kept is not published");
    std::fs::remove_dir_all(&state).expect("removed");
    let looked = look(&mut follower);
    assert_eq!((looked.unwritten, place.file().revision), (None, 2));
}

#[test]
fn a_run_that_logs_seldom_is_not_taken_for_one_that_is_over() {
    let place = Place::new("log.csv");
    let mut follower = place.follower();
    look(&mut follower);
    place.append(HEADER);
    let mut training = Training::new(3);
    for _ in 0..3 {
        let file = place.file();
        place.append(&rows(&train(&mut training, &file, 100)[9..]));
        // Ten looks a point: the last hundred steps take as long as the others did.
        assert!((0..10).all(|_| !look(&mut follower).finished), "step {}", training.step);
    }
    assert!((0..30).any(|_| look(&mut follower).finished), "nothing came any more");
}

#[test]
fn looking_again_decides_nothing() {
    let place = Place::new("log.csv");
    let mut follower = place.follower();
    look(&mut follower);
    place.append(HEADER);
    let mut training = Training::new(3);
    place.append(&rows(&train(&mut training, &place.file(), 150)));
    assert!(look(&mut follower).events.iter().any(|event| matches!(event, Event::Decided(_))));
    let before = (place.file(), std::fs::metadata(&place.rates).expect("there").modified().expect("a time"));
    for _ in 0..5 {
        assert!(look(&mut follower).events.is_empty());
    }
    assert_eq!((place.file(), std::fs::metadata(&place.rates).expect("there").modified().expect("a time")), before);
}

#[test]
fn a_training_that_sets_other_rates_is_noticed_once() {
    let place = Place::new("log.csv");
    let mut follower = place.follower();
    look(&mut follower);
    place.append(HEADER);
    let mut training = Training::new(3);
    let own = RatesFile { knots: vec![Knot { progress: 0.0, learning_rate: 0.5 }], ..place.file() };
    let mut noticed = Vec::new();
    for _ in 0..8 {
        place.append(&rows(&train(&mut training, &own, 20)));
        noticed.extend(look(&mut follower).events.into_iter().filter(|event| matches!(event, Event::NotFollowed(_))));
    }
    let [Event::NotFollowed(departure)] = noticed[..] else { panic!("{noticed:?}") };
    assert_eq!((departure.since_step, departure.logged), (10, 0.5));
    assert_eq!(place.file().not_followed, Some(departure));
    let said = sentence(follower.run().expect("a run"), follower.points());
    assert!(said.contains("not followed since step 10"), "{said}");
    // And its return.
    for _ in 0..3 {
        place.append(&rows(&train(&mut training, &place.file(), 20)));
        look(&mut follower);
    }
    assert_eq!(place.file().not_followed, None);
}

#[test]
fn what_is_not_finite_is_not_planned_upon() {
    let place = Place::new("log.csv");
    let mut follower = place.follower();
    look(&mut follower);
    place.append(HEADER);
    let mut training = Training::new(3);
    place.append(&rows(&train(&mut training, &place.file(), 30)));
    look(&mut follower);
    place.append("40,nan,0.1,nan\n");
    let events = look(&mut follower).events;
    assert!(events.contains(&Event::Unsound(40)) && place.file().revision == 1, "{events:?}");
    place.append(&rows(&train(&mut training, &place.file(), 20)));
    look(&mut follower);
    assert_eq!(place.file().revision, 2, "the occasion waited for a sound point");
}

#[test]
fn decisions_are_logged_back() {
    let place = Place::new("log.csv");
    let (lines, events) = (place.path().join("decisions.jsonl"), place.path().join("board/lodecast"));
    let mut options = place.options();
    options.log_back = vec![Box::new(JsonLinesLog::new(&lines)), Box::new(TensorBoardLog::new(&events))];
    let mut follower = Follower::open(model(), options).expect("it follows");
    look(&mut follower);
    place.append(HEADER);
    let mut training = Training::new(3);
    place.append(&rows(&train(&mut training, &place.file(), 150)));
    assert!(look(&mut follower).troubles.is_empty());
    let text = std::fs::read_to_string(&lines).expect("logged");
    let entries: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(entries.len(), 2);
    assert_eq!((&entries[1]["step"], &entries[1]["revision"]), (&150.into(), &2.into()));

    // The importer reads back what was written, with every checksum right.
    let source = lodecast_import::Source::open(events.to_str().expect("Unicode"), &lodecast_import::Limits::default());
    let source = source.expect("a folder");
    let format = lodecast_import::format_named("tensorboard").expect("known");
    let mut read = std::collections::BTreeMap::new();
    let wanted = lodecast_import::Wanted::default();
    let visit = &mut |outcome| {
        let lodecast_import::Outcome::Recording(recording) = outcome else { panic!("{outcome:?}") };
        assert!(recording.notes.is_empty(), "{:?}", recording.notes);
        for (name, series) in &recording.series {
            read.insert(name.clone(), series.steps().zip(series.values()).collect::<Vec<_>>());
        }
        std::ops::ControlFlow::Continue(())
    };
    format.read(&source, &wanted, &lodecast_import::Limits::default(), visit).expect("readable");
    let rates = &read["lodecast/learning_rate"];
    assert_eq!(rates.iter().map(|&(step, _)| step).collect::<Vec<_>>(), [0, 150]);
    assert!((rates[1].1 / entries[1]["learning_rate"].as_f64().expect("a number") - 1.0).abs() < 1e-6);
    assert_eq!(read["lodecast/predicted_final"].len(), 2);
}

#[test]
fn a_run_that_is_over_is_said_to_have_ended_at_what_was_measured() {
    let place = Place::new("log.csv");
    let mut follower = place.follower();
    look(&mut follower);
    place.append(HEADER);
    let points = train(&mut Training::new(3), &place.file(), STEPS);
    let (last, before) = points.split_last().expect("points");
    place.append(&rows(before));
    look(&mut follower);
    let said = |follower: &Follower| sentence(follower.run().expect("a run"), follower.points());
    assert!(said(&follower).starts_with("ends at "), "{}", said(&follower));
    place.append(&rows(&[*last]));
    assert!(look(&mut follower).finished);
    let (end, forecast) = (last.validation.expect("measured"), said(&follower));
    let words: Vec<&str> = forecast.split("; ").collect();
    let [ended, had_been] = words[..] else { panic!("{forecast}") };
    let number = ended.strip_prefix("ended at ").and_then(|number| number.parse::<f64>().ok());
    assert!(number.is_some_and(|number| (number - end).abs() < 1e-3), "{end}: {forecast}");
    assert!(had_been.contains('±') && had_been.ends_with(" had been forecast"), "{forecast}");
    // One whose end was not measured did not end at what came before it.
    let early = &follower.points()[..points.len() / 2];
    let said = sentence(follower.run().expect("a run"), early);
    assert!(said.starts_with("is over; its val_accuracy was not measured at the end; "), "{said}");
}
