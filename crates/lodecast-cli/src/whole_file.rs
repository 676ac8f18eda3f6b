//! Files that are written whole or not at all.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result};

/// Writes a text file.
pub(crate) fn write_text(path: &Path, text: &str) -> Result<()> {
    write(path, |file| file.write_all(text.as_bytes()))
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
        assert!(write_text(&folder.path().join("none/table.csv"), "").is_err());
    }
}
