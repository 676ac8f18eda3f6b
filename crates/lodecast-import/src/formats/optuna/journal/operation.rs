//! What a line of a journal says: an operation on studies and trials, and why one may be refused.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::formats::optuna::trial::State;

/// A line of the journal, of which each operation has a part.
#[derive(Deserialize)]
pub(super) struct Operation {
    pub(super) op_code: u8,
    #[serde(default)]
    pub(super) study_id: usize,
    #[serde(default)]
    pub(super) study_name: String,
    #[serde(default)]
    pub(super) directions: Vec<u8>,
    #[serde(default)]
    pub(super) trial_id: usize,
    pub(super) state: Option<u8>,
    #[serde(default)]
    pub(super) param_name: String,
    #[serde(default)]
    pub(super) param_value_internal: Value,
    #[serde(default)]
    pub(super) distribution: String,
    #[serde(default)]
    pub(super) step: i64,
    #[serde(default)]
    pub(super) intermediate_value: Value,
    #[serde(default)]
    pub(super) user_attr: Map<String, Value>,
    // What a trial that is added ready-made brings along.
    #[serde(default)]
    pub(super) distributions: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) params: Map<String, Value>,
    #[serde(default)]
    pub(super) user_attrs: Map<String, Value>,
    #[serde(default)]
    pub(super) intermediate_values: BTreeMap<i64, Value>,
}

/// What a line says of the studies and of how many trials they have.
#[derive(Deserialize)]
pub(super) struct Creation {
    pub(super) op_code: u8,
    #[serde(default)]
    pub(super) study_id: usize,
    #[serde(default)]
    pub(super) study_name: String,
    #[serde(default)]
    pub(super) directions: Vec<u8>,
}

impl Operation {
    pub(super) fn creation(&self) -> Creation {
        let Self { op_code, study_id, study_name, directions, .. } = self;
        Creation {
            op_code: *op_code,
            study_id: *study_id,
            study_name: study_name.clone(),
            directions: directions.clone(),
        }
    }
}

/// Why an operation cannot be carried out.
pub(super) enum Refusal {
    Unknown(String),
    /// More than the limit of what.
    TooMany(&'static str, usize),
}

/// A number, of which those that are not finite have been put in quotes.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

pub(super) fn state(code: u8) -> Result<State, Refusal> {
    Ok(match code {
        0 => State::Running,
        1 => State::Complete,
        2 => State::Pruned,
        3 => State::Failed,
        4 => State::Waiting,
        _ => return Err(Refusal::Unknown(format!("the trial state {code} is not known"))),
    })
}
