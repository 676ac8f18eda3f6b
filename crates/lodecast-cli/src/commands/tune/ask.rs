//! `lodecast tune ask`: which runs to make next.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use lodecast::Schedule;
use lodecast::tune::{Trial, TuneError};

use crate::failure::misuse;
use crate::figures::schedule_in_words;
use crate::options::study::{KnownRuns, StudyOptions, add};
use crate::output::Output;
use crate::report::{Table, learning_rate};
use crate::{rate_table, whole_file};

/// Which study, and how many runs.
#[derive(Args, Debug)]
#[group(id = "ask")]
pub(crate) struct Arguments {
    /// File of the study; a new one begins where there is none
    #[arg(value_name = "STUDY")]
    study: Option<PathBuf>,
    #[command(flatten)]
    known: KnownRuns,
    /// How many runs to ask for: one a worker
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    count: usize,
    /// Name of the worker that asks. After a crash it is given its trial again
    #[arg(long, value_name = "NAME", conflicts_with = "count")]
    worker: Option<String>,
    /// Give up on trials since which so many others have reported
    #[arg(long, value_name = "REPORTS")]
    overdue: Option<u64>,
    /// Also write the trials into a file, as a JSON list
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Also write the learning rates as a table: one row a step, one column a trial
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    #[command(flatten)]
    study_options: StudyOptions,
}

impl Arguments {
    pub(crate) fn run(&self, output: &mut Output) -> Result<()> {
        let Some(study) = &self.study else {
            return Err(misuse(
                "which study?",
                "give its file, which need not be there yet: lodecast tune --help says how to begin one",
            ));
        };
        // Once they are asked for, trials are in the study.
        for path in self.out.iter().chain(&self.csv) {
            whole_file::check_folder(path)?;
        }
        let (builder, space) = self.study_options.builder(study, &self.known.columns)?;
        let runs = self.known.read(&builder.settings().metric, output)?;
        let total_steps = builder.settings().total_steps;
        let (trials, left) = builder.update(study, |tuner| {
            if let Some(space) = space {
                tuner.set_space(space)?;
            }
            add(tuner, &runs, output)?;
            for trial in self.overdue.map_or_else(Vec::new, |reports| tuner.abandon_overdue(reports)) {
                output.warn(format_args!("'{trial}' was given up: it never reported"));
            }
            let mut trials = Vec::new();
            if let Some(worker) = &self.worker {
                // Another process of this name would train the same: it is told so when it tells something else.
                let again = tuner.resume(worker).cloned();
                if let Some(trial) = &again {
                    output.warn(format_args!("'{worker}' was given '{}' before, and is given it again", trial.name));
                }
                trials.extend(match again {
                    Some(trial) => Some(trial),
                    None => tuner.ask_as(worker)?,
                });
            } else {
                while trials.len() < self.count {
                    let Some(trial) = tuner.ask()? else { break };
                    trials.push(trial);
                }
            }
            let left = tuner.settings().budget.map(|budget| budget.saturating_sub(tuner.committed()));
            Ok::<_, TuneError>((trials, left))
        })?;
        if let Some(path) = &self.out {
            whole_file::write_text(path, &(serde_json::to_string_pretty(&trials)? + "\n"))?;
            output.say(format_args!("trials written to {}", path.display()));
        }
        if let Some(path) = &self.csv {
            let names: Vec<String> = trials.iter().map(|trial| trial.name.clone()).collect();
            let schedules: Vec<&Schedule> = trials.iter().map(|trial| &trial.schedule).collect();
            let steps = trials.iter().map(|trial| trial.total_steps).max().unwrap_or(total_steps);
            whole_file::write(path, |file| rate_table::write(file, &names, &schedules, steps))?;
            output.say(format_args!("learning rates written to {}", path.display()));
        }
        if let Some(left) = left {
            output.say(format_args!("{left} steps of the budget are left"));
        }
        if trials.is_empty() {
            output.say(format_args!(
                "nothing to ask: the budget holds no other run; 'lodecast tune recommend {}' says what to take",
                study.display()
            ));
        }
        if output.wants_json() {
            return output.json(&trials);
        }
        output.table(&table(&trials))
    }
}

fn table(trials: &[Trial]) -> Table {
    let mut table =
        Table::new("The next runs.", ["trial", "#steps", "#seed", "#peak", "rates over the run", "settings", "why"]);
    for trial in trials {
        let settings: Vec<String> = trial.settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
        table.push([
            trial.name.clone(),
            trial.total_steps.to_string(),
            trial.seed.to_string(),
            learning_rate(trial.schedule.highest_rate()),
            schedule_in_words(&trial.schedule),
            settings.join(" "),
            trial.reason.clone(),
        ]);
    }
    table
}
