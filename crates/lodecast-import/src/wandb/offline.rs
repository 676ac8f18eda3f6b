//! `.wandb` files, one run each, as wandb writes them with `mode="offline"` and beside every online run.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use lodecast_sweep_file::quote_bare_tokens;

use super::blocks::{NoHeader, Records};
use super::record::{self, Item, Logged, Record, Run};
use super::steps::{Row, Rows};
use crate::error::{Error, Result};
use crate::flatten::flatten;
use crate::format::{Outcome, Wanted};
use crate::framing::{Losses, Next};
use crate::limits::Limits;
use crate::recorder::Recorder;
use crate::source::file_name;
use crate::wire::Malformed;

/// Reads the run in the file at `path`.
pub(super) fn read(path: &Path, id: &str, wanted: &Wanted, limits: &Limits) -> Result<Outcome> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let mut reading = Reading {
        recorder: Recorder::new(id, path.display().to_string(), wanted, limits),
        rows: Rows::new(wanted),
        project: None,
    };
    let losses = reading.read_file(file, path)?;
    for note in losses.notes(file_name(path)) {
        reading.recorder.note(note);
    }
    if let (Some(asked), found) = (&wanted.collection, &reading.project)
        && found.as_ref() != Some(asked)
    {
        let reason = format!("it belongs to the project '{}'", found.as_deref().unwrap_or_default());
        return Ok(Outcome::skipped(reading.recorder.id(), reason));
    }
    let Reading { mut recorder, rows, .. } = reading;
    rows.resolve(&mut recorder);
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
    fn read_file(&mut self, source: impl Read, path: &Path) -> Result<Losses> {
        let failed = |source| Error::File { path: path.to_owned(), source };
        let mut records = Records::new(source).map_err(failed)?.map_err(|NoHeader| Error::Damaged {
            place: path.display().to_string(),
            reason: "it does not begin like a .wandb file".to_owned(),
            remedy: "it is none, or its run was stopped before anything was written",
        })?;
        let mut losses = Losses::default();
        let mut index = 0;
        loop {
            let message = match records.next().map_err(failed)? {
                Next::Record(message) => message,
                Next::End => return Ok(losses),
                lost => {
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
        let (mut time, mut optimizer) = (f64::NAN, None);
        for item in record::items(history, 1) {
            let Item { key, value } = item?;
            let Some(value) = value.number() else { continue };
            match &*key {
                "_step" => step = Some(value as i64),
                "_timestamp" => time = value,
                name if self.rows.is_step(name) && value >= 0.0 => optimizer = Some(value as u64),
                _ => {}
            }
        }
        // Older versions did not number their rows where nothing was left out.
        let step = step.unwrap_or_else(|| self.rows.last().map_or(0, |last| last.cast_signed().saturating_add(1)));
        let Ok(logged) = u64::try_from(step) else { return Err(Failure::Malformed) };
        let row = self.rows.push(Row { logged, optimizer });
        for item in record::items(history, 1) {
            let Item { key, value } = item?;
            if key.starts_with('_') {
                continue;
            }
            if let Some(value) = value.number()
                && let Some(place) = self.recorder.place(&key)?
            {
                self.recorder.push(place, row, value, time)?;
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
