//! The file of a study: read, and replaced whole or not at all; many processes take turns.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::error::TuneError;
use super::state::TunerState;
use crate::Error;
use crate::whole_file::{self, MissingFolder, folder_of};

/// The state in the file; `None` if there is no file.
pub(super) fn read(path: &Path) -> Result<Option<TunerState>, TuneError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::File { path: path.to_owned(), source }.into()),
    };
    let damaged = |reason: String| TuneError::State { path: path.to_owned(), reason };
    let state: TunerState = serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
    state.check().map_err(|error| damaged(error.to_string()))?;
    Ok(Some(state))
}

/// Replaces the file by the state.
pub(super) fn write(path: &Path, state: &TunerState) -> Result<(), TuneError> {
    let text =
        serde_json::to_string(state).map_err(|error| Error::File { path: path.to_owned(), source: error.into() })?;
    Ok(whole_file::write(path, (text + "\n").as_bytes())?)
}

/// Waits until no other process works on the study; it is free again when the lock is dropped, or its process ends.
pub(super) fn lock(path: &Path) -> Result<File, TuneError> {
    MissingFolder::check(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".lock");
    let lock: PathBuf = folder_of(path).join(name);
    let failed = |source| TuneError::Engine(Error::File { path: lock.clone(), source });
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&lock).map_err(failed)?;
    file.lock().map_err(failed)?;
    Ok(file)
}
