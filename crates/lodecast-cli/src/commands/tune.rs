//! `lodecast tune`: which runs to make next, and which schedule to take in the end.

pub(crate) mod ask;
pub(crate) mod recommend;
pub(crate) mod show;
pub(crate) mod tell;

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::output::Output;

/// What to do with a study; `lodecast tune STUDY` asks.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    ask: ask::Arguments,
}

#[derive(Subcommand, Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one of it a process")]
enum Action {
    /// Which runs to make next (the same as 'lodecast tune STUDY')
    Ask(ask::Arguments),
    /// What came out of a trial: its final value, its run, or that it failed
    Tell(tell::Arguments),
    /// Which schedule to take, what could still be better, and which run would tell
    Recommend(recommend::Arguments),
    /// What was asked for and what became of it
    Show(show::Arguments),
}

impl Arguments {
    pub(crate) fn run(&self, output: &mut Output) -> Result<()> {
        match &self.action {
            None => self.ask.run(output),
            Some(Action::Ask(arguments)) => arguments.run(output),
            Some(Action::Tell(arguments)) => arguments.run(output),
            Some(Action::Recommend(arguments)) => arguments.run(output),
            Some(Action::Show(arguments)) => arguments.run(output),
        }
    }
}
