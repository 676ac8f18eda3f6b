//! JSON as trackers write it: with Python's bare `NaN` and `Infinity`, one object a line or a document of its own.

use std::ops::ControlFlow;
use std::path::Path;

use lodecast_sweep_file::{Cell, quote_bare_tokens};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::decode::json_value::BoundedObject;
use crate::decode::text::{each_line, first_line, first_lines};
use crate::error::{Error, Result};
use crate::limits::Limits;

/// Parses JSON. How deeply it may be nested is bounded by the parser.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| format!("byte {} is not UTF-8", error.valid_up_to() + 1))?;
    let (text, _) = quote_bare_tokens(text.trim_start_matches('\u{feff}'));
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

/// What a line of a file of JSON lines holds.
pub(crate) struct Objects<T> {
    /// Number of the line, from 1 on.
    pub(crate) line: u64,
    /// What was read of it: mostly one object.
    pub(crate) whole: Vec<T>,
    /// What follows them and cannot be understood, and why.
    pub(crate) broken: Option<(String, String)>,
    /// Has the line an end? The last one may still be in the writing.
    pub(crate) ended: bool,
}

/// Hands what is in each line of the file at `path` that is not empty to `each`.
///
/// # Errors
/// If the file cannot be read or a line is too long, or what `each` returns.
pub(crate) fn each_object<T: DeserializeOwned>(
    path: &Path,
    limits: &Limits,
    each: &mut dyn FnMut(Objects<T>) -> Result<ControlFlow<()>>,
) -> Result<ControlFlow<()>> {
    each_line(path, limits, &mut |line| {
        if line.text.trim_ascii().is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        let (whole, broken) = objects(line.text);
        each(Objects { line: line.number, whole, broken, ended: line.ended })
    })
}

/// The whole objects that a line begins with, and what cannot be understood behind them. Two writers of one file may have put
/// two objects on a line, or parts of them.
fn objects<T: DeserializeOwned>(line: &[u8]) -> (Vec<T>, Option<(String, String)>) {
    let text = match std::str::from_utf8(line) {
        Ok(text) => text,
        Err(error) => {
            let reason = format!("byte {} is not UTF-8", error.valid_up_to() + 1);
            return (Vec::new(), Some((String::from_utf8_lossy(line).into_owned(), reason)));
        }
    };
    let (text, _) = quote_bare_tokens(text);
    // By far the most lines hold one object.
    let reason = match serde_json::from_str(&text) {
        Ok(object) => return (vec![object], None),
        Err(error) => error.to_string(),
    };
    let mut stream = serde_json::Deserializer::from_str(&text).into_iter();
    let mut whole = Vec::new();
    let mut end = 0;
    while let Some(Ok(object)) = stream.next() {
        whole.push(object);
        end = stream.byte_offset();
    }
    let rest = text.get(end..).unwrap_or_default().trim();
    let broken = (!rest.is_empty()).then(|| (rest.to_owned(), reason));
    (whole, broken)
}

/// The object in the first line of the file at `path`, if there is one.
pub(crate) fn first_object(path: &Path) -> Option<Map<String, Value>> {
    parse(&first_line(path)?).ok().map(|BoundedObject(object)| object)
}

/// Is one of the objects in the first lines of the file at `path` as said? The very first may hold settings.
pub(crate) fn begins_with(path: &Path, is: impl Fn(&Map<String, Value>) -> bool) -> bool {
    const LINES: usize = 4;
    let lines = first_lines(path, LINES);
    lines.iter().map_while(|line| parse(line).ok()).any(|BoundedObject(object)| is(&object))
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

/// The error of what is not as its format says.
pub(crate) fn damaged(place: String, reason: String) -> Error {
    Error::Damaged { place, reason, remedy: "the file is damaged or was cut off: correct or delete the line" }
}
