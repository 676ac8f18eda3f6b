//! `lodecast suggest`: which schedules to try in a next round of runs.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use lodecast::{Forecaster, Model, Schedule, Suggestion, SuggestionSettings};

use crate::failure::failure;
use crate::figures::{is_fraction, metric_name, metric_value};
use crate::options::overwriting::Overwriting;
use crate::output::Output;
use crate::report::{Table, learning_rate};
use crate::{rate_table, whole_file};

/// Which model, and how many schedules.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Model file (controlled)
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// File to write the schedules to, as JSON: 'lodecast lab sweep --schedules' reads it
    #[arg(short, long, value_name = "FILE", default_value = "suggestions.json")]
    out: PathBuf,
    #[command(flatten)]
    overwriting: Overwriting,
    /// Number of schedules
    #[arg(long, value_name = "COUNT", default_value_t = SuggestionSettings::default().count)]
    count: usize,
    /// Seed of the candidates
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Also write the learning rates as a table: one row a step, one column a schedule
    #[arg(long, value_name = "FILE", requires = "total_steps")]
    csv: Option<PathBuf>,
    /// Length of the runs in optimizer steps, for the table
    #[arg(long, value_name = "STEPS")]
    total_steps: Option<u64>,
}

impl Arguments {
    pub(crate) fn run(&self, output: &mut Output) -> Result<()> {
        self.overwriting.check(&self.out)?;
        self.csv.as_deref().map_or(Ok(()), whole_file::check_folder)?;
        let model = Model::load(&self.model)?;
        let metric = model.metric().clone();
        let Forecaster::Controlled(forecaster) = model.into() else {
            return Err(failure(
                "the paper's model cannot say what it does not know before a run has started",
                "fit a model that the learning rate drives: 'lodecast fit' without --kind",
            ));
        };
        let mut settings = SuggestionSettings::default();
        (settings.count, settings.seed) = (self.count, self.seed);
        let suggestions = lodecast::suggest(forecaster.as_ref(), &settings)?;
        let schedules: Vec<&Schedule> = suggestions.iter().map(|suggestion| &suggestion.schedule).collect();
        whole_file::write(&self.out, |file| Ok(serde_json::to_writer_pretty(file, &schedules)?))?;
        if let (Some(path), Some(total_steps)) = (&self.csv, self.total_steps) {
            let names: Vec<String> = (1..=schedules.len()).map(|number| format!("learning_rate_{number}")).collect();
            whole_file::write(path, |file| rate_table::write(file, &names, &schedules, total_steps))?;
            output.say(format_args!("learning rates written to {}", path.display()));
        }
        if output.wants_json() {
            return output.json(&suggestions);
        }
        let best = forecaster.experience().best_configuration();
        let fraction = is_fraction(&metric, suggestions.iter().map(|suggestion| suggestion.prediction.metric));
        let known = metric_value(best.final_metric, fraction);
        let name = metric_name(&metric);
        output.line(format_args!("best of the sweep so far: {}, mean {name} {known}", best.name))?;
        output.line("")?;
        let table = suggestions_table(&suggestions, &name, fraction);
        output.line(&table.caption)?;
        output.line("")?;
        output.table(&table)?;
        output.say(format_args!(
            "written to {}; train them under a seed or two that the sweep has not seen, then 'lodecast fit' the old sweep and the new one together",
            self.out.display()
        ));
        Ok(())
    }
}

fn suggestions_table(suggestions: &[Suggestion], metric: &str, fraction: bool) -> Table {
    const SHOWN: [f64; 6] = [0.0, 0.1, 0.25, 0.5, 0.75, 1.0];
    let progress = SHOWN.map(|progress| format!("#at {:.0} %", progress * 100.0));
    let mut header = vec!["#".to_owned(), "#member".to_owned(), format!("#predicted {metric}")];
    header.extend(progress);
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let caption =
        "What each model of the ensemble in turn thinks best, away from what is known; learning rates over the run.";
    let mut table = Table::new(caption, header);
    for (index, Suggestion { schedule, member, prediction, .. }) in suggestions.iter().enumerate() {
        let value = metric_value(prediction.metric, fraction);
        let mut row = vec![
            (index + 1).to_string(),
            member.to_string(),
            format!("{value} +/- {}", metric_value(prediction.spread, fraction)),
        ];
        row.extend(SHOWN.map(|progress| learning_rate(schedule.learning_rate(progress))));
        table.push(row);
    }
    table
}
