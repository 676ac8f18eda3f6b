//! Records of a `.wandb` file: rows of history, settings, and what is known of the run.
//!
//! Source: `wandb/proto/wandb_internal.proto`; what is read here has been the same from wandb 0.10 to 0.31, except that
//! values have become typed besides being JSON.

use std::borrow::Cow;

use lodecast::Direction;

use super::steps::Definition;
use crate::decode::wire::{Fields, Malformed, Value};

/// The kinds of records that matter, each with its message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Record<'a> {
    /// A row of metrics.
    History(&'a [u8]),
    /// Settings that changed.
    Config(&'a [u8]),
    /// A definition of a metric.
    Metric(&'a [u8]),
    /// The run's name and its first settings.
    Run(&'a [u8]),
    Other,
}

impl<'a> Record<'a> {
    /// The record in `message`.
    pub(crate) fn read(message: &'a [u8]) -> Result<Self, Malformed> {
        let mut record = Self::Other;
        for field in Fields::of(message) {
            match field? {
                (2, value) => record = Self::History(value.bytes().ok_or(Malformed)?),
                (5, value) => record = Self::Config(value.bytes().ok_or(Malformed)?),
                (12, value) => record = Self::Metric(value.bytes().ok_or(Malformed)?),
                (17, value) => record = Self::Run(value.bytes().ok_or(Malformed)?),
                _ => {}
            }
        }
        Ok(record)
    }
}

/// A value that was logged or set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Logged<'a> {
    Number(f64),
    Truth(bool),
    Text(&'a str),
    /// JSON, with the `NaN` and `Infinity` that Python and Go add to it.
    Json(&'a str),
    None,
}

impl Logged<'_> {
    /// The number, if it is one.
    pub(crate) fn number(self) -> Option<f64> {
        match self {
            Logged::Number(value) => Some(value),
            // Rust reads NaN and Infinity; some versions put them in quotes.
            Logged::Json(text) => match text.trim() {
                quoted @ ("\"NaN\"" | "\"Infinity\"" | "\"-Infinity\"") => quoted.trim_matches('"').parse().ok(),
                bare => bare.parse().ok(),
            },
            _ => None,
        }
    }
}

/// A key with its value: `HistoryItem` and `ConfigItem` are numbered alike.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Item<'a> {
    /// Name, nested keys joined by dots.
    pub(crate) key: Cow<'a, str>,
    pub(crate) value: Logged<'a>,
}

impl<'a> Item<'a> {
    fn read(message: &'a [u8]) -> Result<Self, Malformed> {
        let mut key = Cow::Borrowed("");
        let mut value = Logged::None;
        for field in Fields::of(message) {
            match field? {
                (1 | 2, part) => {
                    let part = part.text().ok_or(Malformed)?;
                    if key.is_empty() {
                        key = Cow::Borrowed(part);
                    } else {
                        let key = key.to_mut();
                        key.push('.');
                        key.push_str(part);
                    }
                }
                (4, truth) => value = Logged::Truth(truth.integer().ok_or(Malformed)? != 0),
                // A sint64, whose sign is in its last bit.
                (5, Value::Varint(bits)) => {
                    value = Logged::Number(((bits >> 1).cast_signed() ^ -(bits & 1).cast_signed()) as f64);
                }
                (6, number) => value = Logged::Number(number.double().ok_or(Malformed)?),
                (7, text) => value = Logged::Text(text.text().ok_or(Malformed)?),
                (8 | 16, json) => value = Logged::Json(json.text().ok_or(Malformed)?),
                _ => {}
            }
        }
        Ok(Self { key, value })
    }
}

/// The items in the fields numbered `number` of a message.
pub(crate) fn items(message: &[u8], number: u64) -> impl Iterator<Item = Result<Item<'_>, Malformed>> {
    Fields::of(message).filter_map(move |field| match field {
        Ok((found, value)) if found == number => Some(value.bytes().ok_or(Malformed).and_then(Item::read)),
        Ok(_) => None,
        Err(malformed) => Some(Err(malformed)),
    })
}

/// The number that a `HistoryRecord` holds under `key`.
pub(crate) fn number(history: &[u8], key: &str) -> Result<Option<f64>, Malformed> {
    for item in items(history, 1) {
        let item = item?;
        if item.key == key {
            return Ok(item.value.number());
        }
    }
    Ok(None)
}

/// The step that a `HistoryRecord` names beside its items.
pub(crate) fn step(history: &[u8]) -> Result<Option<i64>, Malformed> {
    let mut step = None;
    for field in Fields::of(history) {
        let (2, message) = field? else { continue };
        // Zero is not written.
        step = Some(0);
        for field in Fields::of(message.bytes().ok_or(Malformed)?) {
            if let (1, number) = field? {
                step = number.integer();
            }
        }
    }
    Ok(step)
}

/// What a `MetricRecord` says: the definition, and which way is better.
pub(crate) fn definition(message: &[u8]) -> Result<(Definition<'_>, Option<Direction>), Malformed> {
    let mut definition = Definition::default();
    let mut goal = None;
    for field in Fields::of(message) {
        match field? {
            (1, name) => definition.name = name.text().ok_or(Malformed)?,
            (2, glob) => definition.glob = glob.text().ok_or(Malformed)?,
            (4, step) => definition.step = step.text().ok_or(Malformed)?,
            (5, index) => {
                definition.step_index = index.integer().and_then(|index| usize::try_from(index).ok()).unwrap_or(0)
            }
            (8, found) => {
                goal = match found.integer() {
                    Some(1) => Some(Direction::Min),
                    Some(2) => Some(Direction::Max),
                    _ => None,
                };
            }
            _ => {}
        }
    }
    Ok((definition, goal))
}

/// What a `RunRecord` says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Run<'a> {
    pub(crate) id: &'a str,
    pub(crate) name: Option<&'a str>,
    pub(crate) project: Option<&'a str>,
    pub(crate) group: Option<&'a str>,
    /// A `ConfigRecord`.
    pub(crate) config: &'a [u8],
}

impl<'a> Run<'a> {
    /// The run in `message`.
    pub(crate) fn read(message: &'a [u8]) -> Result<Self, Malformed> {
        let mut run = Self::default();
        for field in Fields::of(message) {
            match field? {
                (1, id) => run.id = id.text().ok_or(Malformed)?,
                (3, project) => run.project = project.text(),
                (4, config) => run.config = config.bytes().ok_or(Malformed)?,
                (6, group) => run.group = group.text(),
                (8, name) => run.name = name.text(),
                _ => {}
            }
        }
        Ok(run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_every_spelling() {
        let spelled = |json| Logged::Json(json).number();
        for (json, value) in
            [("0.1", 0.1), ("1.7955326838229284e+09", 1.795_532_683_822_928_4e9), ("-Infinity", f64::NEG_INFINITY)]
        {
            assert_eq!(spelled(json), Some(value));
        }
        assert!(spelled("NaN").is_some_and(f64::is_nan));
        assert!(spelled("\"NaN\"").is_some_and(f64::is_nan));
        for json in ["\"0.1\"", "true", "null", "[1]", "{\"_type\":\"histogram\"}", ""] {
            assert_eq!(spelled(json), None, "{json}");
        }
        // A typed integer, -3, under a nested key.
        let item = Item::read(b"\x12\x01a\x12\x01b\x28\x05").expect("sound");
        assert_eq!(item, Item { key: "a.b".into(), value: Logged::Number(-3.0) });
    }
}
