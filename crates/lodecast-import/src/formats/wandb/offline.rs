//! `.wandb` files, one run each, as wandb writes them with `mode="offline"` and beside every online run.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use lodecast_sweep_file::quote_bare_tokens;

use super::blocks::{NoHeader, Records};
use super::record::{self, Item, Logged, Record, Run};
use super::steps::{Row, Rows};
use crate::decode::flatten::flatten;
use crate::decode::framing::{Losses, Next};
use crate::decode::json_numbers::each_number;
use crate::decode::json_value::Bounded;
use crate::decode::wire::Malformed;
use crate::error::{Error, Result};
use crate::format::{Outcome, Wanted};
use crate::limits::Limits;
use crate::recording::recorder::Recorder;
use crate::source::file_name;

/// The id of the run in the file at `path`, if it says one in its first records.
pub(super) fn id(path: &Path) -> Option<String> {
    const RECORDS: usize = 64;
    let mut records = Records::new(File::open(path).ok()?).ok()?.ok()?;
    for _ in 0..RECORDS {
        match records.next().ok()? {
            Next::Record(message) => {
                if let Ok(Record::Run(run)) = Record::read(message) {
                    return Run::read(run).ok().map(|run| run.id.to_owned()).filter(|id| !id.is_empty());
                }
            }
            Next::Damaged(_) | Next::Passed(_) => {}
            _ => return None,
        }
    }
    None
}

/// Reads the run in the files at `paths`: one each time that it was taken up.
pub(super) fn read(paths: &[&Path], id: &str, wanted: &Wanted, limits: &Limits) -> Result<Outcome> {
    let place = paths.first().map_or_else(String::new, |path| path.display().to_string());
    let mut reading =
        Reading { recorder: Recorder::new(id, place, wanted, limits), rows: Rows::new(wanted), project: None };
    for path in paths {
        reading.recorder.begin_session(None);
        let losses = reading.read_since(path, limits)?;
        for note in losses.notes(file_name(path), limits.since.is_asked()) {
            reading.recorder.note(note);
        }
    }
    if paths.len() > 1 {
        reading.recorder.note(format!("it was taken up again under its id: {} files are one run", paths.len()));
    }
    if let (Some(asked), found) = (&wanted.collection, &reading.project)
        && found.as_ref() != Some(asked)
    {
        let reason = format!("it belongs to the project '{}'", found.as_deref().unwrap_or_default());
        return Ok(Outcome::skipped(reading.recorder.id(), reason));
    }
    let Reading { mut recorder, rows, .. } = reading;
    let step = rows.resolve(&mut recorder);
    for path in paths {
        limits.since.set_step(path, step);
    }
    Ok(recorder.finish("it has no history of metrics"))
}

/// A run in the making.
struct Reading<'a> {
    recorder: Recorder<'a>,
    rows: Rows<'a>,
    project: Option<String>,
}

/// What a record can fail with.
enum Failure {
    Malformed,
    Import(Error),
}

impl From<Malformed> for Failure {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Import(error)
    }
}

impl Reading<'_> {
    /// Reads what has come since the reading stopped that `limits` tell of; all of the file without such.
    fn read_since(&mut self, path: &Path, limits: &Limits) -> Result<Losses> {
        let failed = |source| Error::File { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(failed)?;
        let known = limits.since.of_file(path, &mut file).map_err(failed)?;
        file.seek(SeekFrom::Start(Records::<File>::block_of(known.offset))).map_err(failed)?;
        let mut records = if known.offset == 0 {
            Records::new(file).map_err(failed)?.map_err(|NoHeader| Error::Damaged {
                place: path.display().to_string(),
                reason: "it does not begin like a .wandb file".to_owned(),
                remedy: "it is none, or its run was stopped before anything was written",
            })?
        } else {
            self.rows.go_on_from(known.step.unwrap_or(0));
            self.read_definitions(path)?;
            Records::from(file, known.offset).map_err(failed)?
        };
        let (losses, end) = self.read_file(&mut records, path)?;
        limits.since.read_file_to(path, end, None, known.step).map_err(failed)?;
        Ok(losses)
    }

    /// Reads again what the first records say of metrics.
    fn read_definitions(&mut self, path: &Path) -> Result<()> {
        const RECORDS: usize = 512;
        let failed = |source| Error::File { path: path.to_owned(), source };
        let Ok(mut records) = Records::new(File::open(path).map_err(failed)?).map_err(failed)? else { return Ok(()) };
        for _ in 0..RECORDS {
            let Next::Record(message) = records.next().map_err(failed)? else { break };
            if let Ok(Record::Metric(metric)) = Record::read(message)
                && let Ok((definition, _)) = record::definition(metric)
            {
                self.rows.define(&definition);
            }
        }
        Ok(())
    }

    /// Reads records, and tells what was lost of them and where those begin that are still being written.
    fn read_file(&mut self, records: &mut Records<impl Read>, path: &Path) -> Result<(Losses, u64)> {
        let failed = |source| Error::File { path: path.to_owned(), source };
        let mut cut_off = None;
        let mut losses = Losses::default();
        let mut index = 0;
        loop {
            let message = match records.next().map_err(failed)? {
                Next::Record(message) => message,
                Next::End => return Ok((losses, cut_off.unwrap_or(records.offset()))),
                lost => {
                    if let Next::CutOff(offset) = lost {
                        cut_off = Some(offset);
                    }
                    losses.add(&lost);
                    continue;
                }
            };
            match self.read_record(message) {
                Ok(()) => {}
                Err(Failure::Malformed) => losses.add_malformed(index),
                Err(Failure::Import(error)) => return Err(error),
            }
            index += 1;
        }
    }

    fn read_record(&mut self, message: &[u8]) -> Result<(), Failure> {
        match Record::read(message)? {
            Record::History(history) => self.read_row(history),
            Record::Config(config) => self.read_config(config),
            Record::Metric(metric) => {
                let (definition, direction) = record::definition(metric)?;
                self.rows.define(&definition);
                if let Some(direction) = direction.filter(|_| !definition.name.is_empty()) {
                    self.recorder.recording().directions.insert(definition.name.to_owned(), direction);
                }
                Ok(())
            }
            Record::Run(run) => {
                let run = Run::read(run)?;
                if !run.id.is_empty() {
                    self.recorder.rename(run.id);
                }
                self.project = run.project.map(str::to_owned);
                for (key, value) in [("run_name", run.name), ("run_group", run.group), ("project", run.project)] {
                    if let Some(value) = value.filter(|value| !value.is_empty()) {
                        self.recorder.set(key, value.to_owned())?;
                    }
                }
                self.read_config(run.config)
            }
            Record::Other => Ok(()),
        }
    }

    fn read_row(&mut self, history: &[u8]) -> Result<(), Failure> {
        let mut step = record::step(history)?;
        let mut optimizer: Option<(u32, u64)> = None;
        for item in record::items(history, 1) {
            let Item { key, value } = item?;
            let Some(value) = value.number() else { continue };
            match &*key {
                "_step" => step = Some(value as i64),
                name if value >= 0.0 => {
                    let rank = self.rows.rank(name);
                    if let Some(rank) = rank.filter(|&rank| optimizer.is_none_or(|(known, _)| rank < known)) {
                        optimizer = Some((rank, value as u64));
                    }
                }
                _ => {}
            }
        }
        // Older versions did not number their rows where nothing was left out.
        let step = step.unwrap_or_else(|| self.rows.last().map_or(0, |last| last.cast_signed().saturating_add(1)));
        let Ok(logged) = u64::try_from(step) else { return Err(Failure::Malformed) };
        self.recorder.next_moment();
        let row = self.rows.push(Row { logged, optimizer, own: None });
        for item in record::items(history, 1) {
            let Item { key, value } = item?;
            if key.starts_with('_') {
                continue;
            }
            let named = match (value.number(), value) {
                (Some(value), _) => vec![(key, value)],
                (None, Logged::Json(text)) if text.trim_start().starts_with('[') => numbers_of_list(&key, text),
                _ => continue,
            };
            for (key, value) in named {
                let Some(place) = self.recorder.place(&key)? else { continue };
                let own = self.rows.own_step(&key).map(|step| record::number(history, step)).transpose()?.flatten();
                let row = match own.filter(|&own| own >= 0.0) {
                    Some(own) => self.rows.push(Row { logged, optimizer, own: Some(own as u64) }),
                    None => row,
                };
                self.recorder.push(place, row, value)?;
            }
        }
        Ok(())
    }

    fn read_config(&mut self, config: &[u8]) -> Result<(), Failure> {
        for item in record::items(config, 1) {
            let Item { key, value } = item?;
            if key == "_wandb" || key.starts_with("_wandb.") {
                continue;
            }
            match value {
                Logged::Number(number) => self.recorder.set(&key, number.to_string())?,
                Logged::Truth(truth) => self.recorder.set(&key, truth.to_string())?,
                Logged::Text(text) => self.recorder.set(&key, text.to_owned())?,
                Logged::Json(text) => {
                    let value = serde_json::from_str(&quote_bare_tokens(text).0).map_err(|_| Failure::Malformed)?;
                    flatten(&key, &value, &mut |key, value| self.recorder.set(key, value))?;
                }
                Logged::None => {}
            }
        }
        for item in record::items(config, 2) {
            self.recorder.unset(&item?.key);
        }
        Ok(())
    }
}
/// The numbers of a list that was logged as `key`, each with its name.
fn numbers_of_list<'a>(key: &str, text: &str) -> Vec<(Cow<'a, str>, f64)> {
    let mut named = Vec::new();
    if let Ok(Bounded(list)) = serde_json::from_str(&quote_bare_tokens(text).0) {
        let Ok(()) = each_number(key, &list, &mut |name, value| {
            named.push((Cow::Owned(name.to_owned()), value));
            Ok::<(), Infallible>(())
        });
    }
    named
}
