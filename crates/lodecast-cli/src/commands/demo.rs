//! `lodecast demo`: the whole path on real training.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use lodecast_lab::OptimizerKind;

use crate::options::jobs::Jobs;
use crate::output::Output;
use crate::studies::demonstration::Demonstration;

/// How large a demonstration.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Directory for the results and the report, made if it is not there; the same command goes on where it stopped
    #[arg(short, long, value_name = "DIR", default_value = "demo")]
    out: PathBuf,
    /// How many fresh seeds the methods are compared on
    #[arg(long, default_value_t = 10, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(2..=1000))]
    seeds: u64,
    /// Optimizer: sgd (momentum 0.9), adam or adamw
    #[arg(long, default_value = "sgd")]
    optimizer: OptimizerKind,
    /// A small sweep, short fits and short runs, to see that everything works; its numbers say little
    #[arg(long)]
    quick: bool,
    #[command(flatten)]
    jobs: Jobs,
}

impl Arguments {
    pub(crate) fn run(self, output: &mut Output) -> Result<()> {
        let Self { out, seeds, optimizer, quick, jobs } = self;
        Demonstration { out, seeds, optimizer, quick, jobs }.run(output)
    }
}
