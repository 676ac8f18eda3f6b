//! JSON documents: an object with a list a metric, as Keras' `history.history` is saved, a list of objects, a row each, as
//! skorch's `history.json`, or runs of either kind nested in objects and lists.

mod nested;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use serde_json::{Map, Value};

use crate::decode::json::{damaged, parse};
use crate::decode::json_parts::{Document, begins_with_a_list, each_element};
use crate::decode::json_rows::Rows;
use crate::decode::settings::put;
use crate::decode::text::first_lines;
use crate::decode::{files, layout};
use crate::error::{Error, Result};
use crate::format::{Format, Visit, Wanted};
use crate::limits::Limits;
use crate::names::{EPOCH, is_count};
use crate::recording::Recording;
use crate::source::{Source, has_ending};

use nested::{History, histories};

/// JSON files that are one document each, with one run or several.
pub(crate) struct JsonDocument;

impl Format for JsonDocument {
    fn name(&self) -> &'static str {
        "json"
    }

    fn describes(&self) -> &'static str {
        "JSON documents: an object with a list a metric (Keras' history), a list of rows (skorch's history.json), or several of them by name"
    }

    fn steps(&self) -> &'static str {
        "a list of a usual name, else epochs from 0 on"
    }

    fn files(&self) -> &'static [&'static str] {
        &["history.json"]
    }

    fn recognises(&self, source: &Source) -> bool {
        let named = matches!(source, Source::File(_));
        source.files().iter().any(|path| (named || has_ending(path, "json")) && holds_histories(path))
    }

    fn read(&self, source: &Source, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<()> {
        let named = matches!(source, Source::File(_));
        let documents = source.files().iter().map(AsRef::as_ref);
        let documents = documents.filter(|path| named || (has_ending(path, "json") && holds_histories(path)));
        files::each(source, self.name(), "files *.json with lists of numbers", documents, visit, &mut |path, visit| {
            let base = Recording::new(source.run_id(path), path.display().to_string());
            let wanted = layout::of_one_run(wanted);
            let document = document(path, limits.document_bytes.min(LARGEST_NESTED))?;
            match document.as_ref().map(nested_in).filter(|found| !found.is_empty()) {
                Some(found) => read_nested(found, path, &base, &wanted, limits, visit),
                None => read(path, base, &wanted, limits, visit),
            }
        })
    }
}

/// A document in which runs are nested is taken in whole.
const LARGEST_NESTED: u64 = 1 << 26;

/// Are there runs in the document?
fn holds_histories(path: &Path) -> bool {
    let in_document =
        || document(path, LARGEST_NESTED).ok().flatten().is_some_and(|found| !nested_in(&found).is_empty());
    begins_with_a_list(path) || in_document()
}

/// The document, if it is one of at most so many bytes. What is wrong with one is said where it is read row by row.
fn document(path: &Path, most: u64) -> Result<Option<Value>> {
    let begin = first_lines(path, 1).pop().unwrap_or_default();
    let is_large = path.metadata().is_ok_and(|file| file.len() > most);
    if is_large || !matches!(begin.trim_ascii_start().first(), Some(b'{' | b'[')) {
        return Ok(None);
    }
    let bytes = files::read_whole(path, most, AS_LINES)?;
    // In memory a value takes more than its text.
    if bytes.split(|&byte| byte == b',').count() > MOST_CELLS {
        return Err(too_many(path));
    }
    Ok(parse(&bytes).ok())
}

/// The runs nested in a document: none if it is a list of the rows of one.
fn nested_in(document: &Value) -> Vec<History<'_>> {
    let mut found = histories(document);
    if document.is_array() && found.iter().all(|history| history.path.is_empty()) {
        found.clear();
    }
    found
}

const AS_LINES: &str = "save it as JSON lines, which are read line by line";

fn too_many(path: &Path) -> Error {
    Error::TooLarge {
        place: path.display().to_string(),
        what: "the number of values in its lists".to_owned(),
        limit: MOST_CELLS as u64,
        remedy: AS_LINES,
    }
}

/// Reads the runs that were found in a document.
fn read_nested(
    found: Vec<History<'_>>,
    path: &Path,
    base: &Recording,
    wanted: &Wanted,
    limits: &Limits,
    visit: &mut Visit<'_>,
) -> Result<ControlFlow<()>> {
    let place = path.display().to_string();
    let several = found.len() > 1;
    for History { path, settings, lists, rows } in found {
        let mut base = base.clone();
        let place = if path.is_empty() { place.clone() } else { format!("{place}, {}", path.join("/")) };
        if several && !path.is_empty() {
            base.id = format!("{}/{}", base.id, path.join("/"));
        }
        put("", &Value::Object(settings), &mut base.settings);
        let mut table = Rows::new(&place, base, None, wanted, limits);
        for (number, row) in rows.into_iter().enumerate() {
            if add(&mut table, &place, number, row, visit)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        let cells = |values: &[Value]| values.iter().cloned().map(Cell::of).collect();
        let lists = lists.into_iter().map(|(name, values)| (name, cells(values))).collect();
        let flow = add_lists(&mut table, &place, &lists, &Map::new(), visit)?;
        if flow.is_break() || table.finish(visit)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

fn read(
    path: &Path,
    base: Recording,
    wanted: &Wanted,
    limits: &Limits,
    visit: &mut Visit<'_>,
) -> Result<ControlFlow<()>> {
    let bytes = files::read_whole(path, limits.document_bytes, AS_LINES)?;
    let place = path.display().to_string();
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
            return Err(too_many(path));
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
                return Err(too_many(path));
            }
            if add_lists(&mut rows, &place, &lists, &settings, visit)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }
    rows.finish(visit)
}

/// Adds a row for each place in the lists, with the settings.
fn add_lists(
    rows: &mut Rows<'_>,
    place: &str,
    lists: &BTreeMap<String, Vec<Cell>>,
    settings: &Map<String, Value>,
    visit: &mut Visit<'_>,
) -> Result<ControlFlow<()>> {
    let length = lists.values().map(Vec::len).max().unwrap_or(0);
    let every = if lists.keys().any(|key| is_count(key)) { BTreeMap::new() } else { rhythms(lists, length) };
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
        if add(rows, place, number, row, visit)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
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
