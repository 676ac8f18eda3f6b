//! The option that lets a command replace a file that is there.

use std::path::Path;

use anyhow::Result;
use clap::Args;

use crate::failure::failure;
use crate::whole_file::check_folder;

/// May a file that is there be replaced?
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Overwriting {
    /// Replace the file that is written if it is there already
    #[arg(long)]
    force: bool,
}

impl Overwriting {
    /// Before any work: refuses a file that is there, which may have taken hours to make, and one whose folder is not.
    pub(crate) fn check(self, path: &Path) -> Result<()> {
        check_folder(path)?;
        // A terminal or a pipe is there to be written to.
        if self.force || !path.is_file() {
            return Ok(());
        }
        Err(failure(
            format!("{} is there already", path.display()),
            "name another file with -o, or replace it with --force",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_are_kept_from_being_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("model.lode");
        let [careful, forced] = [false, true].map(|force| Overwriting { force });
        assert!(careful.check(&file).is_ok(), "nothing is there");
        std::fs::write(&file, "").unwrap();
        assert!(careful.check(&file).is_err_and(|error| error.to_string().contains("model.lode is there already")));
        assert!(forced.check(&file).is_ok());
        let nowhere = folder.path().join("none/model.lode");
        assert!(forced.check(&nowhere).is_err_and(|error| error.to_string().contains("there is no folder")));
        #[cfg(unix)]
        assert!(careful.check(Path::new("/dev/null")).is_ok());
    }
}
