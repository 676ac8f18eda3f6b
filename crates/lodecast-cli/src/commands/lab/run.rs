//! `lodecast lab run`: train one run.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use lodecast_lab::run_one;

use crate::options::training::RunOptions;
use crate::output::Output;
use crate::report::{Table, learning_rate, significant};
use crate::whole_file;

/// What to train, and where to write what came of it.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// File to write the run into, as JSON, once it is finished; 'lodecast lab gather' makes a sweep of several
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    run: RunOptions,
}

impl Arguments {
    pub(crate) fn run(&self, output: &mut Output) -> Result<()> {
        self.out.as_deref().map_or(Ok(()), whole_file::check_folder)?;
        let record = run_one(&self.run.configuration()?)?;
        if let Some(path) = &self.out {
            whole_file::write_text(path, &serde_json::to_string(&record)?)?;
        }
        if output.wants_json() {
            return output.json(&record);
        }
        let mut table = Table::new("", ["#step", "#train loss", "#learning rate", &format!("#{}", record.metric.name)]);
        let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| significant(value, 4));
        for point in record.run.points(0) {
            table.push([
                point.step.to_string(),
                number(point.train_loss),
                point.learning_rate.map_or_else(|| "-".to_owned(), learning_rate),
                number(point.validation),
            ]);
        }
        output.table(&table)?;
        output.say(format_args!(
            "{} on the test set: {}; {:.2} s",
            record.metric.name,
            significant(record.test_metric, 4),
            record.wall_seconds
        ));
        Ok(())
    }
}
