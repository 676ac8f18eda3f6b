//! Files that are written whole or not at all.

use std::io::Write as _;
use std::path::Path;

use crate::error::{Error, Result};

/// Writes `bytes` to a temporary file beside `path`, waits until they are on disk, and puts it in place.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let file_error = |source: std::io::Error| Error::File { path: path.to_owned(), source };
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
