//! Writes a file so that its path always holds either the old contents or the new, whole.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use lodecast::MissingFolder;
use tempfile::{Builder, NamedTempFile};

/// Writes what `fill` gives to a temporary file beside `path`, makes it durable, and renames it to `path`. On an error
/// `path` is as it was, and the temporary file is gone.
///
/// # Errors
/// What `fill` says, or why the file cannot be written.
pub fn replace(path: &Path, fill: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>) -> io::Result<()> {
    let replacement = Replacement::begin(path)?;
    let mut writer = BufWriter::with_capacity(1 << 16, replacement.file());
    fill(&mut writer)?;
    writer.flush()?;
    drop(writer);
    replacement.commit()
}

/// A file that will take the place of another, or, if it is dropped before, leave no trace.
pub(crate) struct Replacement {
    target: PathBuf,
    temporary: NamedTempFile,
}

impl Replacement {
    /// Opens a temporary file beside `path`.
    pub(crate) fn begin(path: &Path) -> io::Result<Self> {
        // A link stays a link to the file that is replaced.
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        MissingFolder::check(&target)?;
        let mut builder = Builder::new();
        builder.prefix(".lodecast-").suffix(".tmp");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // A temporary file is private by default; what is written here is meant to be shared as the umask says.
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        let temporary = builder.tempfile_in(folder_of(&target))?;
        Ok(Self { target, temporary })
    }

    /// The temporary file.
    pub(crate) fn file(&self) -> &File {
        self.temporary.as_file()
    }

    /// Another file for as long as this one is in the making, without a name.
    pub(crate) fn scratch(&self) -> io::Result<File> {
        tempfile::tempfile_in(folder_of(&self.target))
    }

    /// Makes the file durable and puts it in its place.
    pub(crate) fn commit(self) -> io::Result<()> {
        self.temporary.as_file().sync_all()?;
        self.temporary.persist(&self.target).map_err(|error| error.error)?;
        // The rename itself is durable once the folder is; not every file system can do that, and the contents are safe anyway.
        if let Ok(folder) = File::open(folder_of(&self.target)) {
            let _ = folder.sync_all();
        }
        Ok(())
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
