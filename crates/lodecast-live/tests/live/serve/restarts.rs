//! What a server keeps, and what it says when something it kept does not fit any more.

use lodecast_live::{Error, Server};
use serde_json::json;

use super::{Served, form};
use crate::toy::{STEPS, Training};

#[test]
fn what_is_kept_of_a_run_is_what_a_replay_of_its_points_comes_to() {
    let mut served = Served::new();
    served.make("kept");
    served.make("told-again");
    let mut training = Training::new(8);
    let mut told = Vec::new();
    for step in 0..STEPS {
        let rate = served.get(&format!("/v1/runs/kept/learning-rate?step={step}")).rate();
        let point = lodecast::Point { step, learning_rate: None, ..training.step(rate) };
        served.step("kept", &form(&point)).rate();
        told.push(point);
        if step % 90 == 89 {
            served.restart();
        }
    }
    for part in told.chunks(100) {
        let points: Vec<_> = part
            .iter()
            .map(|point| json!({"step": point.step, "train_loss": point.train_loss, "validation": point.validation}))
            .collect();
        assert_eq!(served.post("told-again", "points", &json!({"points": points})).status, 200);
    }
    let view = |run: &str| served.get(&format!("/runs/{run}/view")).json();
    let (mut kept, mut again) = (view("kept"), view("told-again"));
    kept["run"] = "".into();
    again["run"] = "".into();
    assert_eq!(kept, again, "every decision, every forecast, every rate");
    assert!(kept["forecasts"].as_array().is_some_and(|forecasts| forecasts.len() > 15));
}

#[test]
fn a_second_server_on_a_store_is_refused() {
    let served = Served::new();
    let error = Server::open(served.options()).expect_err("the store is taken");
    assert!(matches!(error, Error::InUse { .. }) && error.to_string().contains("--store"), "{error}");
}

#[test]
fn a_model_that_was_replaced_is_noticed() {
    let mut served = Served::new();
    served.make("run");
    served.server = None;
    let path = served.path().join("models/toy.lode");
    std::fs::copy(&path, served.path().join("models/other.lode")).expect("copied");
    std::fs::write(&path, "no model").expect("written");
    served.start(|_| {});
    served.get("/v1/runs/run").is_problem(422);
    let list = served.get("/v1/runs").json();
    assert_eq!((&list["count"], &list["runs"][0]["id"]), (&1.into(), &"run".into()), "the list is there all the same");
    assert_eq!(served.get("/v1/models").json()["models"], json!(["other", "toy"]));
}
