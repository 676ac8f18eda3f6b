//! The rates that are served: those of a scheduler within the training, to the last bit.

use std::thread;
use std::time::{Duration, Instant};

use lodecast::{Point, Schedule, Scheduler};
use serde_json::json;

use super::{Served, form};
use crate::toy::{STEPS, Training, model};

fn in_process() -> Scheduler {
    Scheduler::builder(model()).total_steps(STEPS).build().expect("a scheduler")
}

/// What is measured at a step: a loss each time, the metric at every tenth.
fn measured(training: &mut Training, rate: f64) -> Point {
    let point = training.step(rate);
    Point {
        step: point.step - 1,
        learning_rate: None,
        validation: point.validation.filter(|_| point.step.is_multiple_of(10)),
        ..point
    }
}

#[test]
fn a_loop_of_requests_gets_the_rates_of_a_scheduler_in_the_training_over_restarts() {
    let mut served = Served::new();
    let (mut inside, mut training) = (in_process(), Training::new(3));
    let made = served.make("run-1");
    assert_eq!(made.status, 201, "{made:?}");
    let mut rate = made.json()["learning_rate"].as_f64().expect("a rate");
    for step in 0..STEPS {
        assert_eq!(rate.to_bits(), inside.learning_rate(step).to_bits(), "step {step}");
        let point = measured(&mut training, rate);
        inside.observe(point);
        rate = served.step("run-1", &form(&point)).rate();
        if step % 67 == 66 {
            served.restart();
        }
    }
    let run = served.get("/v1/runs/run-1").json();
    assert_eq!((&run["finished"], &run["last_step"]), (&true.into(), &(STEPS - 1).into()));
    assert_eq!(run["decisions"].as_array().map(Vec::len), Some(inside.replans() as usize));
    assert!(inside.replans() >= 5 && run["alerts"].is_array());
}

#[test]
fn points_in_batches_come_to_the_same_schedule() {
    let served = Served::new();
    let (mut inside, mut training) = (in_process(), Training::new(4));
    served.make("a");
    served.make("b");
    for part in 0..STEPS / 50 {
        let points: Vec<Point> =
            (0..50).map(|k| measured(&mut training, inside.learning_rate(50 * part + k))).collect();
        let mut batch = Vec::new();
        for point in &points {
            inside.observe(*point);
            served.step("a", &form(point)).rate();
            // Loss and metric of a step apart.
            batch.push(json!({"step": point.step, "train_loss": point.train_loss}));
            batch.extend(point.validation.map(|metric| json!({"step": point.step, "validation": metric})));
        }
        let told = served.post("b", "points", &json!({"points": batch}));
        assert_eq!((told.status, &told.json()["accepted"]), (200, &batch.len().into()), "{told:?}");
        let rate = |run: &str, step: u64| served.get(&format!("/v1/runs/{run}/learning-rate?step={step}")).rate();
        for step in [50 * part + 50, STEPS - 1] {
            assert_eq!(rate("a", step).to_bits(), inside.learning_rate(step).to_bits());
        }
    }
    // One that decided with the loss of a step alone may decide otherwise, but as often.
    let revision = |run: &str| served.get(&format!("/v1/runs/{run}")).json()["revision"].clone();
    assert_eq!(revision("a"), revision("b"));
}

#[test]
fn telling_again_changes_nothing_and_telling_otherwise_is_refused() {
    let served = Served::new();
    assert_eq!(served.make("run").status, 201);
    assert_eq!(served.make("run").status, 200);
    let other = served.ask("PUT", "/v1/runs/run", &json!({"model": "toy", "total_steps": 7, "seed": 1}).to_string());
    assert!(other.is_problem(409).body.contains("total_steps, seed"), "{other:?}");
    let first = served.step("run", "step=0&train_loss=2.5").rate();
    let second = served.step("run", "step=1&train_loss=2.25").rate();
    assert_eq!(served.step("run", "step=1&train_loss=2.25").rate(), second);
    assert_eq!(served.step("run", "step=0&train_loss=2.5").rate(), first, "an answer that was lost on the way");
    served.step("run", "step=1&validation=0.25").rate();
    served.step("run", "step=1&train_loss=2.25&validation=0.25").rate();
    served.step("run", "step=1&train_loss=2").is_problem(409);
    served.step("run", "step=0&validation=0.5").is_problem(409);
    served
        .post("run", "points", &json!({"points": [{"step": 2, "train_loss": 2}, {"step": 1, "train_loss": 2}]}))
        .is_problem(400);
    let batch = json!({"points": [{"step": 1, "train_loss": 2.25}, {"step": 2, "train_loss": 2}, {"step": 2, "train_loss": 2}]});
    let told = served.post("run", "points", &batch).json();
    assert_eq!((&told["accepted"], &told["known"], &told["last_step"]), (&1.into(), &2.into(), &2.into()));
    let partly = json!({"points": [{"step": 3, "train_loss": 2}, {"step": 900, "train_loss": 2}]});
    served.post("run", "points", &partly).is_problem(409);
    let doubled = json!({"points": [{"step": 3, "train_loss": 2}, {"step": 3, "train_loss": 1}]});
    let refused = served.post("run", "points", &doubled);
    assert!(refused.is_problem(409).body.contains("these points have two values of step 3"), "{refused:?}");
    assert_eq!(served.get("/v1/runs/run").json()["last_step"], 2, "of a batch that is refused nothing is stored");
    // What diverges is told, too.
    served.step("run", "step=3&train_loss=nan").rate();
    served.step("run", "step=3&train_loss=nan").rate();
    assert!(
        served.get("/v1/runs/run").json()["alerts"][0].as_str().is_some_and(|alert| alert.starts_with("diverging"))
    );
}

#[test]
fn a_training_that_goes_on_from_a_checkpoint_has_the_rates_that_it_would_have_had() {
    let mut served = Served::new();
    let (mut inside, mut training) = (in_process(), Training::new(5));
    served.make("run");
    let mut checkpoint = None;
    for step in 0..200 {
        if step == 100 {
            checkpoint = Some((inside.state(), training.clone()));
        }
        let point = measured(&mut training, inside.learning_rate(step));
        inside.observe(point);
        served.step("run", &form(&point)).rate();
    }
    let before = served.get("/v1/runs/run").json();
    let (state, at_checkpoint) = checkpoint.expect("saved");
    inside = Scheduler::restore(model(), state).expect("the same model");
    training = at_checkpoint;
    served.step("run", "step=100&train_loss=9").is_problem(409);
    let resumed = served.post("run", "resume", &json!({"step": 99})).json();
    assert_eq!(resumed["learning_rate"].as_f64().map(f64::to_bits), Some(inside.learning_rate(100).to_bits()));
    assert!(resumed["revision"].as_u64() > before["revision"].as_u64());
    assert_eq!(served.post("run", "resume", &json!({"step": 99})).json()["revision"], resumed["revision"]);
    for step in 100..300 {
        let point = measured(&mut training, inside.learning_rate(step));
        // Not quite what it was.
        let point = Point { train_loss: point.train_loss.map(|loss| loss + 0.01), ..point };
        inside.observe(point);
        let rate = served.step("run", &form(&point)).rate();
        assert_eq!(rate.to_bits(), inside.learning_rate(step + 1).to_bits(), "step {step}");
        if step % 80 == 0 {
            served.restart();
        }
    }
}

#[test]
fn a_training_that_begins_again_has_the_rates_of_a_new_run() {
    let mut served = Served::new();
    served.make("run");
    let mut training = Training::new(5);
    let mut first = in_process();
    for step in 0..120 {
        let point = measured(&mut training, first.learning_rate(step));
        first.observe(point);
        served.step("run", &form(&point)).rate();
    }
    let before = served.get("/v1/runs/run").json();
    let refused = served.step("run", "step=0&train_loss=9");
    assert!(refused.is_problem(409).body.contains("null"), "{refused:?}");
    let (mut inside, mut training) = (in_process(), Training::new(6));
    let again = served.post("run", "resume", &json!({"step": null})).json();
    assert_eq!(again["learning_rate"].as_f64().map(f64::to_bits), Some(inside.learning_rate(0).to_bits()));
    assert!(again["last_step"].is_null() && again["revision"].as_u64() > before["revision"].as_u64(), "{again}");
    assert_eq!(served.post("run", "resume", &json!({"step": null})).json()["revision"], again["revision"]);
    for step in 0..160 {
        let point = measured(&mut training, inside.learning_rate(step));
        inside.observe(point);
        let rate = served.step("run", &form(&point)).rate();
        assert_eq!(rate.to_bits(), inside.learning_rate(step + 1).to_bits(), "step {step}");
        if step % 60 == 0 {
            served.restart();
        }
    }
    let view = served.get("/runs/run/view").json();
    let shown = view["train_loss"]["step"].as_array().expect("a curve");
    assert!(shown[0] == 0.0 && shown.len() == 160, "what the first training measured is not shown: {}", shown.len());
    assert!(view["last_step"] == 159 && served.get("/v1/runs/run").json()["last_step"] == 159);
}

#[test]
fn a_longer_run_has_the_rates_of_a_scheduler_that_was_extended() {
    let mut served = Served::new();
    let (mut inside, mut training) = (in_process(), Training::new(6));
    served.make("run");
    served.step("run", "step=401&train_loss=1").is_problem(409);
    for step in 0..2 * STEPS {
        if step == 250 {
            inside.extend(2 * STEPS).expect("longer");
            let extended = served.post("run", "extend", &json!({"total_steps": 2 * STEPS}));
            assert_eq!(extended.json()["total_steps"], 2 * STEPS, "{extended:?}");
            served.post("run", "extend", &json!({"total_steps": 10})).is_problem(409);
            let again = served.post("run", "extend", &json!({"total_steps": 2 * STEPS}));
            assert_eq!(again.json()["revision"], extended.json()["revision"]);
            served.restart();
            // A training that begins again asks for it with its new length, or with the old one.
            for (total_steps, status) in [(2 * STEPS, 200), (STEPS, 200), (3 * STEPS, 409)] {
                let settings = json!({"model": "toy", "total_steps": total_steps}).to_string();
                assert_eq!(served.ask("PUT", "/v1/runs/run", &settings).status, status, "{total_steps}");
            }
        }
        let point = measured(&mut training, inside.learning_rate(step));
        inside.observe(point);
        let rate = served.step("run", &form(&point)).rate();
        assert_eq!(rate.to_bits(), inside.learning_rate(step + 1).to_bits(), "step {step}");
    }
}

#[test]
fn those_who_wait_hear_of_a_new_schedule_and_switch_when_it_becomes_effective() {
    let served = Served::new();
    let settings = json!({"model": "toy", "total_steps": STEPS, "lead": 15, "start": Schedule::constant(0.2)});
    assert_eq!(served.ask("PUT", "/v1/runs/run", &settings.to_string()).status, 201);
    let schedule = |query: &str| served.get(&format!("/v1/runs/run/schedule{query}")).json();
    let first = schedule("");
    let begun = Instant::now();
    let revision = first["revision"].as_u64().expect("a number");
    let unchanged = schedule(&format!("?after_revision={revision}&wait=1"));
    assert!(begun.elapsed() >= Duration::from_millis(900) && unchanged["revision"] == first["revision"]);
    let newer = thread::scope(|scope| {
        let waiting = scope.spawn(|| schedule(&format!("?after_revision={revision}&wait=30")));
        let mut training = Training::new(7);
        let rate_at = |step: u64| served.get(&format!("/v1/runs/run/learning-rate?step={step}")).rate();
        for _ in 0..41 {
            let at = training.step;
            let point = measured(&mut training, rate_at(at));
            served.step("run", &form(&point)).rate();
        }
        waiting.join().expect("an answer")
    });
    let effective = newer["effective_from_step"].as_u64().expect("a step");
    assert_eq!((newer["revision"].as_u64(), effective), (Some(revision + 1), 40 + 15));
    // Before it both say the same.
    let rate = |file: &serde_json::Value, step: u64| {
        let file: lodecast_live::RatesFile = serde_json::from_value(file.clone()).expect("a file of rates");
        file.learning_rate(step)
    };
    for step in 0..effective {
        assert!((rate(&first, step) / rate(&newer, step) - 1.0).abs() < 1e-9, "step {step}");
    }
    for step in [0, 54, 55, 200, 399] {
        let served = served.get(&format!("/v1/runs/run/learning-rate?step={step}")).rate();
        assert!((served / rate(&newer, step) - 1.0).abs() < 0.01, "step {step}");
    }
}
