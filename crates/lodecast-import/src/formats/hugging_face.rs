//! The Hugging Face trainer's `trainer_state.json`: training, evaluation and summary rows in one list, repeated in every
//! checkpoint.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::Result;
use crate::files;
use crate::format::{Format, Outcome, Visit, Wanted};
use crate::json_rows::{cell, damaged, fill};
use crate::limits::Limits;
use crate::recording::Recording;
use crate::settings;
use crate::source::{Source, file_name};
use crate::table::Table;

/// Output folders of the Hugging Face trainer: a run each, with its checkpoints.
pub(crate) struct HuggingFace;

const STATE: &str = "trainer_state.json";

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
            // The state beside the checkpoints was saved after the last of them.
            let reached = checkpoint.unwrap_or(u64::MAX);
            let known = runs.entry(run.to_owned()).or_insert((reached, path));
            if reached > known.0 {
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

fn read(
    path: &Path,
    mut base: Recording,
    wanted: &Wanted,
    limits: &Limits,
    visit: &mut Visit<'_>,
) -> Result<ControlFlow<()>> {
    let place = path.display().to_string();
    let Value::Object(state) = settings::json(path, limits)? else {
        return Err(damaged(place, "not an object".to_owned()));
    };
    let Some(Value::Array(log)) = state.get("log_history") else {
        return Err(damaged(place, "no list 'log_history'".to_owned()));
    };
    for name in SETTINGS {
        if let Some(value) = state.get(name) {
            let name = if name == "trial_params" { "" } else { name };
            settings::put(name, value, &mut base.settings);
        }
    }
    // The trainer writes 2^63 - 1 for epochs without end.
    base.settings.retain(|_, value| value != "9223372036854775807");
    base.planned_steps = state.get("max_steps").and_then(Value::as_u64).filter(|&steps| steps > 0);
    if log.is_empty() {
        return Ok(visit(Outcome::skipped(base.id, "its log is empty: it was saved before anything was logged")));
    }
    let mut table = Table::new(base, wanted, limits);
    for (number, entry) in log.iter().enumerate() {
        let here = || format!("{place}, log_history[{number}]");
        let Value::Object(entry) = entry else { return Err(damaged(here(), "not an object".to_owned())) };
        // What the whole training came to, its mean loss among it.
        if entry.contains_key("train_runtime") {
            continue;
        }
        let name = wanted.step_column.as_deref().unwrap_or("step");
        let count =
            |value: &Value| cell(value).count().map_err(|_| damaged(here(), format!("{name} = {value} is not a step")));
        let step = entry.get(name).map(count).transpose()?.flatten();
        let ControlFlow::Continue(mut row) = table.row(None, visit)? else {
            return Ok(ControlFlow::Break(()));
        };
        for (name, value) in entry.iter().filter(|(name, _)| *name != "step") {
            fill(&mut row, name, value, step)?;
        }
        if step.is_none() {
            row.without_step();
        }
    }
    Ok(table.finish(visit))
}
