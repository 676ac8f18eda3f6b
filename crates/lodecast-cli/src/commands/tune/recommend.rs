//! `lodecast tune recommend`: which schedule to take, and how sure that is.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use lodecast::tune::Tuner;

use crate::options::study::{KnownRuns, add};
use crate::output::Output;
use crate::{rate_table, tuning, whole_file};

/// Which study.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// File of the study
    #[arg(value_name = "STUDY")]
    study: PathBuf,
    #[command(flatten)]
    known: KnownRuns,
    /// Also write the recommendation into a file, as JSON: wherever a command takes a schedule, it takes this file
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Also write the schedule as a table of steps and learning rates
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

impl Arguments {
    pub(crate) fn run(&self, output: &mut Output) -> Result<()> {
        for path in self.out.iter().chain(&self.csv) {
            whole_file::check_folder(path)?;
        }
        let metric = Tuner::load(&self.study)?.settings().metric.clone();
        let runs = self.known.read(&metric, output)?;
        let (recommended, settings) = Tuner::update(&self.study, |tuner| {
            add(tuner, &runs, output)?;
            Ok((tuner.recommend()?, tuner.settings().clone()))
        })?;
        if let Some(path) = &self.out {
            whole_file::write_text(path, &(serde_json::to_string_pretty(&recommended)? + "\n"))?;
            output.say(format_args!("recommendation written to {}", path.display()));
        }
        if let Some(path) = &self.csv {
            let names = ["learning_rate".to_owned()];
            let schedule = &recommended.schedule;
            whole_file::write(path, |file| rate_table::write(file, &names, &[schedule], recommended.total_steps))?;
            output.say(format_args!("learning rates written to {}", path.display()));
        }
        if output.wants_json() {
            return output.json(&recommended);
        }
        tuning::show(&recommended, &settings, output)
    }
}
