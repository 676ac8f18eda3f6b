//! The `lodecast` command: data to standard output, talk and progress to standard error, an exit code that means something.

mod cli;
mod commands;
mod failure;
mod figures;
mod fitting;
mod interrupt;
mod model_input;
mod options;
mod output;
mod progress;
mod rate_table;
#[cfg_attr(not(feature = "lab"), allow(dead_code, unused_imports, reason = "the lab's reports take all of it"))]
mod report;
#[cfg(feature = "lab")]
mod studies;
mod tuning;
mod whole_file;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let arguments = cli::Cli::parse();
    let mut output = output::Output::new(arguments.json, arguments.quiet);
    match commands::run(arguments.command, &mut output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}
