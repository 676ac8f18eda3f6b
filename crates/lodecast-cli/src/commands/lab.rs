//! `lodecast lab`: train networks.

pub(crate) mod compare;
pub(crate) mod contest;
pub(crate) mod gather;
pub(crate) mod methods;
pub(crate) mod run;
pub(crate) mod sharpness;
pub(crate) mod sweep;
pub(crate) mod tasks;
pub(crate) mod tune;

use anyhow::Result;
use clap::Subcommand;

use crate::output::Output;

/// The lab's commands.
#[derive(Subcommand, Debug)]
pub(crate) enum Arguments {
    /// What can be trained
    Tasks(tasks::Arguments),
    /// Who can take part in a comparison beside lodecast
    Methods(methods::Arguments),
    /// Train every schedule family at every peak rate, or a list of schedules, under every seed
    Sweep(sweep::Arguments),
    /// Train one run
    Run(run::Arguments),
    /// Make a sweep of runs that were trained one by one, on whatever machines
    Gather(gather::Arguments),
    /// Train one run, and measure the largest eigenvalues of the loss's Hessian at its end
    Sharpness(sharpness::Arguments),
    /// Train fresh seeds with the sweep's best configuration and with lodecast, side by side
    Compare(compare::Arguments),
    /// Tune a task's schedule within a budget of training steps
    Tune(tune::Arguments),
    /// Whole tuning pipelines side by side: searches and picks, at several budgets
    Contest(contest::Arguments),
}

impl Arguments {
    pub(crate) fn run(self, output: &mut Output) -> Result<()> {
        match self {
            Self::Tasks(arguments) => arguments.run(output),
            Self::Methods(arguments) => arguments.run(output),
            Self::Sweep(arguments) => arguments.run(output),
            Self::Run(arguments) => arguments.run(output),
            Self::Gather(arguments) => arguments.run(output),
            Self::Sharpness(arguments) => arguments.run(output),
            Self::Compare(arguments) => arguments.run(output),
            Self::Tune(arguments) => arguments.run(output),
            Self::Contest(arguments) => arguments.run(output),
        }
    }
}
