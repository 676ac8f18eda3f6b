//! Optuna's journal files: one JSON object a line, each an operation on the studies and trials before it.
//!
//! Source: `optuna/storages/journal/_storage.py`. Studies and trials are numbered in the order of their creation.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use lodecast_sweep_file::quote_bare_tokens;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{NOTHING, SERIES, State, describe, distribution};
use crate::collection::{Collection, choose};
use crate::error::{Error, Result};
use crate::flatten::flatten;
use crate::format::{Outcome, Visit, Wanted};
use crate::limits::Limits;
use crate::lines::each_line;
use crate::recorder::Recorder;
use crate::source::{Source, has_ending};

/// How much of a file is looked at to tell a journal.
const GLANCE: usize = 4096;

/// The journal that the source is, or the first in its folder.
pub(super) fn find(source: &Source) -> Option<&Path> {
    let named = |path: &&Path| {
        matches!(source, Source::File(_))
            || ["log", "journal", "jsonl", "json"].iter().any(|ending| has_ending(path, ending))
    };
    source.files().iter().map(PathBuf::as_path).filter(named).find(|path| is_journal(path))
}

fn is_journal(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let mut file = BufReader::with_capacity(GLANCE, file);
    let start = file.fill_buf().unwrap_or_default();
    let line = start.split(|&byte| byte == b'\n').next().unwrap_or_default();
    line.starts_with(b"{") && line.windows(9).any(|text| text == b"\"op_code\"")
}

/// A line of the journal, of which each operation has a part.
#[derive(Deserialize)]
struct Operation {
    op_code: u8,
    #[serde(default)]
    study_id: usize,
    #[serde(default)]
    study_name: String,
    #[serde(default)]
    directions: Vec<u8>,
    #[serde(default)]
    trial_id: usize,
    state: Option<u8>,
    #[serde(default)]
    param_name: String,
    #[serde(default)]
    param_value_internal: Value,
    #[serde(default)]
    distribution: String,
    #[serde(default)]
    step: i64,
    #[serde(default)]
    intermediate_value: Value,
    #[serde(default)]
    user_attr: Map<String, Value>,
    // What a trial that is added ready-made brings along.
    #[serde(default)]
    distributions: BTreeMap<String, String>,
    #[serde(default)]
    params: Map<String, Value>,
    #[serde(default)]
    user_attrs: Map<String, Value>,
    #[serde(default)]
    intermediate_values: BTreeMap<i64, Value>,
}

struct Study {
    name: String,
    direction: Option<&'static str>,
    deleted: bool,
    trials: Vec<usize>,
}

struct Trial {
    state: State,
    parameters: BTreeMap<String, String>,
    attributes: Map<String, Value>,
    /// Reported values in the order of their first report; a step reported again has its value replaced.
    reported: Vec<(i64, f64)>,
    /// Place of each step in `reported`.
    places: BTreeMap<i64, usize>,
}

/// The studies and trials of a journal, as far as it has been read.
#[derive(Default)]
struct Journal {
    studies: Vec<Study>,
    /// Names of the studies that have not been deleted.
    names: HashSet<String>,
    trials: Vec<Trial>,
    reported: usize,
}

/// Reads the trials of one study.
pub(super) fn read(path: &Path, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<()> {
    let file = File::open(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
    let mut journal = Journal::default();
    each_line(path, BufReader::new(file), limits, &mut |number, line, ended| {
        let damaged = |reason: String| Error::Damaged {
            place: format!("{}, line {number}", path.display()),
            reason,
            remedy: "what follows depends on it: restore the journal, or cut it off here",
        };
        if line.is_empty() {
            return Ok(());
        }
        let operation = std::str::from_utf8(line)
            .map_err(|error| error.to_string())
            .and_then(|text| serde_json::from_str(&quote_bare_tokens(text).0).map_err(|error| error.to_string()));
        match operation {
            Ok(operation) => journal.apply(operation, limits).map_err(|found| match found {
                Refusal::Unknown(reason) => damaged(reason),
                Refusal::TooMany(what, limit) => Error::TooLarge {
                    place: path.display().to_string(),
                    what: format!("the number of its {what}"),
                    limit: limit as u64,
                    remedy: "split it by study",
                },
            }),
            // A line that is still being written.
            Err(_) if !ended => Ok(()),
            Err(reason) => Err(damaged(reason)),
        }
    })?;
    journal.hand_over(path, wanted, limits, visit)
}

/// Why an operation cannot be carried out.
enum Refusal {
    Unknown(String),
    /// More than the limit of what.
    TooMany(&'static str, usize),
}

impl Journal {
    fn apply(&mut self, operation: Operation, limits: &Limits) -> Result<(), Refusal> {
        match operation.op_code {
            0 => self.create_study(operation, limits)?,
            1 => {
                if let Some(study) = self.studies.get_mut(operation.study_id).filter(|study| !study.deleted) {
                    study.deleted = true;
                    self.names.remove(&study.name);
                }
            }
            4 => self.create_trial(operation, limits)?,
            5 => {
                if let Some(trial) = self.open_trial(operation.trial_id)
                    && let Some(internal) = number(&operation.param_value_internal)
                {
                    let value = distribution::spell(internal, &operation.distribution);
                    trial.parameters.insert(operation.param_name, value);
                }
            }
            6 => {
                let state = state(operation.state.unwrap_or_default())?;
                if let Some(trial) = self.open_trial(operation.trial_id) {
                    trial.state = state;
                }
            }
            7 => {
                if let Some(trial) = self.open_trial(operation.trial_id)
                    && let Some(value) = number(&operation.intermediate_value)
                {
                    trial.report(operation.step, value);
                    self.reported += 1;
                }
            }
            8 => {
                if let Some(trial) = self.open_trial(operation.trial_id) {
                    trial.attributes.extend(operation.user_attr);
                }
            }
            // Attributes of studies, and those that samplers and pruners keep for themselves; trials thrown away.
            2 | 3 | 9 | 10 => {}
            code => return Err(Refusal::Unknown(format!("the operation {code} is not known"))),
        }
        if self.reported > limits.samples {
            return Err(Refusal::TooMany("reported values", limits.samples));
        }
        Ok(())
    }

    fn create_study(&mut self, operation: Operation, limits: &Limits) -> Result<(), Refusal> {
        // Two workers may both have tried to create it.
        if !self.names.insert(operation.study_name.clone()) {
            return Ok(());
        }
        if self.studies.len() >= limits.collections {
            return Err(Refusal::TooMany("studies", limits.collections));
        }
        let direction = match operation.directions.first() {
            Some(1) => Some("minimize"),
            Some(2) => Some("maximize"),
            _ => None,
        };
        self.studies.push(Study { name: operation.study_name, direction, deleted: false, trials: Vec::new() });
        Ok(())
    }

    fn create_trial(&mut self, operation: Operation, limits: &Limits) -> Result<(), Refusal> {
        let Some(study) = self.studies.get_mut(operation.study_id).filter(|study| !study.deleted) else {
            return Ok(());
        };
        if self.trials.len() >= limits.runs {
            return Err(Refusal::TooMany("trials", limits.runs));
        }
        let mut trial = Trial {
            state: operation.state.map_or(Ok(State::Running), state)?,
            parameters: BTreeMap::new(),
            attributes: operation.user_attrs,
            reported: Vec::new(),
            places: BTreeMap::new(),
        };
        for (name, internal) in operation.params {
            if let Some(internal) = number(&internal) {
                let distribution = operation.distributions.get(&name).map_or("", String::as_str);
                trial.parameters.insert(name, distribution::spell(internal, distribution));
            }
        }
        for (step, value) in operation.intermediate_values {
            if let Some(value) = number(&value) {
                trial.report(step, value);
                self.reported += 1;
            }
        }
        study.trials.push(self.trials.len());
        self.trials.push(trial);
        Ok(())
    }

    /// The trial, if there is one that is not finished: nothing changes it afterwards.
    fn open_trial(&mut self, id: usize) -> Option<&mut Trial> {
        self.trials.get_mut(id).filter(|trial| !trial.state.is_finished())
    }

    fn hand_over(self, path: &Path, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<()> {
        let place = path.display().to_string();
        let alive = self.studies.iter().enumerate().filter(|(_, study)| !study.deleted);
        let collections: Vec<_> = alive
            .map(|(id, study)| Collection {
                id: id.to_string(),
                name: study.name.clone(),
                runs: study.trials.len() as u64,
            })
            .collect();
        let chosen = choose(&collections, "study", &place, wanted)?;
        let Some(study) = chosen.id.parse().ok().and_then(|id: usize| self.studies.get(id)) else { return Ok(()) };
        for (number, &trial) in study.trials.iter().enumerate() {
            let id = format!("{}/{number}", study.name);
            let mut recorder = Recorder::new(&id, &place, wanted, limits);
            let outcome = match record(&self.trials[trial], study, &mut recorder) {
                Ok(()) => recorder.finish(NOTHING),
                Err(error) => Outcome::skipped(id, error.to_string()),
            };
            if visit(outcome).is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl Trial {
    fn report(&mut self, step: i64, value: f64) {
        let place = *self.places.entry(step).or_insert(self.reported.len());
        match self.reported.get_mut(place) {
            Some(reported) => reported.1 = value,
            None => self.reported.push((step, value)),
        }
    }
}

fn record(trial: &Trial, study: &Study, recorder: &mut Recorder<'_>) -> Result<()> {
    describe(recorder, trial.state, &study.name, study.direction)?;
    for (key, value) in &trial.attributes {
        flatten(key, value, &mut |key, value| recorder.set(key, value))?;
    }
    for (name, value) in &trial.parameters {
        recorder.set(name, value.clone())?;
    }
    let Some(place) = recorder.place(SERIES)? else { return Ok(()) };
    for &(step, value) in &trial.reported {
        recorder.push(place, step, value, f64::NAN)?;
    }
    Ok(())
}

/// A number, of which those that are not finite have been put in quotes.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn state(code: u8) -> Result<State, Refusal> {
    Ok(match code {
        0 => State::Running,
        1 => State::Complete,
        2 => State::Pruned,
        3 => State::Failed,
        4 => State::Waiting,
        _ => return Err(Refusal::Unknown(format!("the trial state {code} is not known"))),
    })
}
