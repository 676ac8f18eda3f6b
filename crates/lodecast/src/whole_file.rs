//! Files that are written whole or not at all.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Why a file cannot be written: there is no folder to write it in.
///
/// It is the cause within the [`io::Error`] of [`Error::File`], so that all that write files say the same.
#[derive(Debug, thiserror::Error)]
#[error("there is no folder {}; make it, or name another file", folder.display())]
#[non_exhaustive]
pub struct MissingFolder {
    /// The folder that the file would be in.
    pub folder: PathBuf,
}

impl MissingFolder {
    /// Refuses a file whose folder is not there: before the work whose result it is to hold, and before a temporary file
    /// beside it, whose name would tell nobody what is missing.
    ///
    /// # Errors
    /// Of kind [`io::ErrorKind::NotFound`], with this type in it.
    pub fn check(path: &Path) -> io::Result<()> {
        let folder = folder_of(path);
        if folder.is_dir() {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::NotFound, Self { folder: folder.to_owned() }))
    }
}

/// Writes `bytes` to a temporary file beside `path`, waits until they are on disk, and puts it in place.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let file_error = |source: io::Error| Error::File { path: path.to_owned(), source };
    MissingFolder::check(path).map_err(file_error)?;
    let folder = folder_of(path);
    let mut temporary = tempfile::Builder::new();
    // Temporary files are private; what is written is as readable as any other file.
    #[cfg(unix)]
    temporary.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = temporary.tempfile_in(folder).map_err(file_error)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(file_error)?;
    file.persist(path).map_err(|error| file_error(error.error))?;
    // The new name is on disk once its folder is. Where a folder cannot be synced, the rename is still whole.
    #[cfg(unix)]
    let _ = std::fs::File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}

/// The folder that a file is in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_folder_is_named_and_not_a_temporary_file() {
        let place = tempfile::tempdir().expect("a folder");
        let path = place.path().join("none/model.lode");
        let refused = write(&path, b"").expect_err("there is no folder");
        let folder = place.path().join("none");
        let expected =
            format!("{}: there is no folder {}; make it, or name another file", path.display(), folder.display());
        assert_eq!(refused.to_string(), expected);
        let Error::File { source, .. } = refused else { panic!("{refused:?}") };
        assert_eq!(source.kind(), io::ErrorKind::NotFound);
        assert!(matches!(source.get_ref(), Some(cause) if cause.is::<MissingFolder>()));
        assert!(MissingFolder::check(Path::new("model.lode")).is_ok(), "the folder that one is in is always there");
    }
}
