//! The file of a study: read, and replaced whole or not at all; many processes take turns.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::error::TuneError;
use super::state::TunerState;
use crate::Error;

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

/// Writes the state to a temporary file beside `path`, waits until it is on disk, and puts it in place.
pub(super) fn write(path: &Path, state: &TunerState) -> Result<(), TuneError> {
    let failed = |source: io::Error| TuneError::Engine(Error::File { path: path.to_owned(), source });
    let text = serde_json::to_string(state).map_err(|error| failed(error.into()))?;
    let folder = folder_of(path);
    let mut temporary = tempfile::Builder::new();
    // Temporary files are private; a study is as readable as any other file.
    #[cfg(unix)]
    temporary.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = temporary.tempfile_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.write_all(b"\n")).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    // The new name is on disk once its folder is. Where a folder cannot be synced, the rename is still whole.
    #[cfg(unix)]
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}

/// Waits until no other process works on the study; it is free again when the lock is dropped, or its process ends.
pub(super) fn lock(path: &Path) -> Result<File, TuneError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".lock");
    let lock: PathBuf = folder_of(path).join(name);
    let failed = |source| TuneError::Engine(Error::File { path: lock.clone(), source });
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&lock).map_err(failed)?;
    file.lock().map_err(failed)?;
    Ok(file)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
