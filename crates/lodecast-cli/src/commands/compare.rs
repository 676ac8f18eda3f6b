//! `lodecast lab compare`: fresh seeds with the sweep's best configuration and with lodecast, side by side.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use anyhow::Result;
use clap::Args;
use lodecast::{Model, ModelKind, Planner, Sweep};
use lodecast_lab::rivals::{Controller, ControllerSettings, ControllerTraining, train_controller};
use lodecast_lab::{
    Comparison, ComparisonConfiguration, Contender, Execution, Length, OptimizerKind, Rival, Sharpness, Trainable,
    compare, tasks,
};

use super::demo::FIRST_FRESH_SEED;
use crate::contenders::{self, DecisionLog, MethodOption, Recommended};
use crate::failure::failure;
use crate::figures::comparison::View;
use crate::lab_setup::{Jobs, Seeds, Setup};
use crate::machine::Machine;
use crate::output::Output;
use crate::planner_options::PlannerOptions;
use crate::progress::Phase;
use crate::schedule_option::ScheduleOption;
use crate::study::{Decisions, StudyDirectory, StudyRecord};
use crate::sweep_input::Columns;
use crate::{interrupt, report, study_report};

/// What to compare on, and who takes part.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Sweep file, after the task if --task does not say it: its best configuration is the reference, and the methods
    /// start from its best peaks; the task alone takes the file sweep.parquet
    #[arg(value_name = "TASK|SWEEP", num_args = 1..=2, required = true)]
    subject: Vec<String>,
    /// Model file of a lodecast scheduler that takes part, with a name for the table if it is to have its own; may be given
    /// several times, the verdict is about the first
    #[arg(long, value_name = "[NAME=]FILE")]
    model: Vec<String>,
    /// Model file of a latent ODE whose runs are planned as the paper plans them: replanned every 30 points, futures aligned
    /// by their loss; may be given several times
    #[arg(long, value_name = "[NAME=]FILE")]
    paper: Vec<String>,
    /// Rivals by name, each with a rate if not the sweep's best (NAME:RATE), or 'all' that suit the optimizer: constant,
    /// cosine, one-cycle, staircase, linear, warmup-stable-decay, plateau, greedy, sgd-hd, adam-hd, schedule-free-sgd,
    /// schedule-free-adamw, controller
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
    /// Seeds of each method that the sweep has not used: how many, or which (0,1,5 or 100-104)
    #[arg(long, default_value = "5")]
    seeds: FreshSeeds,
    #[command(flatten)]
    jobs: Jobs,
    #[command(flatten)]
    planner: PlannerOptions,
}

impl Arguments {
    pub(crate) fn run(&self, output: &mut Output) -> Result<()> {
        let (setup, sweep) = self.subject()?;
        let sweep = Columns::default().read_sweep(&sweep, output)?;
        let directory = StudyDirectory::create(&self.out)?;
        let models = named_models(&self.model, |model, _| Ok(contenders::lodecast_name(model.kind())))?;
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
            optimizer: self.setup.optimizer,
            length: setup.length(task.as_ref()),
            seeds: self.seeds.of(&sweep),
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

    /// The task's setup and the sweep file, from one word or two.
    fn subject(&self) -> Result<(Setup, PathBuf)> {
        const SWEEP: &str = "sweep.parquet";
        let (task, sweep) = match &self.subject[..] {
            [task, sweep] => (Some(task), sweep.as_str()),
            [task] if tasks::names().contains(&task.as_str()) && !Path::new(task).exists() => (Some(task), SWEEP),
            words => (None, words.first().map_or(SWEEP, String::as_str)),
        };
        let mut setup = self.setup.clone();
        if let Some(task) = task {
            if setup.task != Setup::TASK && setup.task != *task {
                return Err(failure(format!("the task is '{task}' and '{}' at once", setup.task), "name it once"));
            }
            setup.task.clone_from(task);
        }
        Ok((setup, sweep.into()))
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

/// Seeds that no sweep has used: how many, or which.
#[derive(Clone, Debug, PartialEq, Eq)]
enum FreshSeeds {
    Count(u64),
    These(Seeds),
}

impl FreshSeeds {
    /// The seeds; as many as asked for, from 100 on, without those of the sweep.
    fn of(&self, sweep: &Sweep) -> Seeds {
        match self {
            Self::These(seeds) => seeds.clone(),
            Self::Count(count) => {
                let unused = |seed: &u64| sweep.runs.iter().all(|run| run.attributes.seed != Some(*seed));
                Seeds((FIRST_FRESH_SEED..).filter(unused).take(*count as usize).collect())
            }
        }
    }
}

impl FromStr for FreshSeeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim().parse::<u64>() {
            Ok(count @ 1..=Seeds::MOST) => Ok(Self::Count(count)),
            Ok(_) => Err(format!("take 1 to {} seeds", Seeds::MOST)),
            Err(_) => text.parse().map(Self::These),
        }
    }
}

/// Writes the report, and prints table, verdict and where the report is.
pub(crate) fn finish(directory: &StudyDirectory, path: &Path, outcome: &Outcome, output: &mut Output) -> Result<()> {
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
    /// Planners of lodecast's models by name.
    pub planners: Vec<(String, Planner)>,
    /// Models of the paper's planner by name.
    pub paper: Vec<(String, Model)>,
    /// Rivals.
    pub methods: Vec<MethodOption>,
    /// Measures the sharpness at the end of each run.
    pub sharpness: Option<Sharpness>,
    /// Other schedules.
    pub schedules: Vec<Recommended>,
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
        self.add_rivals(&mut all, task, metric, directory, output)?;
        all.extend(self.schedules.iter().cloned().map(contenders::fixed));
        for (name, planner) in &self.planners {
            all.push(contenders::lodecast(name.clone(), planner, Arc::clone(&log)));
        }
        for (name, model) in &self.paper {
            all.push(contenders::paper(name.clone(), model.clone(), Arc::clone(&log)));
        }
        let configuration = ComparisonConfiguration {
            task: task.name().to_owned(),
            optimizer: self.optimizer,
            seeds: self.seeds.0.clone(),
            reference,
            sharpness: self.sharpness,
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
        let lodecast_methods = self.planners.iter().map(|(name, _)| name.clone()).collect();
        let decisions = log.decisions();
        Ok(Outcome { comparison, lodecast_methods, decisions, seconds })
    }

    /// The rivals asked for, each at its rate.
    fn add_rivals(
        &self,
        all: &mut Vec<Contender<'_>>,
        task: &dyn Trainable,
        metric: usize,
        directory: &StudyDirectory,
        output: &mut Output,
    ) -> Result<()> {
        for option in self.methods.iter().flat_map(|option| option.expanded(self.optimizer)) {
            let MethodOption { rival: Some(rival), rate } = option else { continue };
            if let (Rival::Fixed(family), None) = (rival, rate)
                && contenders::has_family(self.sweep, family)
            {
                // None if it is the best of all, which takes part anyway.
                all.extend(contenders::best_of_family(self.sweep, metric, family).map(contenders::fixed));
                continue;
            }
            let rate = match rate {
                Some(rate) => rate,
                None => contenders::starting_rate(self.sweep, metric, rival, self.optimizer)?,
            };
            let controller = match rival {
                Rival::Controller => Some(self.controller(task, rate, directory, output)?),
                _ => None,
            };
            let name = format!("{rival} {}", report::learning_rate(rate));
            all.push(rival.contender(name, rate, task.metric().direction, controller.as_ref())?);
        }
        Ok(())
    }

    /// The controller that was trained for this comparison, or a new one.
    fn controller(
        &self,
        task: &dyn Trainable,
        rate: f64,
        directory: &StudyDirectory,
        output: &mut Output,
    ) -> Result<Controller> {
        const FILE: &str = "controller.json";
        let settings = ControllerSettings::default();
        let known = directory.read_json::<Controller>(FILE)?;
        if let Some(controller) = known.filter(|known| known.rate == rate && known.settings == settings) {
            return Ok(controller);
        }
        let length = self.length.unwrap_or_else(|| task.default_length());
        let runs = settings.rounds * settings.episodes;
        let phase = Phase::start("controller", runs, output);
        let progress = |done: u64| phase.at(done, "learning from runs of its own".to_owned());
        let training = ControllerTraining { optimizer: self.optimizer, length, rate, settings };
        let controller = train_controller(task, &training, self.jobs.count(), interrupt::flag()?, &progress)?;
        phase.done(output, format!("trained on {runs} runs of its own, {:.0} s of training", controller.seconds));
        directory.write_json(FILE, &controller)?;
        Ok(controller)
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
