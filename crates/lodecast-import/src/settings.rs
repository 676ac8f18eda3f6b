//! Files of settings beside a run's metrics: JSON and YAML, flattened.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;

use saphyr_parser::{Event, Parser};
use serde_json::Value;

use crate::error::Result;
use crate::files;
use crate::flatten::flatten;
use crate::json_rows::{damaged, parse};
use crate::limits::Limits;
use crate::recording::Recording;
use crate::source::Source;

fn document(path: &Path, limits: &Limits) -> Result<Vec<u8>> {
    files::read_whole(path, limits.document_bytes, "no such file is so large: check what it is")
}

/// Reads the JSON document at `path`.
pub(crate) fn json(path: &Path, limits: &Limits) -> Result<Value> {
    parse(&document(path, limits)?).map_err(|reason| damaged(path.display().to_string(), reason))
}

/// Adds the settings in the JSON or YAML file at `path`, if there is one, to `settings`. A damaged one becomes a note: the run
/// can do without.
pub(crate) fn add(path: &Path, limits: &Limits, settings: &mut BTreeMap<String, String>, notes: &mut Vec<String>) {
    if !path.is_file() {
        return;
    }
    let is_json = crate::source::has_ending(path, "json");
    let read = if is_json {
        json(path, limits).map(|value| put("", &value, settings))
    } else {
        document(path, limits).and_then(|bytes| {
            yaml(&bytes, limits, settings).map_err(|reason| damaged(path.display().to_string(), reason))
        })
    };
    if let Err(error) = read {
        notes.push(format!("settings left out: {error}"));
    }
    while settings.len() > limits.settings {
        settings.pop_last();
    }
    settings.retain(|name, value| name.len().max(value.len()) <= limits.text_bytes);
}

/// The recording, still empty, of the run whose folder holds the file `log`, with the settings in the files `names` beside it.
pub(crate) fn of_folder(source: &Source, log: &Path, names: &[&str], limits: &Limits) -> Recording {
    let folder = log.parent().unwrap_or(Path::new("."));
    let mut recording = Recording::new(source.run_id(folder), log.display().to_string());
    for name in names {
        add(&folder.join(name), limits, &mut recording.settings, &mut recording.notes);
    }
    recording
}

/// Puts the members of `value` into `settings`, their keys joined by `.` behind `key`. Lists stay JSON.
pub(crate) fn put(key: &str, value: &Value, settings: &mut BTreeMap<String, String>) {
    let Ok(()) = flatten::<Infallible>(key, value, &mut |key, value| {
        settings.insert(key.to_owned(), value);
        Ok(())
    });
}

/// Where a reader is within a YAML document.
enum Level {
    /// In a mapping, whose next key is known or not.
    Mapping(Option<String>),
    Sequence,
}

/// Puts the scalars in the mappings of a YAML document into `settings`. Only its events are looked at: no tag is
/// obeyed, and no alias is expanded.
fn yaml(bytes: &[u8], limits: &Limits, settings: &mut BTreeMap<String, String>) -> Result<(), String> {
    let text = std::str::from_utf8(bytes).map_err(|error| format!("byte {} is not UTF-8", error.valid_up_to() + 1))?;
    let mut levels: Vec<Level> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| error.to_string())?;
        match event {
            Event::MappingStart(..) | Event::SequenceStart(..) => {
                if levels.len() == limits.nesting {
                    return Err(format!("nested more than {} times", limits.nesting));
                }
                let mapping = matches!(event, Event::MappingStart(..));
                levels.push(if mapping { Level::Mapping(None) } else { Level::Sequence });
            }
            Event::MappingEnd | Event::SequenceEnd => {
                levels.pop();
                if let Some(Level::Mapping(key)) = levels.last_mut() {
                    *key = None;
                }
            }
            Event::Scalar(value, ..) => {
                let listed = levels.iter().any(|level| matches!(level, Level::Sequence));
                let path = levels.iter().filter_map(|level| match level {
                    Level::Mapping(key) => key.as_deref(),
                    Level::Sequence => None,
                });
                let path = path.collect::<Vec<_>>().join(".");
                let Some(Level::Mapping(key)) = levels.last_mut() else { continue };
                if key.is_none() {
                    *key = Some(value.into_owned());
                    continue;
                }
                *key = None;
                if !listed && !matches!(value.as_ref(), "null" | "~" | "") {
                    settings.insert(path, value.into_owned());
                }
                if settings.len() > limits.settings {
                    return Err(format!("more than {} settings", limits.settings));
                }
            }
            Event::Alias(_) => {
                if let Some(Level::Mapping(key)) = levels.last_mut() {
                    // As a key an alias names nothing that could be shown.
                    *key = if key.is_none() { Some("*".to_owned()) } else { None };
                }
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_is_flattened_and_never_obeyed() {
        let text = "optimizer:\n  name: adam\n  lr: 0.003\nlayers: [1, 2]\nbase: &b {a: 1}\ncopy: *b\nnothing: null\n\
                    model: !!python/object:os.system\n  width: 64\nlist:\n- a: 1\nseed: 3\n";
        let mut settings = BTreeMap::new();
        yaml(text.as_bytes(), &Limits::default(), &mut settings).unwrap();
        let expected = [
            ("base.a", "1"),
            ("model.width", "64"),
            ("optimizer.lr", "0.003"),
            ("optimizer.name", "adam"),
            ("seed", "3"),
        ];
        let found: Vec<_> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn deep_yaml_is_refused() {
        let deep = "[".repeat(100_000);
        assert!(yaml(deep.as_bytes(), &Limits::default(), &mut BTreeMap::new()).is_err());
    }
}
