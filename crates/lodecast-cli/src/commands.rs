//! One module a command: its arguments, what it calls, and how it shows what came out. No command uses another.

pub(crate) mod completions;
#[cfg(feature = "lab")]
pub(crate) mod demo;
pub(crate) mod evaluate;
pub(crate) mod extend;
pub(crate) mod fit;
#[cfg(feature = "live")]
pub(crate) mod follow;
pub(crate) mod forecast;
#[cfg(feature = "import")]
pub(crate) mod import;
pub(crate) mod import_model;
#[cfg(feature = "lab")]
pub(crate) mod lab;
#[cfg(not(all(feature = "import", feature = "lab", feature = "serve")))]
pub(crate) mod left_out;
pub(crate) mod man;
pub(crate) mod plan;
#[cfg(feature = "lab")]
pub(crate) mod report;
pub(crate) mod runs;
#[cfg(feature = "serve")]
pub(crate) mod serve;
pub(crate) mod suggest;
pub(crate) mod tune;
pub(crate) mod when;

#[cfg(not(feature = "live"))]
pub(crate) use left_out as follow;
#[cfg(not(feature = "import"))]
pub(crate) use left_out as import;
#[cfg(not(feature = "serve"))]
pub(crate) use left_out as serve;
#[cfg(not(feature = "lab"))]
pub(crate) use {left_out as demo, left_out as lab, left_out as report};

use anyhow::Result;
use clap::CommandFactory;

use crate::cli::{Cli, Command};
use crate::output::Output;

/// Runs a command.
pub(crate) fn run(command: Command, output: &mut Output) -> Result<()> {
    match command {
        #[cfg(feature = "lab")]
        Command::Demo(arguments) => arguments.run(output),
        Command::Runs(arguments) => arguments.run(output),
        Command::Fit(arguments) => arguments.run(output),
        Command::Evaluate(arguments) => arguments.run(output),
        Command::Forecast(arguments) => arguments.run(output),
        Command::Plan(arguments) => arguments.run(output),
        Command::Suggest(arguments) => arguments.run(output),
        Command::Extend(arguments) => arguments.run(output),
        Command::When(arguments) => arguments.run(output),
        Command::Tune(arguments) => arguments.run(output),
        #[cfg(feature = "lab")]
        Command::Lab(arguments) => arguments.run(output),
        #[cfg(feature = "lab")]
        Command::Report(arguments) => arguments.run(output),
        #[cfg(not(feature = "lab"))]
        Command::Demo(arguments) | Command::Lab(arguments) | Command::Report(arguments) => {
            arguments.refuse("its lab, which trains networks", "lab")
        }
        #[cfg(feature = "import")]
        Command::Import(arguments) => arguments.run(output),
        #[cfg(not(feature = "import"))]
        Command::Import(arguments) => arguments.refuse("the readers of trackers and frameworks", "import"),
        #[cfg(feature = "live")]
        Command::Follow(arguments) => arguments.run(output),
        #[cfg(not(feature = "live"))]
        Command::Follow(arguments) => arguments.refuse("the following of runs under way", "live"),
        #[cfg(feature = "serve")]
        Command::Serve(arguments) => arguments.run(output),
        #[cfg(not(feature = "serve"))]
        Command::Serve(arguments) => arguments.refuse("the server of runs under way", "serve"),
        Command::ImportModel(arguments) => arguments.run(output),
        Command::Completions(arguments) => arguments.run(Cli::command(), output),
        Command::Man(arguments) => arguments.run(Cli::command(), output),
    }
}
