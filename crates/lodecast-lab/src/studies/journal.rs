//! The journal of a sweep or comparison: one finished run a line, so that it goes on after the process was killed.
//!
//! The first line holds the configuration, each further line a run's record. A line is written whole and synced to
//! disk before the next; what a kill can leave is one torn last line, which is cut off when the journal is opened.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::run::record::RunRecord;

const FORMAT: &str = "lodecast-lab journal 1";

#[derive(Serialize, Deserialize)]
struct Header {
    format: String,
    configuration: Value,
}

/// An open journal. It is locked against other processes until it is dropped.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    /// Where its last whole line ends.
    end: u64,
}

impl Journal {
    /// Opens or starts the journal of `configuration`; returns the records in it.
    pub(crate) fn open(path: &Path, configuration: &Value) -> Result<(Self, Vec<RunRecord>)> {
        let failed = |source| Error::File { path: path.to_owned(), source };
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => Error::JournalInUse { path: path.to_owned() },
            TryLockError::Error(source) => failed(source),
        })?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        let mut journal = Self { path: path.to_owned(), file, end: 0 };

        if whole == 0 {
            let header = Header { format: FORMAT.to_owned(), configuration: configuration.clone() };
            let header = serde_json::to_string(&header)?;
            // A kill can tear the header too; anything else without a line end is somebody's file.
            if !header.as_bytes().starts_with(&bytes) {
                return Err(journal.damaged(1, &"it does not start with a journal's header"));
            }
            journal.cut(0).map_err(failed)?;
            journal.write_line(&header)?;
            return Ok((journal, Vec::new()));
        }
        let records = journal.read(&bytes[..whole], configuration)?;
        journal.cut(whole as u64).map_err(failed)?;
        Ok((journal, records))
    }

    /// Appends a record and waits until it is on disk.
    pub(crate) fn append(&mut self, record: &RunRecord) -> Result<()> {
        let line = serde_json::to_string(record)?;
        self.write_line(&line)
    }

    fn read(&self, bytes: &[u8], configuration: &Value) -> Result<Vec<RunRecord>> {
        let text = std::str::from_utf8(bytes).map_err(|error| self.damaged(1, &error))?;
        let mut lines = text.lines();
        let header: Header =
            serde_json::from_str(lines.next().unwrap_or_default()).map_err(|error| self.damaged(1, &error))?;
        if header.format != FORMAT {
            return Err(self.damaged(1, &format!("its format is '{}', not '{FORMAT}'", header.format)));
        }
        if let Some(difference) = difference("configuration", &header.configuration, configuration) {
            return Err(Error::JournalConfiguration { path: self.path.clone(), difference });
        }
        lines
            .enumerate()
            .map(|(index, line)| serde_json::from_str(line).map_err(|error| self.damaged(index + 2, &error)))
            .collect()
    }

    /// Removes everything from `length` on.
    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        self.end = self.file.seek(SeekFrom::Start(length))?;
        Ok(())
    }

    /// Writes a line, or leaves the journal as it was: what a full disk took of one would run into the next.
    fn write_line(&mut self, line: &str) -> Result<()> {
        let line = format!("{line}\n");
        let written = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data());
        match written {
            Ok(()) => self.end += line.len() as u64,
            Err(source) => {
                // Where this fails too, the next opening cuts a torn last line off.
                let _ = self.cut(self.end);
                return Err(Error::File { path: self.path.clone(), source });
            }
        }
        Ok(())
    }

    fn damaged(&self, line: usize, reason: &dyn ToString) -> Error {
        Error::Journal { path: self.path.clone(), line, reason: reason.to_string() }
    }
}

/// The first place at which two configurations differ, with both values.
fn difference(place: &str, before: &Value, now: &Value) -> Option<String> {
    match (before, now) {
        (Value::Object(before), Value::Object(now)) => {
            before.keys().chain(now.keys().filter(|key| !before.contains_key(*key))).find_map(|key| {
                difference(key, before.get(key).unwrap_or(&Value::Null), now.get(key).unwrap_or(&Value::Null))
            })
        }
        _ if before == now => None,
        _ => Some(format!("{place} was {before} and is {now}")),
    }
}
