//! `lodecast lab tasks`: what can be trained.

use anyhow::Result;
use clap::Args;
use lodecast_lab::tasks::TASKS;
use serde_json::json;

use crate::output::Output;
use crate::report::Table;

/// Nothing to say.
#[derive(Args, Debug)]
pub(crate) struct Arguments {}

impl Arguments {
    #[expect(clippy::unused_self, reason = "every command is run this way")]
    pub(crate) fn run(self, output: &mut Output) -> Result<()> {
        if output.wants_json() {
            let entry = |task: &lodecast_lab::tasks::TaskEntry| json!({ "task": task.name, "describes": task.describes, "needs": task.needs });
            return output.json(&TASKS.iter().map(entry).collect::<Vec<_>>());
        }
        let mut table = Table::new("", ["Task", "What", "Needs"]);
        for task in TASKS {
            table.push([task.name, task.describes, task.needs.unwrap_or("-")].map(str::to_owned));
        }
        output.table(&table)
    }
}
