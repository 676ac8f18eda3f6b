//! JSON documents: an object with a list a metric, as Keras' `history.history` is saved, or a list of objects, a row each, as
//! skorch's `history.json`.

use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;

use serde_json::{Map, Value};

use crate::decode::json::{damaged, parse};
use crate::decode::json_rows::Rows;
use crate::decode::{files, table};
use crate::error::Result;
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
        source.files().iter().any(|path| (named || has_ending(path, "json")) && is_document(path))
    }

    fn read(&self, source: &Source, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<()> {
        let named = matches!(source, Source::File(_));
        let documents = source.files().iter().map(AsRef::as_ref);
        let documents = documents.filter(|path| named || (has_ending(path, "json") && is_document(path)));
        files::each(source, self.name(), "files *.json with lists of numbers", documents, visit, &mut |path, visit| {
            let base = Recording::new(source.run_id(path), path.display().to_string());
            read(path, base, &table::of_one_run(wanted), limits, visit)
        })
    }
}

/// Does it begin like a document of either kind: `{"loss": [0.5` or `[{"epoch": 1`?
fn is_document(path: &Path) -> bool {
    const GLANCE: u64 = 4096;
    let Ok(file) = crate::decode::text::open(path) else { return false };
    let mut start = Vec::new();
    if file.take(GLANCE).read_to_end(&mut start).is_err() {
        return false;
    }
    let text: String = String::from_utf8_lossy(&start).chars().filter(|character| !character.is_whitespace()).collect();
    let number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == 'N');
    let of_lists = text.starts_with("{\"")
        && text.split_once(":[").is_some_and(|(key, rest)| number(rest) && key.matches('"').count() == 2);
    of_lists || text.starts_with("[{\"")
}

fn read(
    path: &Path,
    base: Recording,
    wanted: &Wanted,
    limits: &Limits,
    visit: &mut Visit<'_>,
) -> Result<ControlFlow<()>> {
    // A document takes ten times its size in memory.
    let bytes = files::read_whole(path, limits.document_bytes, "save it as JSON lines, which are read line by line")?;
    let place = path.display().to_string();
    let document: Value = parse(&bytes).map_err(|reason| damaged(place.clone(), reason))?;
    drop(bytes);
    let mut rows = Rows::new(&place, base, None, wanted, limits);
    let mut add = |number: usize, mut row: Map<String, Value>| {
        let here = || format!("{place}, row {number}");
        if !row.keys().any(|key| is_count(key)) {
            row.insert(EPOCH[0].to_owned(), number.into());
        }
        rows.add(&row, &here, visit)
    };
    match document {
        Value::Array(list) => {
            for (number, row) in list.into_iter().enumerate() {
                let Value::Object(row) = row else {
                    return Err(damaged(format!("{place}, row {number}"), "not an object".to_owned()));
                };
                if add(number, row)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Value::Object(members) => {
            let lists: Vec<(&String, &Vec<Value>)> =
                members.iter().filter_map(|(key, value)| Some((key, value.as_array()?))).collect();
            let rest = members.iter().filter(|(_, value)| !value.is_array());
            let settings: Map<String, Value> = rest.map(|(key, value)| (key.clone(), value.clone())).collect();
            let length = lists.iter().map(|(_, list)| list.len()).max().unwrap_or(0);
            for number in 0..length {
                let row = lists.iter().filter_map(|(key, list)| Some(((*key).clone(), list.get(number)?.clone())));
                let row: Map<String, Value> = row.chain(settings.clone()).collect();
                if add(number, row)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        _ => return Err(damaged(place, "neither an object nor a list".to_owned())),
    }
    rows.finish(visit)
}

fn is_count(key: &str) -> bool {
    let lower = key.to_lowercase();
    STEP.contains(&lower.as_str()) || EPOCH.contains(&lower.as_str())
}
