//! MLflow's tracking server, read over REST page by page.
//!
//! Source: `mlflow/protos/service.proto`; answers are protocol buffers as JSON, in which numbers may be texts.

use std::collections::HashSet;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::http::Client;
use super::infinity::restore;
use crate::error::{Error, Result};
use crate::format::{Outcome, Visit, Wanted};
use crate::formats::collection::{Collection, check_collections, check_runs, choose};
use crate::limits::Limits;
use crate::recording::recorder::Recorder;
use crate::since::{RowCursor, digest_of};
use crate::source::Source;

/// Experiments, runs and samples asked for at a time.
const EXPERIMENTS: u32 = 1000;
const RUNS: u32 = 500;
const SAMPLES: &str = "10000";

/// Is the source the address of a server?
pub(super) fn is_address(source: &Source) -> bool {
    matches!(source, Source::Url(url) if url.starts_with("http://") || url.starts_with("https://"))
}

#[derive(Deserialize)]
struct Page<T> {
    #[serde(default = "Vec::new", alias = "experiments", alias = "runs", alias = "metrics")]
    items: Vec<T>,
    #[serde(default)]
    next_page_token: String,
}

#[derive(Deserialize)]
struct Experiment {
    experiment_id: String,
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Run {
    info: Info,
    #[serde(default)]
    data: Data,
}

#[derive(Deserialize)]
struct Info {
    run_id: String,
    #[serde(default)]
    run_name: String,
    #[serde(default)]
    lifecycle_stage: String,
}

#[derive(Default, Deserialize)]
struct Data {
    #[serde(default)]
    metrics: Vec<Latest>,
    #[serde(default)]
    params: Vec<Setting>,
    #[serde(default)]
    tags: Vec<Setting>,
}

/// The latest sample of a metric: as long as it stays, nothing has come.
#[derive(Deserialize)]
struct Latest {
    key: String,
    #[serde(default)]
    value: Value,
    #[serde(default)]
    timestamp: Value,
    #[serde(default)]
    step: Value,
}

#[derive(Deserialize)]
struct Setting {
    key: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
struct Sample {
    #[serde(default)]
    value: Value,
    #[serde(default)]
    timestamp: Value,
    #[serde(default)]
    step: Value,
}

/// A number, which may be a text: `"NaN"`, `"Infinity"`, or one too wide for JSON.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        // Zero may be left out.
        Value::Null => Some(0),
        _ => None,
    }
}

/// Reads the runs of one experiment of the server at `url`.
pub(super) fn read(url: &str, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<()> {
    let client = Client::new(url, limits)?;
    let experiment = choose_experiment(&client, wanted, limits)?;
    let (mut going_on, mut runs) = (true, 0);
    pages(|token| client.post("runs/search", &search(&experiment.id, RUNS, token)), client.base(), &mut |run: Run| {
        check_runs(runs, client.base(), limits)?;
        runs += 1;
        let id = run.info.run_id.clone();
        let outcome = if run.info.lifecycle_stage == "deleted" {
            Outcome::skipped(id, "it was deleted in MLflow")
        } else {
            let place = format!("{}/#/experiments/{}/runs/{id}", client.base(), experiment.id);
            let mut recorder = Recorder::new(&id, place, wanted, limits);
            match read_run(&client, run, limits, &mut recorder) {
                Ok(()) => recorder.finish("it has no metrics"),
                Err(error) => Outcome::skipped(id, error.to_string()),
            }
        };
        going_on = visit(outcome).is_continue();
        Ok(going_on)
    })
}

fn search(experiment: &str, count: u32, token: &str) -> Value {
    let order = ["attributes.start_time ASC"];
    json!({"experiment_ids": [experiment], "run_view_type": "ALL", "max_results": count, "order_by": order, "page_token": token})
}

fn choose_experiment(client: &Client, wanted: &Wanted, limits: &Limits) -> Result<Collection> {
    let mut experiments = Vec::new();
    pages(
        |token| client.post("experiments/search", &json!({"max_results": EXPERIMENTS, "page_token": token})),
        client.base(),
        &mut |found: Experiment| {
            check_collections(experiments.len(), client.base(), limits)?;
            experiments.push(Collection { id: found.experiment_id, name: found.name, runs: 0 });
            Ok(true)
        },
    )?;
    experiments.sort_by(|a, b| a.name.cmp(&b.name));
    if wanted.collection.is_none() {
        // How many runs there are is not asked for, but whether there are any.
        for experiment in &mut experiments {
            let mut body = search(&experiment.id, 1, "");
            body["run_view_type"] = "ACTIVE_ONLY".into();
            let page: Page<Run> = client.post("runs/search", &body)?;
            experiment.runs = page.items.len() as u64 + u64::from(!page.next_page_token.is_empty());
        }
    }
    choose(&experiments, "experiment", client.base(), wanted)
}

fn read_run(client: &Client, run: Run, limits: &Limits, recorder: &mut Recorder<'_>) -> Result<()> {
    let tags = run.data.tags.into_iter().filter(|tag| !tag.key.starts_with("mlflow."));
    for setting in tags.chain(run.data.params) {
        recorder.set(&setting.key, setting.value)?;
    }
    recorder.set("run_name", run.info.run_name)?;
    for Latest { key, value, timestamp, step } in run.data.metrics {
        let Some(place) = recorder.place(&key)? else { continue };
        let name = format!("{}\n{}\n{key}", client.base(), run.info.run_id);
        let latest = digest_of(&format!("{value} {timestamp} {step}"));
        if limits.since.row(&name).at_last.contains(&latest) {
            continue;
        }
        limits.since.read_rows_to(&name, RowCursor { last: 0, at_last: [latest].into() });
        let query = [("run_id", run.info.run_id.as_str()), ("metric_key", &key), ("max_results", SAMPLES)];
        pages(
            |token| {
                let next = (!token.is_empty()).then_some(("page_token", token));
                client.get("metrics/get-history", &query.into_iter().chain(next).collect::<Vec<_>>())
            },
            client.base(),
            &mut |sample: Sample| {
                let (Some(value), Some(step)) = (number(&sample.value), integer(&sample.step)) else {
                    return Err(Error::Remote {
                        address: client.base().to_owned(),
                        reason: format!("a sample of '{key}' has no number as its value or step"),
                        remedy: "check that it is an MLflow server".to_owned(),
                    });
                };
                let time = integer(&sample.timestamp).unwrap_or(0).max(0).cast_unsigned();
                recorder.push_at(place, step, restore(value), time)?;
                Ok(true)
            },
        )?;
    }
    Ok(())
}

/// Hands the items of all pages to `each`, as long as it says to go on.
fn pages<T: DeserializeOwned>(
    page: impl Fn(&str) -> Result<Page<T>>,
    address: &str,
    each: &mut dyn FnMut(T) -> Result<bool>,
) -> Result<()> {
    let mut token = String::new();
    let mut seen = HashSet::new();
    loop {
        let found = page(&token)?;
        let nothing = found.items.is_empty();
        for item in found.items {
            if !each(item)? {
                return Ok(());
            }
        }
        if found.next_page_token.is_empty() {
            return Ok(());
        }
        if nothing || !seen.insert(found.next_page_token.clone()) {
            return Err(Error::Remote {
                address: address.to_owned(),
                reason: "it announces a next page, but does not come to an end".to_owned(),
                remedy: "check that it is an MLflow server".to_owned(),
            });
        }
        token = found.next_page_token;
    }
}
