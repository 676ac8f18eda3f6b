//! JSON files of a run under way: read within bounds, written whole or not at all.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};

/// What such a file has to be.
pub(crate) struct Layout<T> {
    /// Its name in an error.
    pub(crate) name: &'static str,
    /// Bytes that it may have.
    pub(crate) most_bytes: u64,
    /// Says what is wrong with it.
    pub(crate) check: fn(&T) -> std::result::Result<(), String>,
    /// What to do about a file that is not so.
    pub(crate) remedy: &'static str,
}

/// Reads the file at `path`.
pub(crate) fn read<T: DeserializeOwned>(path: &Path, layout: &Layout<T>) -> Result<T> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    let damaged = |reason: String| Error::Damaged { path: path.to_owned(), reason, remedy: layout.remedy };
    if fs::metadata(path).map_err(failed)?.len() > layout.most_bytes {
        return Err(damaged(format!("it is larger than {} bytes", layout.most_bytes)));
    }
    let text = fs::read_to_string(path).map_err(failed)?;
    let value = serde_json::from_str(&text).map_err(|error| damaged(format!("no {}: {error}", layout.name)))?;
    (layout.check)(&value).map_err(damaged)?;
    Ok(value)
}

/// Writes `value` to `path`.
pub(crate) fn write(path: &Path, value: &impl Serialize) -> Result<()> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    lodecast_sweep_file::replace(path, |file| {
        serde_json::to_writer(&mut *file, value)?;
        file.write_all(b"\n")
    })
    .map_err(failed)
}
