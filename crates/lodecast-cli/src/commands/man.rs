//! `lodecast man`: the man pages, one a command.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Command};

use crate::output::Output;

/// Where to.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Directory, made if it is not there
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

impl Arguments {
    /// Writes those of `command`.
    pub(crate) fn run(&self, command: Command, output: &mut Output) -> Result<()> {
        let cannot = || format!("cannot write man pages into {}", self.directory.display());
        std::fs::create_dir_all(&self.directory).with_context(cannot)?;
        clap_mangen::generate_to(command, &self.directory).with_context(cannot)?;
        output.say(format_args!("man pages in {}", self.directory.display()));
        Ok(())
    }
}
