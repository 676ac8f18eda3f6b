//! A schedule that somebody chose: it holds from a step on, whatever comes, until it is handed back.

use lodecast::{Point, RateRange, Schedule};
use serde_json::{Value, json};

use super::{Answer, Served, form};
use crate::toy::{STEPS, Training, model};

const PATH: &str = "/v1/runs/run/schedule";

fn rate(served: &Served, step: u64) -> f64 {
    served.get(&format!("/v1/runs/run/learning-rate?step={step}")).rate()
}

/// Trains on to a step at the rates that are served.
fn train(served: &Served, training: &mut Training, to: u64) {
    while training.step < to {
        let step = training.step;
        let point = Point { step, learning_rate: None, ..training.step(rate(served, step)) };
        served.step("run", &form(&point)).rate();
    }
}

fn choose(served: &Served, choice: &Value) -> Answer {
    served.ask("PUT", PATH, &choice.to_string())
}

fn choice(from_step: u64, rates: [f64; 2]) -> Value {
    let knots = [0.25, 1.0].iter().zip(rates).map(|(at, rate)| json!({"progress": at, "learning_rate": rate}));
    json!({"from_step": from_step, "knots": knots.collect::<Vec<_>>()})
}

/// What [`choice`] says of a step.
fn chosen(step: u64, rates: [f64; 2]) -> f64 {
    let knots = [(0.25, rates[0]), (1.0, rates[1])];
    Schedule::piecewise_linear(knots.to_vec()).expect("usable").at_step(step, STEPS)
}

fn run(served: &Served) -> Value {
    served.get("/v1/runs/run").json()
}

fn all(served: &Served) -> Vec<f64> {
    (0..STEPS).map(|step| rate(served, step)).collect()
}

#[test]
fn a_choice_holds_from_its_step_on_over_replans_and_restarts() {
    let mut served = Served::new();
    let mut training = Training::new(9);
    served.make("run");
    train(&served, &mut training, 101);
    let (before, planned) = (run(&served), all(&served));
    let rates = [0.15, 0.03];
    let told = choose(&served, &choice(0, rates));
    assert_eq!(told.status, 200, "{told:?}");
    let told = told.json();
    // The rate of step 101 was told with the answer to step 100.
    assert_eq!((&told["effective_from_step"], &told["last_step"]), (&102.into(), &100.into()));
    assert_eq!(told["revision"].as_u64(), before["revision"].as_u64().map(|before| before + 1));
    let now = all(&served);
    assert_eq!(now[..102], planned[..102], "what was told stays");
    for (step, rate) in (0..).zip(&now).skip(102) {
        assert!((rate / chosen(step, rates) - 1.0).abs() < 1e-12, "step {step}");
    }
    let shown = run(&served);
    let last = shown["decisions"].as_array().and_then(|all| all.last()).expect("a decision");
    assert_eq!((&last["by_hand"], &last["changed"], &shown["by_hand"]), (&true.into(), &true.into(), &true.into()));
    assert!(shown["sentence"].as_str().is_some_and(|said| said.contains("chosen by hand from step 102")), "{shown}");
    let file = served.get(PATH).json();
    assert_eq!((&file["revision"], &file["effective_from_step"]), (&told["revision"], &102.into()));

    // Chosen again, and after a restart, nothing is new.
    assert_eq!(choose(&served, &choice(0, rates)).json()["revision"], told["revision"]);
    served.restart();
    assert_eq!(choose(&served, &choice(50, rates)).json()["revision"], told["revision"]);
    train(&served, &mut training, 330);
    served.restart();
    assert_eq!(all(&served), now, "the occasions to replan at half the run and later have passed");
    assert_eq!(run(&served)["revision"], told["revision"]);
    let view = served.get("/runs/run/view").json();
    assert_eq!(
        (&view["by_hand"], &view["may_choose"], &view["next_decision"]),
        (&true.into(), &true.into(), &Value::Null)
    );

    // Handed back, the law goes back to what it had picked: under way it has not been shown to pick better.
    let back = served.ask("DELETE", PATH, "").json();
    assert_eq!(back["revision"].as_u64(), told["revision"].as_u64().map(|chosen| chosen + 1));
    let shown = run(&served);
    let last = shown["decisions"].as_array().and_then(|all| all.last()).expect("a decision");
    assert!(last["reason"].as_str().is_some_and(|reason| reason.starts_with("the schedule was handed back")), "{last}");
    assert!(last["changed"] == true && shown["by_hand"] == false, "{last}");
    let handed_back = all(&served);
    assert_eq!(handed_back[..331], now[..331]);
    for (step, rate) in handed_back.iter().enumerate().skip(331) {
        assert!((rate / planned[step] - 1.0).abs() < 1e-9, "step {step}");
    }
    assert_eq!(served.ask("DELETE", PATH, "").json()["revision"], back["revision"]);
    let after = all(&served);
    served.restart();
    assert_eq!(all(&served), after);
    train(&served, &mut training, STEPS);
    let late = choose(&served, &choice(0, rates));
    assert!(late.is_problem(409).body.contains("the run is at its end"), "{late:?}");
}

#[test]
fn a_choice_stands_when_the_training_goes_back_and_when_it_is_extended() {
    let mut served = Served::new();
    let mut training = Training::new(10);
    served.make("run");
    train(&served, &mut training, 150);
    let planned = all(&served);
    let rates = [0.1, 0.05];
    assert_eq!(choose(&served, &choice(180, rates)).json()["effective_from_step"], 180);
    let resumed = served.post("run", "resume", &json!({"step": 120}));
    assert_eq!(resumed.status, 200, "{resumed:?}");
    let now = all(&served);
    assert_eq!(now[..121], planned[..121]);
    for step in [180, 250, 399] {
        assert!((now[step] / chosen(step as u64, rates) - 1.0).abs() < 1e-12, "step {step}");
    }
    assert!(run(&served)["decisions"].to_string().contains("and the chosen one from step 180 on"));
    served.restart();
    assert_eq!(all(&served), now);
    let extended = served.post("run", "extend", &json!({"total_steps": 2 * STEPS})).json();
    assert_eq!(run(&served)["by_hand"], true);
    let held = all(&served);
    let revision = extended["revision"].as_u64();
    training.step = 121;
    train(&served, &mut training, 2 * STEPS - 100);
    assert_eq!((all(&served), run(&served)["revision"].as_u64()), (held, revision));
}

#[test]
fn a_choice_before_the_first_step_spares_the_rate_that_was_told() {
    let served = Served::new();
    let first = served.make("run").json()["learning_rate"].as_f64().expect("a rate");
    assert_eq!(choose(&served, &choice(0, [0.05, 0.05])).json()["effective_from_step"], 1);
    assert_eq!((rate(&served, 0), rate(&served, 1)), (first, 0.05));
}

#[test]
fn what_cannot_be_chosen_is_refused_and_changes_nothing() {
    let served = Served::new();
    served.make("run");
    served.step("run", "step=0&train_loss=1").rate();
    let before = (run(&served), all(&served));
    let RateRange { lowest, highest } = model().experience().learning_rates;
    let knot = |progress: f64, rate: f64| json!({"progress": progress, "learning_rate": rate});
    let many: Vec<_> = (0..257).map(|k| knot(f64::from(k) / 256.0, 0.1)).collect();
    for (body, status) in [
        (String::new(), 400),
        ("{".to_owned(), 400),
        (json!({"from_step": 1}).to_string(), 400),
        (json!({"from_step": -1, "knots": [knot(0.0, 0.1)]}).to_string(), 400),
        (json!({"knots": [knot(0.0, 0.1)], "wat": 1}).to_string(), 400),
        (json!({"knots": []}).to_string(), 422),
        (json!({"knots": [knot(0.5, 0.1), knot(0.2, 0.1)]}).to_string(), 422),
        (json!({"knots": [knot(2.0, 0.1)]}).to_string(), 422),
        (json!({"knots": [knot(0.0, -0.1)]}).to_string(), 422),
        (json!({"knots": many}).to_string(), 422),
        (choice(0, [highest, 1.01 * highest]).to_string(), 422),
        (choice(0, [0.99 * lowest, highest]).to_string(), 422),
        (choice(STEPS, [0.1, 0.1]).to_string(), 409),
        (" ".repeat(600_000), 413),
    ] {
        served.ask("PUT", PATH, &body).is_problem(status);
    }
    let beyond = choose(&served, &choice(STEPS + 10, [0.1, 0.1]));
    assert!(beyond.is_problem(409).body.contains("step 410 is beyond the end"), "{beyond:?}");
    served.ask("PUT", "/v1/runs/none/schedule", &choice(0, [0.1, 0.1]).to_string()).is_problem(404);
    served.ask("DELETE", "/v1/runs/none/schedule", "").is_problem(404);
    let foreign = "origin: http://evil.example\r\n";
    assert_eq!(served.ask_with("PUT", PATH, foreign, &choice(0, [0.1, 0.1]).to_string()).status, 403);
    assert_eq!((run(&served), all(&served)), before);
    assert_eq!(choose(&served, &choice(0, [lowest, highest])).status, 200, "the bounds themselves");
}
