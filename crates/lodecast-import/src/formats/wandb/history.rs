//! W&B's exports of whole histories to Parquet: a row a step, `_step`, `_runtime`, `_timestamp` and the metrics.
//!
//! ```text
//! artifacts/run-ID-history:v0/0000.parquet         artifacts of type wandb-history; several files or versions are one run
//! ENTITY_PROJECT_ID_0.runhistory.parquet, ..._1     what run.download_history_exports(FOLDER) writes
//! ANY/0000.parquet, ANY/0001.parquet               the files of an artifact, downloaded to a folder of one's own
//! NAME.parquet                                     a data frame of run.history() or run.scan_history()
//! ```

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use lodecast_sweep_file::ParquetTable;

use super::steps::{Row, Rows};
use crate::decode::layout::Layout;
use crate::decode::settings;
use crate::decode::text_number::{Meaning, meaning_of};
use crate::error::{Error, Result};
use crate::format::{Outcome, Wanted};
use crate::limits::Limits;
use crate::recording::recorder::Recorder;
use crate::source::{Source, file_name};

const STEP: &str = "_step";
const TIME: &str = "_timestamp";
const RUNTIME: &str = "_runtime";

/// The histories in the source.
fn files(source: &Source) -> impl Iterator<Item = &Path> {
    source.files_ending("parquet").filter(|path| is_history(path))
}

/// Is there a history in the source?
pub(super) fn any(source: &Source) -> bool {
    files(source).next().is_some()
}

/// A table of several runs has a column that names them, and is left to the reader of any table.
fn is_history(path: &Path) -> bool {
    let Ok(table) = ParquetTable::open(path) else { return false };
    let names: Vec<&str> = table.names().iter().map(String::as_str).collect();
    names.contains(&STEP)
        && (names.contains(&TIME) || names.contains(&RUNTIME))
        && Layout::of(&names, &Wanted::default()).run.is_none()
}

/// A run and the files of its history.
pub(super) struct History<'a> {
    pub(super) id: String,
    files: Vec<&'a Path>,
}

/// The histories in the source, put together by run, in the order of their paths.
pub(super) fn histories(source: &Source) -> Vec<History<'_>> {
    let mut runs: BTreeMap<(PathBuf, String), Vec<&Path>> = BTreeMap::new();
    for path in files(source) {
        runs.entry(run_of(source, path)).or_default().push(path);
    }
    runs.into_iter().map(|((_, id), files)| History { id, files }).collect()
}

/// The run whose history the file at `path` is a part of, and the folder within which its id is its own.
fn run_of(source: &Source, path: &Path) -> (PathBuf, String) {
    let folder = path.parent().unwrap_or(Path::new(""));
    let whole = source.run_id(folder);
    if let Some(id) = artifact(whole.rsplit('/').next().unwrap_or_default()) {
        return (folder.parent().unwrap_or(folder).to_owned(), id.to_owned());
    }
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let name = file_name(path);
    if let Some((run, part)) = name.strip_suffix(".runhistory.parquet").and_then(|name| name.rsplit_once('_'))
        && number(part)
    {
        return (folder.to_owned(), run.to_owned());
    }
    if name.split_once('.').is_some_and(|(stem, _)| number(stem)) {
        return (folder.to_owned(), whole);
    }
    (folder.to_owned(), source.run_id(path))
}

/// The run's id in the name of an artifact's folder: `run-ID-history:v0`, where `:` cannot be in a name `run-ID-history-v0`.
fn artifact(folder: &str) -> Option<&str> {
    let (id, version) = folder.strip_prefix("run-")?.rsplit_once("-history")?;
    let number = version.strip_prefix([':', '-']).and_then(|version| version.strip_prefix('v'));
    let sound = version.is_empty() || number.is_some_and(|number| number.parse::<u32>().is_ok());
    (sound && !id.is_empty()).then_some(id)
}

/// Reads a run.
pub(super) fn read(source: &Source, history: &History<'_>, wanted: &Wanted, limits: &Limits) -> Result<Outcome> {
    let first = history.files.first().copied().unwrap_or(Path::new(""));
    let place = first.parent().filter(|_| history.files.len() > 1).unwrap_or(first);
    let mut reading = Reading {
        recorder: Recorder::new(&history.id, place.display().to_string(), wanted, limits),
        rows: Rows::new(wanted),
        without_step: 0,
    };
    reading.read_settings(source, first, limits)?;
    for path in &history.files {
        reading.read_file(path)?;
    }
    let Reading { mut recorder, mut rows, without_step } = reading;
    // The parts follow each other, or they are versions of the same rows, or they have other columns of them.
    rows.sort(&mut recorder);
    let _reached = rows.resolve(&mut recorder);
    if without_step > 0 {
        recorder.note(format!("{without_step} rows without a step were left out"));
    }
    Ok(recorder.finish("it has no history of metrics"))
}

/// A run in the making.
struct Reading<'a> {
    recorder: Recorder<'a>,
    rows: Rows<'a>,
    without_step: u64,
}

impl Reading<'_> {
    /// Reads what W&B keeps as `config.yaml` among a run's files, or a script has written as `config.json`, from beside `path`.
    fn read_settings(&mut self, source: &Source, path: &Path, limits: &Limits) -> Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        for name in ["config.yaml", "config.json"] {
            let (mut settings, mut notes) = (BTreeMap::new(), Vec::new());
            settings::add(source, &folder.join(name), limits, &mut settings, &mut notes);
            for note in notes {
                self.recorder.note(note);
            }
            let wrapped =
                settings.contains_key("wandb_version") || settings.keys().any(|key| key.starts_with("_wandb."));
            for (mut key, value) in settings {
                if key.starts_with("_wandb") || key == "wandb_version" {
                    continue;
                }
                // W&B's own file has each value beside its description.
                if wrapped {
                    key = match (key.strip_suffix(".desc"), key.strip_suffix(".value")) {
                        (Some(_), _) => continue,
                        (None, Some(name)) => name.to_owned(),
                        (None, None) => key.replacen(".value.", ".", 1),
                    };
                }
                self.recorder.set(&key, value)?;
            }
        }
        Ok(())
    }

    fn read_file(&mut self, path: &Path) -> Result<()> {
        let table = ParquetTable::open(path)?;
        let names: Vec<String> = table.names().to_vec();
        let chosen: Vec<usize> =
            (0..names.len()).filter(|&column| table.is_number(column) || table.is_text(column)).collect();
        let at = |name: &str| chosen.iter().position(|&column| names[column] == name);
        let Some(step_at) = at(STEP) else {
            return Err(Error::Damaged {
                place: path.display().to_string(),
                reason: format!("its column '{STEP}' holds no numbers"),
                remedy: "download the history again",
            });
        };
        let mut counted = Vec::new();
        for at in 0..chosen.len() {
            counted.extend(self.rows.rank(&names[chosen[at]]).map(|rank| (rank, at)));
        }
        counted.sort_unstable();
        let mut places = Vec::new();
        for (at, &column) in chosen.iter().enumerate().filter(|&(_, &column)| !names[column].starts_with('_')) {
            if let Some(place) = self.recorder.place(&names[column])? {
                places.push((at, place));
            }
        }
        let mut failure = None;
        table.read(&chosen, |number, cells| {
            let mut take = || -> Result<()> {
                let logged = match cells[step_at].count() {
                    Ok(Some(logged)) => logged,
                    Ok(None) => {
                        self.without_step += 1;
                        return Ok(());
                    }
                    Err(_) => {
                        return Err(Error::Damaged {
                            place: format!("{}, row {number}", path.display()),
                            reason: format!("{} is not a step", cells[step_at].describe()),
                            remedy: "download the history again",
                        });
                    }
                };
                let mut counts = counted.iter();
                let optimizer = counts.find_map(|&(rank, at)| Some((rank, cells[at].count().ok().flatten()?)));
                self.recorder.next_moment();
                let row = self.rows.push(Row { logged, optimizer, own: None });
                for &(at, place) in &places {
                    if let Meaning::Number(value) = meaning_of(&cells[at]) {
                        self.recorder.push(place, row, value)?;
                    }
                }
                Ok(())
            };
            match take() {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failure = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        failure.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folders_of_artifacts_name_their_run() {
        for folder in ["run-1a2b3c4d-history:v0", "run-1a2b3c4d-history-v12", "run-1a2b3c4d-history"] {
            assert_eq!(artifact(folder), Some("1a2b3c4d"), "{folder}");
        }
        assert_eq!(artifact("run-a-history-b-history:v3"), Some("a-history-b"));
        for folder in ["run--history:v0", "run-a-history:latest", "run-a", "a-history:v0", "run-a-history_v0"] {
            assert_eq!(artifact(folder), None, "{folder}");
        }
    }
}
