//! `lodecast lab compare`: fresh seeds with the sweep's best configuration and with lodecast, side by side.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use lodecast::{Model, ModelKind};
use lodecast_lab::Sharpness;
use lodecast_lab::tasks::TASKS;

use crate::failure::failure;
use crate::figures::lodecast_name;
use crate::options::jobs::Jobs;
use crate::options::method::MethodOption;
use crate::options::planner::PlannerOptions;
use crate::options::schedule::ScheduleOption;
use crate::options::seeds::SeedChoice;
use crate::options::sweep::Columns;
use crate::options::training::Setup;
use crate::output::Output;
use crate::studies::contenders::Recommended;
use crate::studies::contest::{Contest, finish, in_words};
use crate::studies::directory::{StudyDirectory, StudyRecord};
use crate::studies::machine::Machine;
use crate::studies::origin::SweepOrigin;

/// What to compare on, and who takes part.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Sweep file, after the task if the sweep does not say it: its best configuration is the reference, and the methods
    /// start from its best peaks; the task alone takes the file sweep.parquet
    #[arg(value_name = "TASK|SWEEP", num_args = 1..=2, required = true)]
    subject: Vec<String>,
    /// Model file of a lodecast scheduler that takes part, with a name for the table if it is to have its own; may be given
    /// several times, the verdict is about the first
    #[arg(long, value_name = "[NAME=]FILE")]
    model: Vec<String>,
    /// Model file of the paper's form whose runs are planned as the paper plans them: replanned every 30 points, futures aligned
    /// by their loss; may be given several times
    #[arg(long, value_name = "[NAME=]FILE")]
    paper: Vec<String>,
    /// Rivals by name, each with a rate if not the sweep's best (NAME:RATE), or 'all' that suit the optimizer; 'lodecast lab
    /// methods' lists them
    #[arg(long, value_delimiter = ',', value_name = "NAMES", default_value = "cosine")]
    methods: Vec<MethodOption>,
    /// Do not measure the largest eigenvalue of the loss's Hessian at the end of each run
    #[arg(long)]
    no_sharpness: bool,
    /// Another schedule that takes part: FAMILY:PEAK, FAMILY:PEAK:WARMUP, a JSON file, or a sweep file for its best
    /// configuration; may be given several times
    #[arg(long, value_name = "SCHEDULE")]
    schedule: Vec<ScheduleOption>,
    /// Directory for the results and the report, made if it is not there; the same command goes on where it stopped
    #[arg(short, long, value_name = "DIR", default_value = "comparison")]
    out: PathBuf,
    #[command(flatten)]
    setup: Setup,
    /// Seeds of each method that the sweep has not used: how many, from 100 on, or which (100,105 or 100-104)
    #[arg(long, default_value = "5")]
    seeds: SeedChoice,
    #[command(flatten)]
    jobs: Jobs,
    #[command(flatten)]
    planner: PlannerOptions,
}

impl Arguments {
    pub(crate) fn run(&self, output: &mut Output) -> Result<()> {
        let (task, path) = self.subject();
        let sweep = Columns::default().read_sweep(path, output)?;
        let setup = SweepOrigin::of(&sweep).complete(&self.setup, task, path)?;
        let directory = StudyDirectory::create(&self.out)?;
        let models = named_models(&self.model, |model, _| Ok(lodecast_name(model.kind())))?;
        let paper = named_models(&self.paper, |model, path| {
            if model.kind() == ModelKind::Paper {
                return Ok("the paper's planner".to_owned());
            }
            Err(failure(
                format!("{path} holds a {} model, with which the paper does not plan", model.kind()),
                "fit one with 'lodecast fit --kind paper --members 1'",
            ))
        })?;
        let planners = self.planner.planners(models)?;
        let task = setup.open()?;
        let contest = Contest {
            sweep: &sweep,
            planners,
            paper,
            methods: self.methods.clone(),
            sharpness: (!self.no_sharpness).then(Sharpness::default),
            schedules: self.schedule.iter().map(Recommended::from).collect(),
            optimizer: setup.optimizer(),
            length: setup.length(task.as_ref()),
            seeds: self.seeds.fresh(&sweep),
            jobs: self.jobs,
        };
        let outcome = contest.run(task.as_ref(), &directory, output)?;
        lodecast_sweep_file::write(directory.file("sweep.parquet"), &sweep)?;
        let record = StudyRecord {
            study: StudyRecord::VERSION,
            task: in_words(task.as_ref(), contest.length),
            optimizer: setup.optimizer().to_string(),
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

    /// The task, if one of the words is its name, and the sweep file.
    fn subject(&self) -> (Option<&str>, &Path) {
        const SWEEP: &str = "sweep.parquet";
        let is_task = |word: &str| TASKS.iter().any(|task| task.name == word);
        let (task, sweep) = match &self.subject[..] {
            [task, sweep] => (Some(task.as_str()), sweep.as_str()),
            [word] if is_task(word) && !Path::new(word).exists() => (Some(word.as_str()), SWEEP),
            words => (None, words.first().map_or(SWEEP, String::as_str)),
        };
        (task, Path::new(sweep))
    }
}

/// Reads models from `FILE` or `NAME=FILE`. A model without a name takes the usual one, which `usual` gives if it suits, and
/// its path behind it where another has that name already.
fn named_models(options: &[String], usual: impl Fn(&Model, &str) -> Result<String>) -> Result<Vec<(String, Model)>> {
    let mut models: Vec<(String, Model)> = Vec::new();
    for option in options {
        // A path may have an equals sign of its own.
        let named = option.split_once('=').filter(|_| !Path::new(option).exists());
        let (name, path) = named.map_or((None, option.as_str()), |(name, path)| (Some(name), path));
        let model = Model::load(path)?;
        let usual = usual(&model, path)?;
        let mut name = name.map_or(usual, str::to_owned);
        if models.iter().any(|(known, _)| *known == name) {
            name = format!("{name}, {path}");
        }
        models.push((name, model));
    }
    Ok(models)
}
