//! JSON documents: an object with a list a metric, as Keras' `history.history` is saved, or a list of objects, a row each, as
//! skorch's `history.json`.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use serde_json::{Map, Value};

use crate::decode::json::damaged;
use crate::decode::json_parts::{Document, begins_with_a_list, each_element};
use crate::decode::json_rows::Rows;
use crate::decode::{files, layout};
use crate::error::{Error, Result};
use crate::format::{Format, Visit, Wanted};
use crate::limits::Limits;
use crate::names::{EPOCH, STEP};
use crate::recording::Recording;
use crate::source::{Source, has_ending};

/// JSON files that are one document each, and a run each.
pub(crate) struct JsonDocument;

impl Format for JsonDocument {
    fn name(&self) -> &'static str {
        "json"
    }

    fn describes(&self) -> &'static str {
        "JSON documents: an object with a list a metric (Keras' history), or a list of rows (skorch's history.json)"
    }

    fn steps(&self) -> &'static str {
        "a list of a usual name, else epochs from 0 on"
    }

    fn files(&self) -> &'static [&'static str] {
        &["history.json"]
    }

    fn recognises(&self, source: &Source) -> bool {
        let named = matches!(source, Source::File(_));
        source.files().iter().any(|path| (named || has_ending(path, "json")) && begins_with_a_list(path))
    }

    fn read(&self, source: &Source, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<()> {
        let named = matches!(source, Source::File(_));
        let documents = source.files().iter().map(AsRef::as_ref);
        let documents = documents.filter(|path| named || (has_ending(path, "json") && begins_with_a_list(path)));
        files::each(source, self.name(), "files *.json with lists of numbers", documents, visit, &mut |path, visit| {
            let base = Recording::new(source.run_id(path), path.display().to_string());
            read(path, base, &layout::of_one_run(wanted), limits, visit)
        })
    }
}

fn read(
    path: &Path,
    base: Recording,
    wanted: &Wanted,
    limits: &Limits,
    visit: &mut Visit<'_>,
) -> Result<ControlFlow<()>> {
    let bytes = files::read_whole(path, limits.document_bytes, "save it as JSON lines, which are read line by line")?;
    let place = path.display().to_string();
    let too_large = || Error::TooLarge {
        place: place.clone(),
        what: "the number of values in its lists".to_owned(),
        limit: MOST_CELLS as u64,
        remedy: "save it as JSON lines, which are read line by line",
    };
    let mut rows = Rows::new(&place, base, None, wanted, limits);
    let mut lists: BTreeMap<String, Vec<Cell>> = BTreeMap::new();
    let mut cells = 0;
    let document = each_element(&bytes, &mut |key, number, element| {
        let Some(key) = key else {
            let Value::Object(row) = element else {
                return Err(damaged(format!("{place}, row {number}"), "not an object".to_owned()));
            };
            return add(&mut rows, &place, number, row, visit);
        };
        cells += 1;
        if cells > MOST_CELLS {
            return Err(too_large());
        }
        // Known by its place: a list of another length is no metric of these rows, but nothing is shifted.
        lists.entry(key.to_owned()).or_default().push(Cell::of(element));
        Ok(ControlFlow::Continue(()))
    })?;
    match document.map_err(|reason| damaged(place.clone(), reason))? {
        Document::Left => return Ok(ControlFlow::Break(())),
        Document::List => {}
        Document::Other => return Err(damaged(place, "neither an object nor a list".to_owned())),
        Document::Object(members) => {
            let settings = members.into_iter().filter(|(key, _)| !lists.contains_key(key));
            let settings: Map<String, Value> = settings.collect();
            let length = lists.values().map(Vec::len).max().unwrap_or(0);
            if settings.len().saturating_mul(length) > MOST_CELLS {
                return Err(too_large());
            }
            let every = if lists.keys().any(|key| is_count(key)) { BTreeMap::new() } else { rhythms(&lists, length) };
            for (key, every) in &every {
                rows.table.note(format!(
                    "'{key}' has {} values beside {length} of others: taken for one every {every} epochs",
                    lists[key].len()
                ));
            }
            let known = |key: &str| every.contains_key(key) || is_count(key);
            for (key, list) in lists.iter().filter(|(key, list)| list.len() < length && !known(key)) {
                rows.table.note(format!(
                    "'{key}' has {} values beside {length} of others: taken for those of the first ones",
                    list.len()
                ));
            }
            for number in 0..length {
                let row = lists.iter().filter_map(|(key, list)| {
                    let place = match every.get(key) {
                        Some(every) if (number + 1).is_multiple_of(*every) => (number + 1) / every - 1,
                        Some(_) => return None,
                        None => number,
                    };
                    Some((key.clone(), list.get(place)?.value()?))
                });
                let row: Map<String, Value> = row.chain(settings.clone()).collect();
                if add(&mut rows, &place, number, row, visit)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
    }
    rows.finish(visit)
}

/// Adds a row, which counts epochs from 0 on if nothing in it counts.
fn add(
    rows: &mut Rows<'_>,
    place: &str,
    number: usize,
    mut row: Map<String, Value>,
    visit: &mut Visit<'_>,
) -> Result<ControlFlow<()>> {
    if !row.keys().any(|key| is_count(key)) {
        row.insert(EPOCH[0].to_owned(), number.into());
    }
    rows.add(&row, &|| format!("{place}, row {number}"), visit)
}

/// Every how many rows there is a value of the lists that are shorter, where that comes out even: with `validation_freq=3` Keras evaluates
/// after the third epoch, the sixth and so on, and does not say so.
fn rhythms(lists: &BTreeMap<String, Vec<Cell>>, length: usize) -> BTreeMap<String, usize> {
    let shorter = lists.iter().filter(|(_, list)| !list.is_empty() && list.len() < length);
    let rhythm = |list: &[Cell]| Some(length / list.len()).filter(|every| *every > 1 && length / every == list.len());
    shorter.filter_map(|(key, list)| Some((key.clone(), rhythm(list)?))).collect()
}

/// Values in all lists of a document together.
const MOST_CELLS: usize = 1 << 22;

/// A value of a list in little memory.
enum Cell {
    Nothing,
    Whole(u64),
    Number(f64),
    Other(Box<Value>),
}

impl Cell {
    fn of(value: Value) -> Self {
        match (value.as_u64(), value.as_f64(), value) {
            (Some(whole), ..) => Self::Whole(whole),
            (None, Some(number), _) => Self::Number(number),
            (None, None, Value::Null) => Self::Nothing,
            (None, None, other) => Self::Other(Box::new(other)),
        }
    }

    fn value(&self) -> Option<Value> {
        match self {
            Self::Nothing => None,
            Self::Whole(whole) => Some((*whole).into()),
            Self::Number(number) => Some((*number).into()),
            Self::Other(other) => Some((**other).clone()),
        }
    }
}

fn is_count(key: &str) -> bool {
    let lower = key.to_lowercase();
    STEP.contains(&lower.as_str()) || EPOCH.contains(&lower.as_str())
}
