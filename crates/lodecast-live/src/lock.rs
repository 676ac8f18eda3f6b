//! Making sure that nobody else writes the same files.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use crate::error::{Error, Result};

/// Locks the file at `path` for as long as what is returned is held; `None` if another process has it.
pub(crate) fn lock(path: &Path) -> Result<Option<File>> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(failed)?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Ok(None),
        // Not every file system knows locks; there nobody is kept out.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(Some(file)),
    }
}
