//! Weights & Biases: the files of offline runs, whole histories in Parquet, and what its pages export.

mod blocks;
mod chart;
mod history;
mod offline;
mod record;
mod runs_table;
mod steps;

use std::collections::{HashMap, HashSet};
use std::path::Path;

use crate::error::{Error, Result};
use crate::format::{Format, Outcome, Visit, Wanted};
use crate::limits::Limits;
use crate::since::Since;
use crate::source::Source;

/// Whatever W&B leaves of a run: its own file, its history in Parquet, or the charts that show it.
pub(crate) struct Wandb;

/// Why an export is left out where a project was asked for.
const NO_PROJECT: &str = "an export does not tell its project: leave --collection out";

impl Format for Wandb {
    fn name(&self) -> &'static str {
        "wandb"
    }

    fn describes(&self) -> &'static str {
        "Weights & Biases: .wandb files of offline runs, Parquet exports of histories, CSV exports of charts"
    }

    fn steps(&self) -> &'static str {
        "what `define_metric` names, else `global_step` or the like (`--step NAME`), else W&B's own"
    }

    fn collection(&self) -> Option<&'static str> {
        Some("project")
    }

    fn files(&self) -> &'static [&'static str] {
        &["run-a.wandb", "run-a-history-v0/0000.parquet", "chart.csv"]
    }

    fn recognises(&self, source: &Source) -> bool {
        source.files_ending("wandb").next().is_some()
            || chart::find(source).next().is_some()
            || history::any(source)
            || runs_table::find(source).next().is_some()
    }

    fn read(&self, source: &Source, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<()> {
        // Exports are written whole.
        let whole = &Limits { since: Since::default(), ..limits.clone() };
        // A run may be there as a file of its own and as an export of its history.
        let mut read = HashSet::new();
        let mut found = false;
        // A run that was taken up again has another file under the same id.
        let mut files: Vec<(Option<String>, Vec<&Path>)> = Vec::new();
        let mut places = HashMap::new();
        for path in source.files_ending("wandb") {
            let id = offline::id(path);
            if let Some(&at) = id.as_ref().and_then(|id| places.get(id)) {
                let known: &mut (Option<String>, Vec<&Path>) = &mut files[at];
                known.1.push(path);
            } else {
                places.extend(id.clone().map(|id| (id, files.len())));
                files.push((id, vec![path]));
            }
        }
        for (id, paths) in files {
            found = true;
            let id = id.unwrap_or_else(|| source.run_id(paths[0]));
            let outcome = offline::read(&paths, &id, wanted, limits);
            let outcome = outcome.unwrap_or_else(|error| Outcome::skipped(id, error.to_string()));
            if let Outcome::Recording(recording) = &outcome {
                read.insert(recording.id.clone());
            }
            if visit(outcome).is_break() {
                return Ok(());
            }
        }
        for history in history::histories(source) {
            found = true;
            let id = history.id.clone();
            let outcome = if read.contains(&id) {
                Outcome::skipped(id, "its .wandb file was read, and this is an export of the same history")
            } else if wanted.collection.is_some() {
                Outcome::skipped(id, NO_PROJECT)
            } else {
                history::read(source, &history, wanted, whole)
                    .unwrap_or_else(|error| Outcome::skipped(id, error.to_string()))
            };
            if visit(outcome).is_break() {
                return Ok(());
            }
        }
        if found {
            // Charts name their runs otherwise: which of those above they show cannot be known.
            for path in chart::find(source) {
                let reason = "a chart's export beside whole histories, of which it shows a part: import it by itself";
                if visit(Outcome::skipped(source.run_id(path), reason)).is_break() {
                    return Ok(());
                }
            }
        } else if chart::find(source).next().is_some() {
            found = true;
            if chart::read(source, wanted, whole, visit)?.is_break() {
                return Ok(());
            }
        }
        for path in runs_table::find(source) {
            if !found {
                return Err(runs_table::refused(path));
            }
            if visit(Outcome::skipped(source.run_id(path), runs_table::REASON)).is_break() {
                return Ok(());
            }
        }
        if found {
            return Ok(());
        }
        Err(Error::NoRuns {
            place: source.to_string(),
            format: self.name(),
            remedy: "the file of an offline run is called run-*.wandb, a history in Parquet has the columns _step and \
                     _timestamp, and a chart's CSV export has columns 'NAME - metric'"
                .to_owned(),
        })
    }
}
