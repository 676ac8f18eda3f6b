//! JSON objects read as rows: numbers are samples, their keys joined by `/`; texts say something about the run.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::path::Path;

use lodecast_sweep_file::{Cell, quote_bare_tokens};
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::format::{Visit, Wanted};
use crate::limits::Limits;
use crate::lines::each_line;
use crate::recording::Recording;
use crate::table::{Row, Table, no_steps, run_column, step_column};
use crate::text_number::{Meaning, meaning};

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
    let file = File::open(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
    let place = path.display().to_string();
    let mut table = Table::new(base, wanted, limits);
    let mut cut_off = false;
    let mut read = |number: u64, line: &[u8], ended: bool| {
        if line.trim_ascii().is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        let here = || format!("{place}, line {number}");
        let object = match parse(line) {
            Ok(Value::Object(object)) => object,
            Ok(_) => return Err(damaged(here(), "not an object".to_owned())),
            // The last line may still be in the writing.
            Err(_) if !ended => {
                cut_off = true;
                return Ok(ControlFlow::Continue(()));
            }
            Err(reason) => return Err(damaged(here(), reason)),
        };
        // The first line of a sweep file of ours says what the others hold.
        if object.contains_key("lodecast_sweep") {
            return Ok(ControlFlow::Continue(()));
        }
        add(&object, setting, &here, &mut table, wanted, visit)
    };
    if each_line(path, BufReader::with_capacity(1 << 16, file), limits, &mut read)?.is_break() {
        return Ok(ControlFlow::Break(()));
    }
    if cut_off {
        table.note("the last line is cut off: left out");
    }
    Ok(table.finish(visit))
}

/// The object in the first line of the file at `path`, if there is one.
pub(crate) fn first_object(path: &Path) -> Option<Map<String, Value>> {
    // Longer than any tracker's line: what has none is no log.
    const LONGEST: u64 = 1 << 20;
    let mut line = Vec::new();
    BufReader::new(File::open(path).ok()?.take(LONGEST)).read_until(b'\n', &mut line).ok()?;
    match parse(&line) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    }
}

/// Parses JSON, with Python's bare `NaN` and `Infinity`. How deeply it may be nested is bounded by the parser.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| format!("byte {} is not UTF-8", error.valid_up_to() + 1))?;
    let (text, _) = quote_bare_tokens(text.trim_start_matches('\u{feff}'));
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

/// Adds a row, unless the reading has been ended.
fn add(
    object: &Map<String, Value>,
    setting: Option<&str>,
    here: &dyn Fn() -> String,
    table: &mut Table<'_>,
    wanted: &Wanted,
    visit: &mut Visit<'_>,
) -> Result<ControlFlow<()>> {
    let keys: Vec<&str> = object.keys().map(String::as_str).collect();
    let values: Vec<&Value> = object.values().collect();
    let step_at = step_column(&keys, wanted);
    let step = match step_at {
        None if wanted.step_column.is_some() => None,
        None => return Err(no_steps(&here(), &keys, wanted)),
        Some(column) => match cell(values[column.index]).count() {
            Ok(step) => step,
            Err(_) => {
                return Err(damaged(
                    here(),
                    format!("'{}' = {} is not a step", keys[column.index], values[column.index]),
                ));
            }
        },
    };
    let run_at = run_column(&keys, wanted);
    let run = match run_at.map(|column| values[column]) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(value @ Value::Number(_)) => Some(value.to_string()),
        _ => None,
    };
    let ControlFlow::Continue(mut row) = table.row(run.as_deref(), visit)? else {
        return Ok(ControlFlow::Break(()));
    };
    if step_at.is_some_and(|column| column.is_epoch) {
        row.recording().steps_are_epochs = true;
    }
    for (column, (key, value)) in object.iter().enumerate() {
        if Some(column) == step_at.map(|column| column.index) || Some(column) == run_at {
            continue;
        }
        if setting == Some(key) {
            crate::settings::put("", value, &mut row.recording().settings);
        } else {
            fill(&mut row, key, value, step)?;
        }
    }
    if step.is_none() {
        row.without_step();
    }
    Ok(ControlFlow::Continue(()))
}

/// Puts a value, and what is nested in it, into a row.
pub(crate) fn fill(row: &mut Row<'_>, name: &str, value: &Value, step: Option<u64>) -> Result<()> {
    match value {
        Value::Number(number) => number.as_f64().map_or(Ok(()), |value| row.say(name, Meaning::Number(value), step)),
        Value::String(text) => row.say(name, meaning(text), step),
        Value::Bool(value) => row.say(name, Meaning::Word(if *value { "true" } else { "false" }), step),
        Value::Object(members) => {
            members.iter().try_for_each(|(member, value)| fill(row, &format!("{name}/{member}"), value, step))
        }
        Value::Null | Value::Array(_) => Ok(()),
    }
}

/// A JSON value as a cell of a table.
pub(crate) fn cell(value: &Value) -> Cell<'_> {
    match value {
        Value::Null => Cell::Absent,
        Value::String(text) => Cell::Text(text),
        Value::Number(number) => match (number.as_u64(), number.as_f64()) {
            (Some(value), _) => Cell::Unsigned(value),
            (None, Some(value)) => Cell::Float(value),
            _ => Cell::Other("a number"),
        },
        Value::Bool(_) => Cell::Other("a truth value"),
        Value::Array(_) => Cell::Other("a list"),
        Value::Object(_) => Cell::Other("an object"),
    }
}

pub(crate) fn damaged(place: String, reason: String) -> Error {
    Error::Damaged { place, reason, remedy: "the file is damaged or was cut off: correct or delete the line" }
}
