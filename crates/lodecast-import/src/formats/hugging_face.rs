//! The Hugging Face trainer's `trainer_state.json`: training, evaluation and summary rows in one list, repeated in every
//! checkpoint.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::decode::files;
use crate::decode::json::{damaged, parse};
use crate::decode::json_parts::{Document, each_element};
use crate::decode::json_rows::Rows;
use crate::decode::settings;
use crate::error::Result;
use crate::format::{Format, Outcome, Visit, Wanted};
use crate::limits::Limits;
use crate::recording::Recording;
use crate::source::{Source, file_name};

/// Output folders of the Hugging Face trainer: a run each, with its checkpoints.
pub(crate) struct HuggingFace;

const STATE: &str = "trainer_state.json";
/// The member of the state that holds the rows.
const LOG: &str = "log_history";

/// Members of the state that say something about the training.
const SETTINGS: [&str; 7] = [
    "max_steps",
    "num_train_epochs",
    "train_batch_size",
    "logging_steps",
    "eval_steps",
    "trial_params",
    "num_input_tokens_seen",
];

impl Format for HuggingFace {
    fn name(&self) -> &'static str {
        "huggingface"
    }

    fn describes(&self) -> &'static str {
        "Hugging Face trainer output: folders with trainer_state.json, checkpoints included"
    }

    fn steps(&self) -> &'static str {
        "`step`; planned: `max_steps`"
    }

    fn files(&self) -> &'static [&'static str] {
        &["run/trainer_state.json"]
    }

    fn recognises(&self, source: &Source) -> bool {
        source.files().iter().any(|path| is_state(path))
    }

    fn read(&self, source: &Source, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<()> {
        // A checkpoint repeats the log of those before it: of a run's states the one that got farthest is read.
        let mut runs: BTreeMap<PathBuf, (u64, &Path)> = BTreeMap::new();
        let named = matches!(source, Source::File(_));
        for path in source.files().iter().map(PathBuf::as_path).filter(|path| named || is_state(path)) {
            let folder = path.parent().unwrap_or(Path::new("."));
            let checkpoint = checkpoint(folder);
            let run = if checkpoint.is_some() { folder.parent().unwrap_or(folder) } else { folder };
            // A state beside the checkpoints may be older than they are.
            let reached = checkpoint.or_else(|| global_step(path, limits)).unwrap_or(0);
            let known = runs.entry(run.to_owned()).or_insert((reached, path));
            if reached > known.0 || (reached == known.0 && checkpoint.is_none()) {
                *known = (reached, path);
            }
        }
        let states: BTreeMap<&Path, &Path> = runs.iter().map(|(run, &(_, path))| (path, run.as_path())).collect();
        files::each(source, self.name(), STATE, states.keys().copied(), visit, &mut |path, visit| {
            let run = states.get(path).copied().unwrap_or(path);
            read(path, Recording::new(source.run_id(run), path.display().to_string()), wanted, limits, visit)
        })
    }
}

fn is_state(path: &Path) -> bool {
    file_name(path) == STATE
}

/// The step in the name of a checkpoint's folder.
fn checkpoint(folder: &Path) -> Option<u64> {
    file_name(folder).strip_prefix("checkpoint-")?.parse().ok()
}

/// The step that a state was saved at.
fn global_step(path: &Path, limits: &Limits) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct State {
        global_step: u64,
    }
    let bytes = files::read_whole(path, limits.document_bytes, "").ok()?;
    parse::<State>(&bytes).ok().map(|state| state.global_step)
}

fn read(
    path: &Path,
    mut base: Recording,
    wanted: &Wanted,
    limits: &Limits,
    visit: &mut Visit<'_>,
) -> Result<ControlFlow<()>> {
    let place = path.display().to_string();
    let bytes = files::read_whole(path, limits.document_bytes, "no such file is so large: check what it is")?;
    // What is said of the whole training stands behind the log.
    let mut entries = 0;
    let state = each_element(&bytes, &mut |key, _, _| {
        entries += usize::from(key == Some(LOG));
        Ok(ControlFlow::Continue(()))
    })?;
    let Document::Object(state) = state.map_err(|reason| damaged(place.clone(), reason))? else {
        return Err(damaged(place, "not an object".to_owned()));
    };
    if !state.get(LOG).is_some_and(Value::is_array) {
        return Err(damaged(place, format!("no list '{LOG}'")));
    }
    for name in SETTINGS {
        if let Some(value) = state.get(name) {
            let name = if name == "trial_params" { "" } else { name };
            settings::put(name, value, &mut base.settings);
        }
    }
    // The trainer writes 2^63 - 1 for epochs without end.
    base.settings.retain(|_, value| value != "9223372036854775807");
    base.planned_steps = state.get("max_steps").and_then(Value::as_u64).filter(|&steps| steps > 0);
    if entries == 0 {
        return Ok(visit(Outcome::skipped(base.id, "its log is empty: it was saved before anything was logged")));
    }
    let mut rows = Rows::new(&place, base, None, wanted, limits);
    let read = each_element(&bytes, &mut |key, number, entry| {
        if key != Some(LOG) {
            return Ok(ControlFlow::Continue(()));
        }
        let here = || format!("{place}, {LOG}[{number}]");
        let Value::Object(entry) = entry else { return Err(damaged(here(), "not an object".to_owned())) };
        // What the whole training came to, its mean loss among it.
        if entry.contains_key("train_runtime") {
            return Ok(ControlFlow::Continue(()));
        }
        rows.add(&entry, &here, visit)
    })?;
    if read == Ok(Document::Left) {
        return Ok(ControlFlow::Break(()));
    }
    rows.finish(visit)
}
