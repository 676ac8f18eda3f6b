//! One module a command.

pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod evaluate;
pub(crate) mod fit;
pub(crate) mod forecast;
pub(crate) mod import;
pub(crate) mod import_model;
pub(crate) mod lab_gather;
pub(crate) mod lab_run;
pub(crate) mod lab_sharpness;
pub(crate) mod lab_sweep;
pub(crate) mod man;
pub(crate) mod plan;
pub(crate) mod report;
pub(crate) mod runs;
pub(crate) mod suggest;

use anyhow::Result;

use crate::cli::{Command, Lab};
use crate::output::Output;

/// Runs a command.
pub(crate) fn run(command: Command, output: &mut Output) -> Result<()> {
    match command {
        Command::Demo(arguments) => arguments.run(output),
        Command::Runs(arguments) => arguments.run(output),
        Command::Fit(arguments) => arguments.run(output),
        Command::Evaluate(arguments) => arguments.run(output),
        Command::Forecast(arguments) => arguments.run(output),
        Command::Plan(arguments) => arguments.run(output),
        Command::Suggest(arguments) => arguments.run(output),
        Command::Lab(Lab::Sweep(arguments)) => arguments.run(output),
        Command::Lab(Lab::Run(arguments)) => arguments.run(output),
        Command::Lab(Lab::Gather(arguments)) => arguments.run(output),
        Command::Lab(Lab::Sharpness(arguments)) => arguments.run(output),
        Command::Lab(Lab::Compare(arguments)) => arguments.run(output),
        Command::Report(arguments) => arguments.run(output),
        Command::Import(arguments) => arguments.run(output),
        Command::ImportModel(arguments) => arguments.run(output),
        Command::Completions(arguments) => arguments.run(output),
        Command::Man(arguments) => arguments.run(output),
    }
}
