//! `lodecast lab sweep`: train every schedule family at every peak rate, or a list of schedules, under every seed.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use lodecast::{Family, Schedule};
use lodecast_lab::{Execution, SweepConfiguration, SweepOutcome, Trainable, run_sweep, tasks};
use serde::Serialize;

use crate::figures::configuration_label;
use crate::lab_setup::{Jobs, Seeds, Setup};
use crate::output::Output;
use crate::progress::Phase;
use crate::{interrupt, report, whole_file};

/// What to sweep over.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Sweep file to write: .parquet, .csv or .jsonl
    #[arg(short, long, value_name = "FILE", default_value = "sweep.parquet")]
    out: PathBuf,
    /// Everything below as JSON, instead of options
    #[arg(long, value_name = "FILE", conflicts_with_all = ["task", "scale", "data", "device", "optimizer", "epochs", "batch_size", "points_per_epoch", "families", "peaks", "warmup", "schedules", "seeds"])]
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
    /// Seeds of each configuration: 0,1,5 or 0-4
    #[arg(long, default_value = "0-3")]
    seeds: Seeds,
    /// Where finished runs are kept, so that the same command goes on where it stopped [default: OUT.journal]
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Train nothing, but write a configuration a run into this folder, for 'lodecast lab run --config'; 'lodecast lab gather'
    /// makes the same sweep of their results
    #[arg(long, value_name = "DIR", conflicts_with_all = ["out", "journal", "jobs"])]
    configurations: Option<PathBuf>,
    #[command(flatten)]
    jobs: Jobs,
}

/// What a sweep came to, as JSON.
#[derive(Serialize)]
pub(crate) struct Written<'a> {
    file: &'a Path,
    #[serde(skip_serializing_if = "Option::is_none")]
    configuration: Option<&'a SweepConfiguration>,
    runs: usize,
    diverged: usize,
    best_configuration: Option<String>,
    best_mean: Option<f64>,
}

impl<'a> Written<'a> {
    /// What a sweep in `file` came to.
    pub(crate) fn new(file: &'a Path, configuration: Option<&'a SweepConfiguration>, outcome: &SweepOutcome) -> Self {
        let best = outcome.sweep.best_configuration(0);
        Self {
            file,
            configuration,
            runs: outcome.records.len(),
            diverged: diverged(outcome),
            best_configuration: best.as_ref().map(|best| best.0.clone()),
            best_mean: best.as_ref().map(|best| best.1),
        }
    }
}

impl Arguments {
    pub(crate) fn run(&self, output: &mut Output) -> Result<()> {
        let (task, configuration) = self.configuration()?;
        if let Some(folder) = &self.configurations {
            configuration.length.unwrap_or_else(|| task.default_length()).check(task.train_examples())?;
            return write_configurations(folder, &configuration, output);
        }
        let journal = self.journal.clone().unwrap_or_else(|| {
            let mut name = self.out.clone().into_os_string();
            name.push(".journal");
            name.into()
        });
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
            [] => task.peak_learning_rates(self.setup.optimizer),
            peaks => peaks.to_vec(),
        };
        let configuration = SweepConfiguration {
            task: self.setup.task.clone(),
            settings: self.setup.settings(),
            optimizer: self.setup.optimizer,
            families: if of_families { self.families.clone() } else { Vec::new() },
            peak_learning_rates: if of_families { peaks() } else { Vec::new() },
            schedules,
            warmup: self.warmup,
            seeds: self.seeds.0.clone(),
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

/// Reads a configuration of the lab from a JSON file.
pub(crate) fn read_configuration<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text)
        .map_err(lodecast_lab::Error::from)
        .with_context(|| format!("cannot use {}", path.display()))
}

/// Runs or resumes a sweep with its progress shown under `name`.
pub(crate) fn sweep(
    name: &'static str,
    task: &dyn Trainable,
    configuration: &SweepConfiguration,
    journal: &Path,
    jobs: Jobs,
    output: &mut Output,
) -> Result<SweepOutcome> {
    let total = configuration.runs();
    let phase = Phase::start(name, total as u64, output);
    let metric = task.metric();
    let progress = |progress: lodecast_lab::Progress<'_>| {
        let last = report::significant(progress.latest.test_metric, 3);
        phase.at(progress.finished as u64, format!("{}: {} {last}", progress.latest.run.id, metric.name));
    };
    let execution =
        Execution { jobs: jobs.count(), journal: Some(journal), cancel: interrupt::flag()?, progress: &progress };
    let outcome = run_sweep(task, configuration, &execution)?;
    phase.done(output, summary(&outcome));
    Ok(outcome)
}

fn diverged(outcome: &SweepOutcome) -> usize {
    outcome.records.iter().filter(|record| record.diverged_at.is_some()).count()
}

/// What a sweep came to, in words.
pub(crate) fn summary(outcome: &SweepOutcome) -> String {
    let (sweep, diverged) = (&outcome.sweep, diverged(outcome));
    let configurations = sweep.configurations().len();
    let runs = format!("{} runs of {configurations} configurations", sweep.runs.len());
    let diverged = if diverged > 0 { format!(", {diverged} diverged") } else { String::new() };
    let best = sweep.best_configuration(0).map_or_else(String::new, |(_, mean, indices)| {
        let best = configuration_label(&sweep.runs[indices[0]]);
        format!("; best: {best}, mean {} {}", sweep.metrics[0].name, report::significant(mean, 4))
    });
    runs + &diverged + &best
}
