//! `lodecast completions`: the completions of a shell.

use anyhow::Result;
use clap::{Args, Command};
use clap_complete::Shell;

use crate::output::Output;

/// Which shell.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The shell
    shell: Shell,
}

impl Arguments {
    /// Prints those of `command`.
    pub(crate) fn run(&self, mut command: Command, output: &mut Output) -> Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "lodecast", &mut script);
        output.bytes(&script)
    }
}
