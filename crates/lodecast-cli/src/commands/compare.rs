//! `lodecast lab compare`: fresh seeds with the sweep's best configuration and with lodecast, side by side.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use clap::Args;
use lodecast::{Family, Model, Sweep};
use lodecast_lab::{
    Comparison, ComparisonConfiguration, Contender, Execution, Length, OptimizerKind, Trainable, compare,
};

use crate::contenders::{self, DecisionLog, Recommended};
use crate::failure::failure;
use crate::figures::comparison::View;
use crate::lab_setup::{Jobs, Seeds, Setup};
use crate::machine::Machine;
use crate::output::Output;
use crate::progress::Phase;
use crate::schedule_option::ScheduleOption;
use crate::study::{Decisions, StudyDirectory, StudyRecord};
use crate::{interrupt, report, study_report};

/// What to compare on, and who takes part.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Sweep file; its best configuration is the reference, its best cosine takes part
    #[arg(value_name = "SWEEP")]
    sweep: PathBuf,
    /// Model file of a lodecast scheduler that takes part; may be given several times, the verdict is about the first
    #[arg(long, value_name = "FILE")]
    model: Vec<PathBuf>,
    /// Another schedule that takes part: FAMILY:PEAK, FAMILY:PEAK:WARMUP or a JSON file; may be given several times
    #[arg(long, value_name = "SCHEDULE")]
    schedule: Vec<ScheduleOption>,
    /// Directory for the results and the report, made if it is not there; the same command goes on where it stopped
    #[arg(short, long, value_name = "DIR", default_value = "comparison")]
    out: PathBuf,
    #[command(flatten)]
    setup: Setup,
    /// Seeds of each method; take ones that the sweep has not used
    #[arg(long, default_value = "100-104")]
    seeds: Seeds,
    #[command(flatten)]
    jobs: Jobs,
}

impl Arguments {
    pub(crate) fn run(&self, output: &mut Output) -> Result<()> {
        let sweep = lodecast_sweep_file::read(&self.sweep, &lodecast_sweep_file::ReadOptions::default())?;
        let directory = StudyDirectory::create(&self.out)?;
        let mut models = Vec::new();
        for path in &self.model {
            let model = Model::load(path)?;
            let mut name = contenders::lodecast_name(model.kind());
            if models.iter().any(|(known, _)| *known == name) {
                name = format!("{name}, {}", path.display());
            }
            models.push((name, model));
        }
        let task = self.setup.open()?;
        let contest = Contest {
            sweep: &sweep,
            models,
            schedules: self.schedule.iter().map(|option| option.0.clone()).collect(),
            optimizer: self.setup.optimizer,
            length: self.setup.length(task.as_ref()),
            seeds: self.seeds.clone(),
            jobs: self.jobs,
        };
        let outcome = contest.run(task.as_ref(), &directory, output)?;
        lodecast_sweep_file::write(directory.file("sweep.parquet"), &sweep)?;
        let record = StudyRecord {
            study: StudyRecord::VERSION,
            task: in_words(task.as_ref(), contest.length),
            optimizer: self.setup.optimizer.to_string(),
            machine: Machine::here(),
            fits: Vec::new(),
            lodecast_methods: outcome.lodecast_methods.clone(),
            phases: vec![("comparison".to_owned(), outcome.seconds)],
            decisions: outcome.decisions.clone(),
            quick: false,
        };
        directory.write_json("study.json", &record)?;
        finish(&directory, &self.out, &outcome, output)
    }
}

/// Writes the report, and prints table, verdict and where the report is.
pub(crate) fn finish(
    directory: &StudyDirectory,
    path: &std::path::Path,
    outcome: &Outcome,
    output: &mut Output,
) -> Result<()> {
    let study = StudyDirectory::read(path)?;
    let page = path.join("report.html");
    directory.write_text("report.html", &study_report::report(&study).to_html())?;
    if output.wants_json() {
        return output.json(&outcome.comparison);
    }
    let view = View::new(&outcome.comparison, &outcome.lodecast_methods);
    let table = view.table();
    output.line(&table.caption)?;
    output.line("")?;
    output.table(&table)?;
    if let Some((_, verdict, basis)) = view.verdict() {
        output.line("")?;
        output.line(verdict)?;
        output.line(basis)?;
    }
    output.say(format_args!("report: {}", page.display()));
    Ok(())
}

/// Everything that decides a comparison.
pub(crate) struct Contest<'a> {
    /// The sweep that the schedules come from.
    pub sweep: &'a Sweep,
    /// Lodecast's models by name.
    pub models: Vec<(String, Model)>,
    /// Other schedules.
    pub schedules: Vec<lodecast::Schedule>,
    /// Optimizer.
    pub optimizer: OptimizerKind,
    /// Length of the runs, if not the task's own.
    pub length: Option<Length>,
    /// Fresh seeds.
    pub seeds: Seeds,
    /// Runs at a time.
    pub jobs: Jobs,
}

/// What came out of a comparison.
pub(crate) struct Outcome {
    /// The comparison.
    pub comparison: Comparison,
    /// Lodecast's methods in it.
    pub lodecast_methods: Vec<String>,
    /// What they decided.
    pub decisions: Vec<Decisions>,
    /// How long it took.
    pub seconds: f64,
}

impl Contest<'_> {
    /// Runs or resumes the comparison and writes it into the directory.
    pub(crate) fn run(&self, task: &dyn Trainable, directory: &StudyDirectory, output: &mut Output) -> Result<Outcome> {
        self.check_seeds()?;
        let metric = self.sweep.metric_index(&task.metric().name)?;
        let log = DecisionLog::open(&directory.file("decisions.jsonl"));
        let best = contenders::best_of_sweep(self.sweep, metric)?;
        let reference = best.name.clone();
        let mut all: Vec<Contender<'_>> = vec![contenders::fixed(best)];
        all.extend(contenders::best_of_family(self.sweep, metric, Family::Cosine).map(contenders::fixed));
        for schedule in &self.schedules {
            let name = contenders::short(schedule);
            all.push(contenders::fixed(Recommended { name, schedule: schedule.clone() }));
        }
        for (name, model) in &self.models {
            all.push(contenders::lodecast(name.clone(), model.clone(), Arc::clone(&log)));
        }
        let configuration = ComparisonConfiguration {
            task: task.name().to_owned(),
            optimizer: self.optimizer,
            seeds: self.seeds.0.clone(),
            reference,
            length: self.length,
        };
        let phase = Phase::start("comparison", (all.len() * self.seeds.0.len()) as u64, output);
        let progress = |progress: lodecast_lab::Progress<'_>| {
            let last = report::significant(progress.latest.test_metric, 4);
            phase.at(progress.finished as u64, format!("{}: {last}", progress.latest.run.id));
        };
        let journal = directory.file("comparison.journal");
        let execution = Execution {
            jobs: self.jobs.count(),
            journal: Some(&journal),
            cancel: interrupt::flag()?,
            progress: &progress,
        };
        let comparison = compare(task, &configuration, &all, &execution)?;
        let runs = format!("{} runs, {} methods on seeds {}", comparison.records.len(), all.len(), self.seeds);
        phase.done(output, runs);
        let seconds = self.jobs.seconds(&comparison.records);
        directory.write_json("comparison.json", &comparison)?;
        let lodecast_methods = self.models.iter().map(|(name, _)| name.clone()).collect();
        let decisions = log.decisions();
        Ok(Outcome { comparison, lodecast_methods, decisions, seconds })
    }

    /// A seed that a model has seen in its sweep is no test of it.
    fn check_seeds(&self) -> Result<()> {
        let used = |seed: &&u64| self.sweep.runs.iter().any(|run| run.attributes.seed == Some(**seed));
        match self.seeds.0.iter().find(used) {
            Some(seed) => Err(failure(
                format!("seed {seed} was used in the sweep, so it cannot test what was learned from it"),
                "take other seeds, for example --seeds 100-104",
            )),
            None => Ok(()),
        }
    }
}

/// A task and the length of its runs in words.
pub(crate) fn in_words(task: &dyn Trainable, length: Option<Length>) -> String {
    let length = length.unwrap_or_else(|| task.default_length());
    format!(
        "{}, {} epochs of {} steps, {} points a run",
        task.name(),
        length.epochs,
        length.steps_per_epoch(task.train_examples()),
        length.epochs * length.points_per_epoch
    )
}
