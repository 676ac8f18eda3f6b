//! Files of settings beside a run's metrics: JSON and YAML, flattened.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

use crate::decode::files;
use crate::decode::flatten::flatten;
use crate::decode::json::{damaged, parse};
use crate::decode::json_parts;
use crate::decode::json_value::Bounded;
use crate::error::Result;
use crate::limits::Limits;
use crate::recording::Recording;
use crate::source::Source;

fn document(path: &Path, limits: &Limits) -> Result<Vec<u8>> {
    files::read_whole(path, limits.settings_bytes, "no such file is so large: check what it is")
}

/// Adds the settings in the JSON or YAML file at `path`, if the source has one there, to `settings`. A damaged one becomes a
/// note: the run can do without.
pub(crate) fn add(
    source: &Source,
    path: &Path,
    limits: &Limits,
    settings: &mut BTreeMap<String, String>,
    notes: &mut Vec<String>,
) {
    // Not what the file system has there: that may be a link to something that is none of ours.
    if !source.has(path) {
        return;
    }
    let read = document(path, limits).and_then(|bytes| {
        let is_json = crate::source::has_ending(path, "json");
        let value = if is_json { parse(&bytes).map(|Bounded(value)| value) } else { yaml(&bytes, limits) };
        value.map_err(|reason| damaged(path.display().to_string(), reason))
    });
    match read {
        Ok(value) => put("", &unwrapped(value), settings),
        Err(error) => notes.push(format!("settings left out: {error}")),
    }
    if settings.len() > limits.settings {
        notes.push(format!("it has more than {} settings: the others are left out", limits.settings));
        while settings.len() > limits.settings {
            settings.pop_last();
        }
    }
    let (before, longest) = (settings.len(), limits.text_bytes);
    settings.retain(|name, value| name.len().max(value.len()) <= longest);
    if settings.len() < before {
        notes.push(format!("{} settings longer than {longest} bytes left out", before - settings.len()));
    }
}

/// Settings as W&B writes them into its `config.yaml`, each in an object with what it describes, without these.
fn unwrapped(value: Value) -> Value {
    let is_wrapped = |value: &Value| {
        let members = value.as_object().filter(|members| members.len() == 2);
        members.is_some_and(|members| members.contains_key("value") && members.contains_key("desc"))
    };
    match value {
        Value::Object(members) if members.values().any(is_wrapped) => {
            let kept = members.into_iter().filter(|(name, _)| name != "_wandb" && name != "wandb_version");
            let unwrap = |value: Value| match value {
                Value::Object(mut wrapped) if wrapped.contains_key("value") => {
                    wrapped.remove("value").unwrap_or_default()
                }
                other => other,
            };
            Value::Object(kept.map(|(name, value)| (name, unwrap(value))).collect())
        }
        other => other,
    }
}

/// Hydra's file of settings: it lies some folders above the log, for Hydra makes the folder that a script writes to.
fn of_hydra(source: &Source, folder: &Path) -> Option<PathBuf> {
    const ABOVE: usize = 5;
    folder.ancestors().take(ABOVE).map(|folder| folder.join(".hydra/config.yaml")).find(|path| source.has(path))
}

/// The recording, still empty, of the run whose folder holds the file `log`, with the settings in the files `names` beside it.
pub(crate) fn of_folder(source: &Source, log: &Path, names: &[&str], limits: &Limits) -> Recording {
    let folder = log.parent().unwrap_or(Path::new("."));
    let mut recording = Recording::new(source.run_id(folder), log.display().to_string());
    for path in of_hydra(source, folder).into_iter().chain(names.iter().map(|name| folder.join(name))) {
        add(source, &path, limits, &mut recording.settings, &mut recording.notes);
    }
    recording
}

/// Where scripts put the settings of a run beside its log, whatever the log is.
const BESIDE: [&str; 11] = [
    "config.yaml",
    "config.yml",
    "config.json",
    "hparams.yaml",
    "hparams.json",
    "params.yaml",
    "params.json",
    "args.yaml",
    "args.json",
    "settings.yaml",
    "settings.json",
];

/// The recording, still empty, of the run in the file `log`, with the settings beside it: of a usual name, or of the log's own
/// with another ending, which go before the others.
pub(crate) fn beside(source: &Source, log: &Path, limits: &Limits) -> Recording {
    let mut recording = within(source, log.parent().unwrap_or(Path::new(".")), limits);
    (recording.id, recording.source) = (source.run_id(log), log.display().to_string());
    for path in ["json", "yaml", "yml"].map(|ending| log.with_extension(ending)) {
        // What looks like a log is one.
        if path != log && source.has(&path) && !json_parts::begins_with_a_list(&path) {
            add(source, &path, limits, &mut recording.settings, &mut recording.notes);
        }
    }
    recording
}

/// The recording, still empty, of the run in the folder `folder`, with the settings in files of usual names.
pub(crate) fn within(source: &Source, folder: &Path, limits: &Limits) -> Recording {
    let mut recording = Recording::new(source.run_id(folder), folder.display().to_string());
    for path in of_hydra(source, folder).into_iter().chain(BESIDE.map(|name| folder.join(name))) {
        add(source, &path, limits, &mut recording.settings, &mut recording.notes);
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

/// A mapping or list in the making.
enum Level {
    /// With the key whose value comes next, if it is known.
    Mapping(Map<String, Value>, Option<String>),
    Sequence(Vec<Value>),
}

/// The first document in YAML. Only its events are looked at: no tag is obeyed, and no alias is expanded.
fn yaml(bytes: &[u8], limits: &Limits) -> Result<Value, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| format!("byte {} is not UTF-8", error.valid_up_to() + 1))?;
    let mut levels: Vec<Level> = Vec::new();
    let mut values = 0;
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| error.to_string())?;
        let value = match event {
            Event::MappingStart(..) | Event::SequenceStart(..) => {
                if levels.len() == limits.nesting {
                    return Err(format!("nested more than {} times", limits.nesting));
                }
                let mapping = matches!(event, Event::MappingStart(..));
                levels.push(if mapping { Level::Mapping(Map::new(), None) } else { Level::Sequence(Vec::new()) });
                continue;
            }
            Event::MappingEnd | Event::SequenceEnd => match levels.pop() {
                Some(Level::Mapping(members, _)) => Value::Object(members),
                Some(Level::Sequence(items)) => Value::Array(items),
                None => continue,
            },
            Event::Scalar(text, style, ..) => {
                let listed = levels.iter().any(|level| matches!(level, Level::Sequence(_)));
                scalar(&text, style == ScalarStyle::Plain, listed)
            }
            // It may stand for more than there is memory.
            Event::Alias(_) => Value::Null,
            _ => continue,
        };
        values += 1;
        if values > 16 * limits.settings {
            return Err(format!("more than {} values", 16 * limits.settings));
        }
        match levels.last_mut() {
            None => return Ok(value),
            Some(Level::Sequence(items)) => items.push(value),
            Some(Level::Mapping(members, key)) => match (key.take(), value) {
                (Some(key), value) => {
                    members.insert(key, value);
                }
                (None, Value::String(name)) => *key = Some(name),
                // As a key an alias, a list or a mapping names nothing that could be shown.
                (None, Value::Null) => *key = Some("*".to_owned()),
                (None, other) => *key = Some(other.to_string()),
            },
        }
    }
    Ok(Value::Null)
}

/// A scalar: as it is spelt, but in a list as JSON spells it, so that the same list is the same text in either.
fn scalar(text: &str, plain: bool, listed: bool) -> Value {
    if plain && matches!(text, "null" | "~" | "" | "Null" | "NULL") {
        return Value::Null;
    }
    let number = || serde_json::from_str(text).ok().filter(|value: &Value| value.is_number() || value.is_boolean());
    let number = (plain && listed).then(number).flatten();
    number.unwrap_or_else(|| Value::String(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_is_flattened_and_never_obeyed() {
        let text = "optimizer:\n  name: adam\n  lr: 0.003\nlayers: [1, 2]\nbase: &b {a: 1}\ncopy: *b\nnothing: null\n\
                    model: !!python/object:os.system\n  width: 64\nlist:\n- a: 1\nseed: 3\n";
        let mut settings = BTreeMap::new();
        put("", &yaml(text.as_bytes(), &Limits::default()).unwrap(), &mut settings);
        let expected = [
            ("base.a", "1"),
            ("layers", "[1,2]"),
            ("list", r#"[{"a":1}]"#),
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
        assert!(yaml(deep.as_bytes(), &Limits::default()).is_err());
    }
}
