//! `lodecast lab sweep`: train every schedule family at every peak rate, or a list of schedules, under every seed.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use lodecast::{Family, Schedule};
use lodecast_lab::{SweepConfiguration, Trainable, tasks};

use crate::options::configuration::read_configuration;
use crate::options::jobs::Jobs;
use crate::options::overwriting::Overwriting;
use crate::options::seeds::SeedChoice;
use crate::options::training::Setup;
use crate::output::Output;
use crate::studies::sweep::{Written, sweep};
use crate::whole_file;

/// What to sweep over.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Sweep file to write: .parquet, .csv or .jsonl
    #[arg(short, long, value_name = "FILE", default_value = "sweep.parquet")]
    out: PathBuf,
    #[command(flatten)]
    overwriting: Overwriting,
    /// Everything below as JSON, instead of options
    #[arg(long, value_name = "FILE", conflicts_with_all = ["task", "scale", "data", "device", "optimizer", "epochs", "batch_size", "points_per_epoch", "width", "batch", "label_noise", "data_share", "dead_from", "data_seed", "families", "peaks", "warmup", "schedules", "seeds"])]
    config: Option<PathBuf>,
    #[command(flatten)]
    setup: Setup,
    /// Schedule families
    #[arg(long, value_delimiter = ',', value_name = "NAMES", default_value = "constant,cosine,one-cycle,staircase")]
    families: Vec<Family>,
    /// JSON file with a list of schedules to sweep instead, such as 'lodecast suggest' writes
    #[arg(long, value_name = "FILE", conflicts_with_all = ["families", "peaks", "warmup"])]
    schedules: Option<PathBuf>,
    /// Peak learning rates [default: a grid that suits task and optimizer]
    #[arg(long, value_delimiter = ',', value_name = "RATES")]
    peaks: Vec<f64>,
    /// Fraction of the run in which the rate rises linearly first
    #[arg(long, default_value_t = 0.0, value_name = "FRACTION")]
    warmup: f64,
    /// Seeds of each configuration: how many, from 0 on, or which (0,1,5 or 4-7)
    #[arg(long, default_value = "4")]
    seeds: SeedChoice,
    /// Where finished runs are kept, so that the same command goes on where it stopped [default: OUT.journal]
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Train nothing, but write a configuration a run into this folder, for 'lodecast lab run --config'; 'lodecast lab gather'
    /// makes the same sweep of their results
    #[arg(long, value_name = "DIR", conflicts_with_all = ["out", "force", "journal", "jobs"])]
    configurations: Option<PathBuf>,
    #[command(flatten)]
    jobs: Jobs,
}

impl Arguments {
    pub(crate) fn run(&self, output: &mut Output) -> Result<()> {
        let journal = self.journal.clone().unwrap_or_else(|| {
            let mut name = self.out.clone().into_os_string();
            name.push(".journal");
            name.into()
        });
        // Where its journal is kept, the sweep is the same again: another one is refused by the journal.
        match self.configurations {
            Some(_) => {}
            None if journal.exists() => whole_file::check_folder(&self.out)?,
            None => self.overwriting.check(&self.out)?,
        }
        let (task, configuration) = self.configuration()?;
        if let Some(folder) = &self.configurations {
            task.length(configuration.length).check(task.train_examples())?;
            return write_configurations(folder, &configuration, output);
        }
        let outcome = sweep("sweep", task.as_ref(), &configuration, &journal, self.jobs, output)?;
        lodecast_sweep_file::write(&self.out, &outcome.sweep)?;
        if output.wants_json() {
            return output.json(&Written::new(&self.out, Some(&configuration), &outcome));
        }
        output.say(format_args!("written to {}; look at it with 'lodecast runs'", self.out.display()));
        Ok(())
    }

    fn configuration(&self) -> Result<(Box<dyn Trainable>, SweepConfiguration)> {
        if let Some(path) = &self.config {
            let configuration: SweepConfiguration = read_configuration(path)?;
            return Ok((tasks::open(&configuration.task, &configuration.settings)?, configuration));
        }
        let task = self.setup.open()?;
        let schedules: Vec<Schedule> =
            self.schedules.as_deref().map(read_configuration).transpose()?.unwrap_or_default();
        let of_families = self.schedules.is_none();
        let peaks = || match &self.peaks[..] {
            [] => task.peak_learning_rates(self.setup.optimizer()),
            peaks => peaks.to_vec(),
        };
        let configuration = SweepConfiguration {
            task: self.setup.task().to_owned(),
            settings: self.setup.settings(),
            optimizer: self.setup.optimizer(),
            families: if of_families { self.families.clone() } else { Vec::new() },
            peak_learning_rates: if of_families { peaks() } else { Vec::new() },
            schedules,
            warmup: self.warmup,
            seeds: self.seeds.of_sweep().0,
            length: self.setup.length(task.as_ref()),
        };
        Ok((task, configuration))
    }
}

/// Writes each run's configuration into a file of its own, numbered from 0 in the order of the sweep.
fn write_configurations(folder: &Path, configuration: &SweepConfiguration, output: &mut Output) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let runs = configuration.run_configurations()?;
    for (index, run) in runs.iter().enumerate() {
        whole_file::write_text(&folder.join(format!("{index:04}.json")), &serde_json::to_string_pretty(run)?)?;
    }
    if output.wants_json() {
        return output.json(&runs);
    }
    let last = runs.len() - 1;
    output.say(format_args!(
        "{} configurations written to {}: 0000.json to {last:04}.json",
        runs.len(),
        folder.display()
    ));
    Ok(())
}
