//! `lodecast lab methods`: who can take part in a comparison beside lodecast.

use anyhow::Result;
use clap::Args;
use lodecast_lab::{OptimizerKind, Rival};
use serde_json::json;

use crate::output::Output;
use crate::report::Table;

/// Nothing to say.
#[derive(Args, Debug)]
pub(crate) struct Arguments {}

impl Arguments {
    #[expect(clippy::unused_self, reason = "every command is run this way")]
    pub(crate) fn run(self, output: &mut Output) -> Result<()> {
        let suits = |rival: Rival| -> Vec<&str> {
            OptimizerKind::ALL
                .into_iter()
                .filter(|optimizer| rival.suits(*optimizer))
                .map(OptimizerKind::name)
                .collect()
        };
        if output.wants_json() {
            let entry = |rival: Rival| json!({ "method": rival.name(), "describes": rival.describes(), "optimizers": suits(rival) });
            return output.json(&Rival::ALL.map(entry));
        }
        let mut table = Table::new("", ["Method", "What", "Optimizers that 'all' takes it with"]);
        for rival in Rival::ALL {
            table.push([rival.name().to_owned(), rival.describes().to_owned(), suits(rival).join(", ")]);
        }
        output.table(&table)
    }
}
