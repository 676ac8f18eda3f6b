//! Formats whose runs are files: each file is read by itself, and one that cannot be read does not end the import.

use std::fs::File;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;

use crate::decode::parts::{Files, Part};
use crate::decode::unpacked::unpacked;
use crate::error::{Error, Result};
use crate::format::{Outcome, Visit};
use crate::source::{Source, in_counting_order};

/// Reads one file with the runs in it.
pub(crate) type ReadFile<'a> = dyn FnMut(&Path, &mut Visit<'_>) -> Result<ControlFlow<()>> + 'a;

/// Reads the files of one run, or one file with the runs in it.
pub(crate) type ReadFiles<'a> = dyn FnMut(&Files<'_>, &mut Visit<'_>) -> Result<ControlFlow<()>> + 'a;

/// Hands each of `files` to `read`. A file that fails is left out with its reason, unless it is the whole source.
pub(crate) fn each<'p>(
    source: &Source,
    format: &'static str,
    looks_for: &str,
    files: impl Iterator<Item = &'p Path>,
    visit: &mut Visit<'_>,
    read: &mut ReadFile<'_>,
) -> Result<()> {
    let files: Vec<Files<'p>> = in_counting_order(files).into_iter().map(|path| Files::of(Part::whole(path))).collect();
    each_run(source, format, looks_for, &files, visit, &mut |files, visit| read(files.first(), visit))
}

/// The same of files that may hold parts of runs.
pub(crate) fn each_run(
    source: &Source,
    format: &'static str,
    looks_for: &str,
    files: &[Files<'_>],
    visit: &mut Visit<'_>,
    read: &mut ReadFiles<'_>,
) -> Result<()> {
    for files in files {
        match read(files, visit) {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break(())) => return Ok(()),
            Err(error) if matches!(source, Source::File(_)) => return Err(error),
            Err(error) => {
                if visit(Outcome::skipped(source.run_id(files.first()), error.to_string())).is_break() {
                    return Ok(());
                }
            }
        }
    }
    if !files.is_empty() {
        return Ok(());
    }
    Err(Error::NoRuns { place: source.to_string(), format, remedy: format!("it looks for {looks_for}") })
}

/// Reads a file whole; one of more than `limit` bytes is refused with the `remedy`.
pub(crate) fn read_whole(path: &Path, limit: u64, remedy: &'static str) -> Result<Vec<u8>> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    let file = File::open(path).and_then(unpacked).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit {
        let place = path.display().to_string();
        return Err(Error::TooLarge { place, what: "its size".to_owned(), limit, remedy });
    }
    Ok(bytes)
}
