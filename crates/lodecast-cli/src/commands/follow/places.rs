//! Whether the places that are to be written may be: nothing else must be lost by it.

use std::path::{Path, PathBuf};

use anyhow::Result;
use lodecast_live::RatesFile;

use crate::failure::{failure, misuse};
use crate::whole_file::check_folder;

/// Before a model is fitted: can the rates be written, and nothing else be lost by it?
pub(super) fn check_out(out: &Path, source: &str) -> Result<()> {
    let shown = out.display();
    check_folder(out)?;
    if same_place(out, Path::new(source)) {
        return Err(misuse(
            format!("{shown} is the log that is to be followed: the rates would replace it"),
            "name another file with -o",
        ));
    }
    if std::fs::metadata(out).is_ok_and(|found| found.len() > 0) && RatesFile::read(out).is_err() {
        return Err(failure(
            format!("{shown} is there, and is no file of rates: it would be replaced"),
            "name another file with -o, or move it away",
        ));
    }
    Ok(())
}

/// Where decisions are logged must be nothing that the training writes.
pub(super) fn check_log_back(place: &str, source: &str, out: &Path) -> Result<()> {
    let path = Path::new(place);
    let source = Path::new(source);
    if absolute(path).starts_with(absolute(source)) || same_place(path, source) {
        return Err(misuse(
            format!("--log-back {place} is the log that is to be followed, or in it"),
            "name a file or a folder beside it",
        ));
    }
    if same_place(path, out) {
        return Err(misuse(format!("--log-back {place} is the file of rates"), "name another one"));
    }
    if path.is_file() && !is_json_lines(path) {
        return Err(misuse(
            format!("--log-back {place} is a file, and neither JSON lines nor a folder"),
            "name a file that ends in .jsonl, or a folder for TensorBoard's events",
        ));
    }
    Ok(())
}

pub(super) fn is_json_lines(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "jsonl")
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Is it the same file or folder, whether it is there or not?
fn same_place(one: &Path, other: &Path) -> bool {
    let found = |path: &Path| path.canonicalize().unwrap_or_else(|_| absolute(path));
    found(one) == found(other)
}
