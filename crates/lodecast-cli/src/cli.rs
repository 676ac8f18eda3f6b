//! The command line: what can be asked for. Help, completions and man pages all come from here.

use clap::{Parser, Subcommand};

use crate::commands::{
    completions, demo, evaluate, extend, fit, follow, forecast, import, import_model, lab, man, plan, report, runs,
    serve, suggest, tune, when,
};

/// A learning-rate scheduler that has seen training runs before
#[derive(Parser, Debug)]
#[command(name = "lodecast", version, propagate_version = true, max_term_width = 110)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 2 command line or a setting in it not understood, 130 interrupted (what was finished is saved)."
)]
pub(crate) struct Cli {
    /// Data as JSON
    #[arg(long, global = true, help_heading = "Output")]
    pub json: bool,
    /// No progress and no talk, only data, warnings and errors
    #[arg(long, short, global = true, help_heading = "Output")]
    pub quiet: bool,
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Subcommand, Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one of it a process")]
pub(crate) enum Command {
    /// The whole path on real training: sweep, fit, forecast, schedule, and a report to open
    Demo(demo::Arguments),
    /// Read the runs that trackers and frameworks recorded, as a sweep
    Import(import::Arguments),
    /// What is in a sweep: configurations, points, ranges, the best
    Runs(runs::Arguments),
    /// Fit a model to a sweep
    Fit(fit::Arguments),
    /// Forecast error of a model beside simple baselines
    Evaluate(evaluate::Arguments),
    /// How a run will go on
    Forecast(forecast::Arguments),
    /// Which schedule to follow from here on
    Plan(plan::Arguments),
    /// Which schedules to try in a next round of runs
    Suggest(suggest::Arguments),
    /// How a run could go on beyond its plan: decay now, decay later, warm up again
    Extend(extend::Arguments),
    /// Whether a run will reach a target, and at which length
    When(when::Arguments),
    /// Follow a run under way, and keep the rates of the rest of it in a file that the training reads
    Follow(follow::Arguments),
    /// Serve the learning rates of many runs over HTTP: points in, rates out, a page that shows them
    Serve(serve::Arguments),
    /// Which runs to make next, and which schedule to take in the end: ask, train, tell
    Tune(tune::Arguments),
    /// Train networks: sweeps, single runs, methods side by side
    #[cfg_attr(feature = "lab", command(subcommand))]
    Lab(lab::Arguments),
    /// Write the report of a directory that `demo` or `lab compare` filled
    Report(report::Arguments),
    /// Turn a model of the method's reference implementation (.eqx) into a model file
    ImportModel(import_model::Arguments),
    /// Print the completions of a shell
    Completions(completions::Arguments),
    /// Write the man pages into a directory
    Man(man::Arguments),
}

#[cfg(test)]
mod documented;

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
