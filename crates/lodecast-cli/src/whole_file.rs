//! Files that are written whole or not at all.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result};
use lodecast::MissingFolder;

use crate::failure::failure;

/// Writes a text file.
pub(crate) fn write_text(path: &Path, text: &str) -> Result<()> {
    write(path, |file| file.write_all(text.as_bytes()))
}

/// How a page begins.
const PAGE: &str = "<!doctype html";

/// Writes a page. A file that is there and is none is not replaced: it is the model, or a run, more likely than not.
pub(crate) fn write_page(path: &Path, page: &str) -> Result<()> {
    check_page(path)?;
    write_text(path, page)
}

/// Before any work: refuses what [`write_page`] would not replace.
pub(crate) fn check_page(path: &Path) -> Result<()> {
    refuse_another(path, PAGE, "page")
}

/// Before any work: refuses a file whose folder is not there.
pub(crate) fn check_folder(path: &Path) -> Result<()> {
    MissingFolder::check(path).map_err(|source| lodecast::Error::File { path: path.to_owned(), source }.into())
}

/// Refuses to replace a file that begins otherwise than what is to be written, and a file whose folder is not there.
pub(crate) fn refuse_another(path: &Path, begin: &str, what: &str) -> Result<()> {
    check_folder(path)?;
    if !path.is_file() {
        return Ok(());
    }
    let mut start = vec![0; begin.len()];
    let read =
        File::open(path).and_then(|file| io::Read::read(&mut io::Read::take(file, begin.len() as u64), &mut start));
    if read.is_ok_and(|count| count == 0 || start[..count].eq_ignore_ascii_case(begin.as_bytes())) {
        return Ok(());
    }
    Err(failure(format!("{} is there already, and is no {what}", path.display()), "name another file, or move it away"))
}

/// Writes what `fill` gives to a temporary file and renames it to `path`. After an error `path` is as it was.
pub(crate) fn write(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let written = if path.exists() && !path.is_file() {
        // A terminal or a pipe cannot be replaced, only written to.
        File::create(path).and_then(|mut file| fill(&mut file))
    } else {
        lodecast_sweep_file::replace(path, |file| fill(file))
    };
    written.with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_replaces_pages_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.html");
        for page in ["<!doctype html>1", "<!DOCTYPE HTML>2"] {
            write_page(&path, page).unwrap();
        }
        for other in ["step,train_loss\n1,2\n", "<", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"] {
            std::fs::write(&path, other).unwrap();
            let refused = write_page(&path, "<!doctype html>").expect_err("it is another");
            assert!(refused.to_string().contains("plan.html is there already, and is no page"), "{refused}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), other);
        }
        std::fs::write(&path, "").unwrap();
        write_page(&path, "<!doctype html>").expect("an empty file holds nothing");
    }

    #[test]
    fn a_failure_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv");
        write_text(&path, "old").unwrap();
        let failed = write(&path, |file| {
            file.write_all(b"half")?;
            Err(io::Error::other("the disk is full"))
        });
        assert!(format!("{:#}", failed.unwrap_err()).contains("table.csv: the disk is full"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        let nowhere = write_text(&folder.path().join("none/table.csv"), "").expect_err("there is no folder");
        assert!(format!("{nowhere:#}").contains("none/table.csv: there is no folder"), "{nowhere:#}");
    }
}
