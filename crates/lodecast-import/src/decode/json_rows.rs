//! JSON objects read as rows: numbers are samples, their keys joined by `/`; texts say something about the run.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::path::Path;

use serde_json::{Map, Value};

use crate::decode::damaged_lines::DamagedLines;
use crate::decode::draft::Row;
use crate::decode::json::{Objects, cell, damaged, each_object};
use crate::decode::json_value::Bounded;
use crate::decode::layout::{Layout, Owner, Position, no_steps, step_of};
use crate::decode::parts::Part;
use crate::decode::table::Table;
use crate::decode::text_number::{Meaning, meaning};
use crate::decode::unpacked;
use crate::error::Result;
use crate::format::{Visit, Wanted};
use crate::limits::Limits;
use crate::names::{holds_settings, loss_rank, tells_of_settings, validation_rank};
use crate::recording::Recording;

/// Reads the JSON lines at `path` and hands over their recordings; `base` is what is known of each beforehand, and `setting`
/// the key of an object that holds settings, if there is one.
pub(crate) fn read(
    path: &Path,
    base: Recording,
    setting: Option<&str>,
    wanted: &Wanted,
    limits: &Limits,
    visit: &mut Visit<'_>,
) -> Result<ControlFlow<()>> {
    read_parts(&[Part::whole(path)], base, setting, wanted, limits, visit)
}

/// The same of files that are `parts` of one.
pub(crate) fn read_parts(
    parts: &[Part<'_>],
    base: Recording,
    setting: Option<&str>,
    wanted: &Wanted,
    limits: &Limits,
    visit: &mut Visit<'_>,
) -> Result<ControlFlow<()>> {
    let place = parts[0].path.display().to_string();
    let mut rows = Rows::new(&place, base, setting, wanted, limits);
    for part in parts {
        if read_part(part, &mut rows, limits, visit)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    rows.finish(visit)
}

/// Reads the rows of a file.
fn read_part(part: &Part<'_>, rows: &mut Rows<'_>, limits: &Limits, visit: &mut Visit<'_>) -> Result<ControlFlow<()>> {
    let path = part.path;
    let place = path.display().to_string();
    rows.held_out = part.held_out;
    let mut cut_off = false;
    let mut damaged_lines = DamagedLines::default();
    let mut read = |objects: Objects<Bounded>| {
        let here = || format!("{place}, line {}", objects.line);
        for Bounded(object) in &objects.whole {
            let Value::Object(object) = object else { return Err(damaged(here(), "not an object".to_owned())) };
            // The first line of a sweep file of ours says what the others hold.
            if !object.contains_key("lodecast_sweep") && rows.add(object, &here, visit)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        match objects.broken {
            // The last line may still be in the writing.
            Some(_) if !objects.ended => cut_off = true,
            // Whoever follows a training cannot have it mended.
            Some((text, _)) if limits.since.is_asked() => damaged_lines.met(&text),
            Some((_, reason)) => return Err(damaged(here(), reason)),
            None => {}
        }
        Ok(ControlFlow::Continue(()))
    };
    if each_object(path, limits, &mut read)?.is_break() {
        return Ok(ControlFlow::Break(()));
    }
    if let Some(note) = damaged_lines.said() {
        rows.table.note(note);
    }
    if cut_off {
        rows.table.note("the last line is cut off: left out");
    }
    if let Some(note) = unpacked::says_cut_off(path) {
        rows.table.note(note);
    }
    Ok(ControlFlow::Continue(()))
}

/// JSON objects as rows of a table.
pub(crate) struct Rows<'a> {
    place: &'a str,
    pub(crate) table: Table<'a>,
    setting: Option<&'a str>,
    wanted: &'a Wanted,
    /// What the rows at hand evaluate on, if their file says so.
    held_out: Option<&'static str>,
    /// Has any row told where it belongs by a key of its own? Then what is nested in others is no place, but a summary.
    counts_on_top: bool,
    /// Has any row told where it belongs? And the keys of the first that has not.
    placed: bool,
    unplaced: Option<Vec<String>>,
}

impl<'a> Rows<'a> {
    /// No rows yet, of the file at `place`.
    pub(crate) fn new(
        place: &'a str,
        base: Recording,
        setting: Option<&'a str>,
        wanted: &'a Wanted,
        limits: &'a Limits,
    ) -> Self {
        let table = Table::new(base, wanted, limits);
        Self { place, table, setting, wanted, held_out: None, counts_on_top: false, placed: false, unplaced: None }
    }

    /// Adds a row, unless the reading has been ended; `here` says where it is.
    pub(crate) fn add(
        &mut self,
        object: &Map<String, Value>,
        here: &dyn Fn() -> String,
        visit: &mut Visit<'_>,
    ) -> Result<ControlFlow<()>> {
        let spread_out;
        let mut object = object;
        let mut keys: Vec<&str> = object.keys().map(String::as_str).collect();
        let mut layout = Layout::of(&keys, self.wanted);
        // What counts the steps may stand among what belongs together: {"progress": {"step": 10}, "train": {"loss": 2.3}}.
        if layout.step.or(layout.epoch).is_some() {
            self.counts_on_top = true;
        } else if !self.counts_on_top && object.values().any(Value::is_object) {
            spread_out = self.spread_out(object);
            object = &spread_out;
            keys = object.keys().map(String::as_str).collect();
            layout = Layout::of(&keys, self.wanted);
        }
        let values: Vec<&Value> = object.values().collect();
        let count = |column: usize| {
            let wrong = |_| damaged(here(), format!("'{}' = {} is not a step", keys[column], values[column]));
            step_of(cell(values[column])).map_err(wrong)
        };
        // Epochs may be fractions: of a row that counts steps, they are a series.
        let epoch = layout.epoch.and_then(|column| step_of(cell(values[column])).ok().flatten());
        // Of a row that is called one of settings, a step says nothing.
        let tells = |(key, value): (&String, &Value)| value.as_str().is_some_and(|says| tells_of_settings(key, says));
        let is_of_settings = object.iter().any(tells) || (!self.placed && says_how_many(&keys, layout));
        let at = if is_of_settings {
            Position::default()
        } else {
            let at = Position { step: layout.step.map(count).transpose()?.flatten(), epoch, held_out: None };
            at.in_phase(layout.phase.and_then(|column| values[column].as_str())).or_on(self.held_out)
        };
        match at.step.or(at.epoch) {
            Some(_) => self.placed = true,
            None if self.unplaced.is_none() => {
                self.unplaced = Some(keys.iter().map(|&key| key.to_owned()).collect());
            }
            None => {}
        }
        let named = |column: usize| match values[column] {
            Value::String(text) => Some(text.clone()),
            value @ Value::Number(_) => Some(value.to_string()),
            _ => None,
        };
        let mut owner = Owner::of(layout.run.and_then(named).map(Cow::Owned));
        // What stands in a row of settings holds for all.
        for column in layout.repetitions.into_iter().flatten().filter(|_| at.step.or(at.epoch).is_some()) {
            if let Some(value) = named(column) {
                owner.repeated(keys[column], &value);
            }
        }
        let ControlFlow::Continue(mut row) = self.table.row(&owner, at, visit)? else {
            return Ok(ControlFlow::Break(()));
        };
        if let Some((metric, value)) = layout.long
            && let (Value::String(metric), Value::Number(_)) = (values[metric], values[value])
        {
            fill(&mut row, metric, values[value])?;
        }
        for (column, (key, value)) in object.iter().enumerate() {
            if layout.is_structure(column) && !is_of_settings {
                continue;
            }
            if self.setting == Some(key) {
                crate::decode::settings::put("", value, &mut row.recording().settings);
            } else if is_of_settings && value.is_object() && CONTENTS.contains(&key.as_str()) {
                set(&mut row, "", value)?;
            } else if is_of_settings || value.is_object() && holds_settings(key) {
                set(&mut row, key, value)?;
            } else {
                fill(&mut row, key, value)?;
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The object with its members' members in their place, but for settings.
    fn spread_out(&self, object: &Map<String, Value>) -> Map<String, Value> {
        let mut all = Map::new();
        for (key, value) in object {
            match value {
                Value::Object(members) if self.setting != Some(key) && !holds_settings(key) => {
                    for (member, value) in self.spread_out(members) {
                        all.insert(format!("{key}/{member}"), value);
                    }
                }
                value => drop(all.insert(key.clone(), value.clone())),
            }
        }
        all
    }

    /// Hands over what has been read.
    ///
    /// # Errors
    /// If no row says at which step it is.
    pub(crate) fn finish(self, visit: &mut Visit<'_>) -> Result<ControlFlow<()>> {
        if let (false, Some(keys)) = (self.placed, &self.unplaced) {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            return Err(no_steps(self.place, &keys, self.wanted));
        }
        Ok(self.table.finish(visit))
    }
}

/// Members of a row of settings that hold no more than all of them.
const CONTENTS: [&str; 5] = ["data", "payload", "value", "content", "body"];

/// Does the first row that seems to count say how many steps or epochs there are to be, beside other settings?
fn says_how_many(keys: &[&str], layout: Layout) -> bool {
    let is_plural = |column: usize| keys[column].ends_with('s');
    let is_measured = |key: &&str| loss_rank(key).or(validation_rank(key)).is_some();
    layout.step.or(layout.epoch).is_some_and(is_plural) && !keys.iter().any(is_measured)
}

/// Sets what a row says of its run, and what is nested in it.
fn set(row: &mut Row<'_, '_>, name: &str, value: &Value) -> Result<()> {
    match value {
        Value::Null => Ok(()),
        Value::String(text) => row.set(name, text.clone()),
        Value::Object(members) => {
            let within = |member: &str| if name.is_empty() { member.to_owned() } else { format!("{name}/{member}") };
            members.iter().try_for_each(|(member, value)| set(row, &within(member), value))
        }
        Value::Bool(_) | Value::Number(_) | Value::Array(_) => row.set(name, value.to_string()),
    }
}

/// Puts a value, and what is nested in it, into a row.
pub(crate) fn fill(row: &mut Row<'_, '_>, name: &str, value: &Value) -> Result<()> {
    match value {
        Value::Number(number) => number.as_f64().map_or(Ok(()), |value| row.say(name, Meaning::Number(value))),
        Value::String(text) => row.say(name, meaning(text)),
        Value::Bool(value) => row.say(name, Meaning::Word(if *value { "true" } else { "false" })),
        Value::Object(members) => {
            members.iter().try_for_each(|(member, value)| fill(row, &format!("{name}/{member}"), value))
        }
        Value::Array(items) => match items.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>() {
            _ if row.holds_settings() => {
                crate::decode::settings::put(name, value, &mut row.recording().settings);
                Ok(())
            }
            Some(numbers) => row.list(name, &numbers),
            None => Ok(()),
        },
        Value::Null => Ok(()),
    }
}
