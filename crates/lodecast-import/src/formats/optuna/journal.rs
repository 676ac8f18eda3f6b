//! Optuna's journal files: one JSON object a line, each an operation on the studies and trials before it.
//!
//! Source: `optuna/storages/journal/_storage.py`. Studies and trials are numbered in the order of their creation.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{NOTHING, SERIES, State, describe, distribution};
use crate::decode::flatten::flatten;
use crate::decode::json::{Objects, each_object};
use crate::error::{Error, Result};
use crate::format::{Outcome, Visit, Wanted};
use crate::formats::collection::{Collection, choose};
use crate::limits::Limits;
use crate::recording::recorder::Recorder;
use crate::source::{Source, has_ending};

/// Broken lines of a journal that is still read.
const LOSSES: u32 = 1000;
/// How much of a file is looked at to tell a journal.
const GLANCE: usize = 4096;

/// The journal that the source is, or those in its folder.
pub(super) fn find(source: &Source) -> impl Iterator<Item = &Path> {
    let named = move |path: &&Path| {
        matches!(source, Source::File(_))
            || ["log", "journal", "jsonl", "json"].iter().any(|ending| has_ending(path, ending))
    };
    source.files().iter().map(PathBuf::as_path).filter(named).filter(|path| is_journal(path))
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

/// What a line says of the studies and of how many trials they have.
#[derive(Deserialize)]
struct Creation {
    op_code: u8,
    #[serde(default)]
    study_id: usize,
    #[serde(default)]
    study_name: String,
    #[serde(default)]
    directions: Vec<u8>,
}

impl Operation {
    fn creation(&self) -> Creation {
        let Self { op_code, study_id, study_name, directions, .. } = self;
        Creation {
            op_code: *op_code,
            study_id: *study_id,
            study_name: study_name.clone(),
            directions: directions.clone(),
        }
    }
}

struct Study {
    name: String,
    direction: Option<&'static str>,
    deleted: bool,
    trials: usize,
}

/// The studies of a journal, as far as it has been read.
#[derive(Default)]
struct Studies {
    all: Vec<Study>,
    /// Names of the studies that have not been deleted.
    names: HashSet<String>,
    /// Trials of all of them.
    trials: usize,
}

struct Trial {
    number: usize,
    state: State,
    parameters: BTreeMap<String, String>,
    attributes: Map<String, Value>,
    /// Reported values in the order of their first report; a step reported again has its value replaced.
    reported: Vec<(i64, f64)>,
    /// Place of each step in `reported`.
    places: BTreeMap<i64, usize>,
}

/// The trials of one study that are not finished, and so can still change.
struct Trials {
    studies: Studies,
    chosen: usize,
    open: BTreeMap<usize, Trial>,
    /// Values reported of these, which are in memory.
    reported: usize,
}

/// Reads the trials of one study, in the order in which they ended; those that did not end come last.
///
/// The journal is gone through twice: only its end tells which studies there are, and no more is kept than the trials at work.
pub(super) fn read(path: &Path, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<ControlFlow<()>> {
    let place = path.display().to_string();
    let mut studies = Studies::default();
    let mut losses = Vec::new();
    let _all = each_operation(path, limits, &mut |loss| losses.push(loss), &mut |creation: Creation| {
        studies.apply(&creation, limits).map(|_| ControlFlow::Continue(()))
    })?;
    let alive = studies.all.iter().enumerate().filter(|(_, study)| !study.deleted);
    let collections: Vec<_> = alive
        .map(|(id, study)| Collection { id: id.to_string(), name: study.name.clone(), runs: study.trials as u64 })
        .collect();
    let id = choose(&collections, "study", &place, wanted)?.id;
    let Some((chosen, study)) = studies.all.into_iter().enumerate().find(|(at, _)| at.to_string() == id) else {
        return Ok(ControlFlow::Continue(()));
    };

    let mut hand_over = |key: usize, trial: &Trial, losses: &[Loss]| {
        let id = format!("{}/{}", study.name, trial.number);
        let mut recorder = Recorder::new(&id, &place, wanted, limits);
        for loss in losses.iter().filter(|loss| loss.trial.is_none_or(|trial| trial == key)) {
            recorder.note(loss.note());
        }
        visit(match record(trial, &study, &mut recorder) {
            Ok(()) => recorder.finish(NOTHING),
            Err(error) => Outcome::skipped(id, error.to_string()),
        })
    };
    let mut hand_over = |(id, trial): (usize, Trial)| hand_over(id, &trial, &losses);
    let mut trials = Trials { studies: Studies::default(), chosen, open: BTreeMap::new(), reported: 0 };
    let read_on = each_operation(path, limits, &mut |_| {}, &mut |operation: Operation| {
        Ok(trials.apply(operation, limits)?.map_or(ControlFlow::Continue(()), &mut hand_over))
    })?;
    if read_on.is_break() {
        return Ok(read_on);
    }
    Ok(trials.open.into_iter().try_for_each(hand_over))
}

/// Why an operation cannot be carried out.
enum Refusal {
    Unknown(String),
    /// More than the limit of what.
    TooMany(&'static str, usize),
}

/// An operation of which only a part is there, as where two wrote to a journal on a network file system.
struct Loss {
    line: u64,
    /// What it was, as far as that can be told.
    op_code: Option<u8>,
    /// The trial it was about, counted over all studies.
    trial: Option<usize>,
}

impl Loss {
    /// What is lost with `text`, unless what follows cannot be understood without it.
    fn of(text: &str, line: u64) -> Option<Self> {
        let number = |key: &str| {
            let (_, after) = text.split_once(key)?;
            let after = after.trim_start_matches([':', ' ']);
            let end = after.find(|character: char| !character.is_ascii_digit())?;
            after[..end].parse::<usize>().ok()
        };
        let op_code = number("\"op_code\"").and_then(|code| u8::try_from(code).ok());
        // Studies and trials are numbered by the operations that make them.
        let is_creation = op_code.is_some_and(|code| !matches!(code, 2 | 3 | 5..=10));
        (!is_creation).then(|| Self { line, op_code, trial: number("\"trial_id\"") })
    }

    fn note(&self) -> String {
        let what = match self.op_code {
            Some(5) => "a parameter",
            Some(6) => "how a trial went on or ended",
            Some(7) => "a reported value",
            Some(_) => "an attribute",
            None => {
                return format!(
                    "line {} of the journal is broken, and what it said cannot be told: had it made a trial, those after it \
                     would be numbered one higher",
                    self.line
                );
            }
        };
        format!("line {} of the journal is broken: {what} is lost", self.line)
    }
}

/// Hands each line of the journal, understood as a `T`, to `each`.
fn each_operation<T: DeserializeOwned>(
    path: &Path,
    limits: &Limits,
    lost: &mut dyn FnMut(Loss),
    each: &mut dyn FnMut(T) -> Result<ControlFlow<()>, Refusal>,
) -> Result<ControlFlow<()>> {
    let mut losses = 0;
    each_object(path, limits, &mut |objects: Objects<T>| {
        let damaged = |reason: String| Error::Damaged {
            place: format!("{}, line {}", path.display(), objects.line),
            reason,
            remedy: "what follows depends on it: restore the journal, or cut it off here",
        };
        for operation in objects.whole {
            let applied = each(operation).map_err(|found| match found {
                Refusal::Unknown(reason) => damaged(reason),
                Refusal::TooMany(what, limit) => Error::TooLarge {
                    place: path.display().to_string(),
                    what: format!("the number of its {what}"),
                    limit: limit as u64,
                    remedy: "split it by study",
                },
            })?;
            if applied.is_break() {
                return Ok(applied);
            }
        }
        match objects.broken {
            // A line that is still being written.
            Some(_) if !objects.ended => {}
            Some((text, reason)) => match Loss::of(&text, objects.line) {
                Some(loss) if losses < LOSSES => {
                    losses += 1;
                    lost(loss);
                }
                _ => return Err(damaged(reason)),
            },
            None => {}
        }
        Ok(ControlFlow::Continue(()))
    })
}

impl Studies {
    /// Carries out what concerns studies. Of a trial that is created, its study and its number there.
    fn apply(&mut self, operation: &Creation, limits: &Limits) -> Result<Option<(usize, usize)>, Refusal> {
        match operation.op_code {
            0 => self.create(operation, limits)?,
            1 => {
                if let Some(study) = self.all.get_mut(operation.study_id).filter(|study| !study.deleted) {
                    study.deleted = true;
                    self.names.remove(&study.name);
                }
            }
            4 => {
                let study = self.all.get_mut(operation.study_id).filter(|study| !study.deleted);
                let Some(study) = study else { return Ok(None) };
                if self.trials >= limits.runs {
                    return Err(Refusal::TooMany("trials", limits.runs));
                }
                self.trials += 1;
                study.trials += 1;
                return Ok(Some((operation.study_id, study.trials - 1)));
            }
            // What happens to trials; attributes of studies, and those that samplers and pruners keep for themselves.
            2 | 3 | 5..=10 => {}
            code => return Err(Refusal::Unknown(format!("the operation {code} is not known"))),
        }
        Ok(None)
    }

    fn create(&mut self, operation: &Creation, limits: &Limits) -> Result<(), Refusal> {
        // Two workers may both have tried to create it.
        if !self.names.insert(operation.study_name.clone()) {
            return Ok(());
        }
        if self.all.len() >= limits.collections {
            return Err(Refusal::TooMany("studies", limits.collections));
        }
        let direction = match operation.directions.first() {
            Some(1) => Some("minimize"),
            Some(2) => Some("maximize"),
            _ => None,
        };
        let name = operation.study_name.clone();
        self.all.push(Study { name, direction, deleted: false, trials: 0 });
        Ok(())
    }
}

impl Trials {
    /// Carries out an operation, and gives the trial that ends by it: nothing changes a finished one.
    fn apply(&mut self, operation: Operation, limits: &Limits) -> Result<Option<(usize, Trial)>, Refusal> {
        let trial = self.open.get_mut(&operation.trial_id);
        match operation.op_code {
            0 | 1 | 4 => {
                let created = self.studies.apply(&operation.creation(), limits)?;
                if let Some((_, number)) = created.filter(|&(study, _)| study == self.chosen) {
                    return self.create(number, operation, limits);
                }
            }
            5 => {
                if let Some(trial) = trial
                    && trial.parameters.len() <= limits.settings
                    && let Some(internal) = number(&operation.param_value_internal)
                {
                    let value = distribution::spell(internal, &operation.distribution);
                    trial.parameters.insert(operation.param_name, value);
                }
            }
            6 => {
                let state = state(operation.state.unwrap_or_default())?;
                if let Some(trial) = trial {
                    trial.state = state;
                    return Ok(self.take_if_finished(operation.trial_id));
                }
            }
            7 => {
                if let Some(trial) = trial
                    && let Some(value) = number(&operation.intermediate_value)
                {
                    self.reported += usize::from(trial.report(operation.step, value));
                }
            }
            8 => {
                // One more than may be is kept, for the trial to be left out with that reason.
                if let Some(trial) = trial
                    && trial.attributes.len() <= limits.settings
                {
                    trial.attributes.extend(operation.user_attr);
                }
            }
            _ => {}
        }
        self.check(limits).map(|()| None)
    }

    fn create(
        &mut self,
        number: usize,
        operation: Operation,
        limits: &Limits,
    ) -> Result<Option<(usize, Trial)>, Refusal> {
        let id = self.studies.trials - 1;
        let mut trial = Trial {
            number,
            state: operation.state.map_or(Ok(State::Running), state)?,
            parameters: BTreeMap::new(),
            attributes: operation.user_attrs,
            reported: Vec::new(),
            places: BTreeMap::new(),
        };
        for (name, internal) in operation.params {
            if let Some(internal) = self::number(&internal) {
                let distribution = operation.distributions.get(&name).map_or("", String::as_str);
                trial.parameters.insert(name, distribution::spell(internal, distribution));
            }
        }
        for (step, value) in operation.intermediate_values {
            if let Some(value) = self::number(&value) {
                self.reported += usize::from(trial.report(step, value));
            }
        }
        self.open.insert(id, trial);
        self.check(limits)?;
        Ok(self.take_if_finished(id))
    }

    fn take_if_finished(&mut self, id: usize) -> Option<(usize, Trial)> {
        self.open.get(&id).filter(|trial| trial.state.is_finished())?;
        let trial = self.open.remove(&id)?;
        self.reported -= trial.reported.len();
        Some((id, trial))
    }

    fn check(&self, limits: &Limits) -> Result<(), Refusal> {
        if self.reported <= limits.samples {
            return Ok(());
        }
        Err(Refusal::TooMany("values of trials that have not ended", limits.samples))
    }
}

impl Trial {
    /// Takes down a value, and says whether it is the first of its step.
    fn report(&mut self, step: i64, value: f64) -> bool {
        let place = *self.places.entry(step).or_insert(self.reported.len());
        if let Some(reported) = self.reported.get_mut(place) {
            reported.1 = value;
            return false;
        }
        self.reported.push((step, value));
        true
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
        recorder.push(place, step, value)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Ids of the trials that a journal of these lines has, in the order in which they are handed over, with their values.
    fn read_lines(lines: &[&str], samples: usize) -> Result<Vec<(String, Vec<f64>)>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.log");
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        let limits = Limits { samples, ..Limits::default() };
        let mut trials = Vec::new();
        let read = read(&path, &Wanted::default(), &limits, &mut |outcome| {
            if let Outcome::Recording(mut recording) = outcome {
                trials.push((recording.id, recording.series.remove(SERIES).unwrap().values().collect::<Vec<_>>()));
            }
            ControlFlow::Continue(())
        });
        read.map(|_| trials).map_err(|error| error.to_string())
    }

    const STUDY: &str = r#"{"op_code": 0, "study_name": "s", "directions": [1]}"#;
    const TRIAL: &str = r#"{"op_code": 4, "study_id": 0}"#;

    fn report(trial: usize, step: i64, value: f64) -> String {
        format!(r#"{{"op_code": 7, "trial_id": {trial}, "step": {step}, "intermediate_value": {value}}}"#)
    }

    fn end(trial: usize) -> String {
        format!(r#"{{"op_code": 6, "trial_id": {trial}, "state": 1}}"#)
    }

    #[test]
    fn no_more_is_in_memory_than_the_trials_at_work() {
        let (a, b, c) = (report(0, 0, 1.0), report(0, 1, 2.0), report(1, 0, 3.0));
        let (end_0, end_1) = (end(0), end(1));
        // Never more than two values at a time, though there are three; a step reported again is no further value.
        let again = report(0, 1, 2.5);
        let one_by_one = [STUDY, TRIAL, &a, &b, &again, &end_0, TRIAL, &c, &end_1];
        let expected = vec![("s/0".to_owned(), vec![1.0, 2.5]), ("s/1".to_owned(), vec![3.0])];
        assert_eq!(read_lines(&one_by_one, 2), Ok(expected));

        let side_by_side = [STUDY, TRIAL, TRIAL, &a, &b, &c, &end_0, &end_1];
        let refused = read_lines(&side_by_side, 2).unwrap_err();
        assert!(refused.contains("the number of its values of trials that have not ended is beyond 2"), "{refused}");
        assert_eq!(read_lines(&side_by_side, 3).unwrap().len(), 2);
    }

    #[test]
    fn trials_come_in_the_order_of_their_ends_and_those_without_one_last() {
        let (a, b, c) = (report(0, 0, 1.0), report(1, 0, 2.0), report(2, 0, 3.0));
        // What comes after the end changes nothing.
        let late = report(2, 1, 9.0);
        let lines = [STUDY, TRIAL, TRIAL, TRIAL, &a, &b, &c, &end(2), &late, &end(1)];
        let ids: Vec<_> = read_lines(&lines, 9).unwrap();
        let expected = [("s/2", 3.0), ("s/1", 2.0), ("s/0", 1.0)].map(|(id, value)| (id.to_owned(), vec![value]));
        assert_eq!(ids, expected);
    }

    #[test]
    fn only_the_end_tells_which_studies_there_are() {
        let other = r#"{"op_code": 0, "study_name": "other", "directions": [1]}"#;
        let of_other = r#"{"op_code": 4, "study_id": 1}"#;
        let deleted = r#"{"op_code": 1, "study_id": 0}"#;
        let (a, b) = (report(0, 0, 1.0), report(1, 0, 2.0));
        let lines = [STUDY, other, TRIAL, of_other, &a, &b, &end(0), &end(1)];
        let undecided = read_lines(&lines, 9).unwrap_err();
        assert!(undecided.contains("which study is meant? It has: 's' (1 runs), 'other' (1 runs)"), "{undecided}");
        let lines = [&lines[..], &[deleted]].concat();
        assert_eq!(read_lines(&lines, 9), Ok(vec![("other/0".to_owned(), vec![2.0])]));
    }
}
