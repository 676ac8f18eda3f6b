//! The `lodecast` command: data to standard output, talk and progress to standard error, an exit code that means something.

mod cli;
mod commands;
mod contenders;
mod failure;
mod figures;
mod interrupt;
mod lab_setup;
mod machine;
mod model_input;
mod output;
mod planner_options;
mod progress;
mod report;
mod run_input;
mod schedule_option;
mod study;
mod study_report;
mod sweep_input;
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
