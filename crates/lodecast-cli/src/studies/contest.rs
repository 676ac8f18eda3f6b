//! Methods side by side on fresh seeds: who takes part, the runs, and what came out.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use lodecast::{Model, Planner, Sweep};
use lodecast_lab::rivals::{Controller, ControllerSettings, ControllerTraining, train_controller};
use lodecast_lab::{
    Comparison, ComparisonConfiguration, Contender, Length, OptimizerKind, RunRecord, Sharpness, Trainable, compare,
};
use serde::{Deserialize, Serialize};

use super::contenders::{self, Recommended};
use super::decisions::DecisionLog;
use super::directory::{Decisions, StudyDirectory};
use super::estimate;
use super::training::with_progress;
use crate::failure::failure;
use crate::figures::comparison::View;
use crate::options::jobs::Jobs;
use crate::options::method::MethodOption;
use crate::options::seeds::Seeds;
use crate::output::Output;
use crate::progress::Phase;
use crate::{interrupt, report};

/// Writes the report, and prints table, verdict and where the report is.
pub(crate) fn finish(directory: &StudyDirectory, path: &Path, outcome: &Outcome, output: &mut Output) -> Result<()> {
    let study = StudyDirectory::read(path)?;
    let page = path.join("report.html");
    directory.write_text("report.html", &super::report::report(&study).to_html())?;
    if output.wants_json() {
        return output.json(&outcome.comparison);
    }
    show(outcome, output)?;
    output.say(format_args!("report: {}", page.display()));
    Ok(())
}

/// Prints table and verdict, unless JSON is wanted.
pub(crate) fn show(outcome: &Outcome, output: &mut Output) -> Result<()> {
    if output.wants_json() {
        return Ok(());
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

/// A controller with what it was trained on.
#[derive(Serialize, Deserialize)]
struct TrainedController {
    lessons: Lessons,
    controller: Controller,
}

/// What a controller was trained on: of anything else it knows nothing.
#[derive(PartialEq, Serialize, Deserialize)]
struct Lessons {
    task: String,
    optimizer: OptimizerKind,
    length: Length,
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
        let journal = directory.file("comparison.journal");
        let total = all.len() * self.seeds.0.len();
        estimate::announce(task, self.optimizer, self.length, total, self.jobs, &journal, output);
        let phase = Phase::start("comparison", total as u64, output);
        let latest = |record: &RunRecord| format!("{}: {}", record.run.id, report::significant(record.test_metric, 4));
        let comparison = with_progress(&phase, self.jobs, &journal, latest, |execution| {
            compare(task, &configuration, &all, execution)
        })?;
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
            if rate.is_none() && rival.is_fixed() && contenders::has_family(self.sweep, rival.family()) {
                // None if it is the best of all, which takes part anyway.
                all.extend(contenders::best_of_family(self.sweep, metric, rival.family()).map(contenders::fixed));
                continue;
            }
            let rate = match rate {
                Some(rate) => rate,
                None => contenders::starting_rate(self.sweep, metric, rival, self.optimizer)?,
            };
            let controller =
                if rival.needs_controller() { Some(self.controller(task, rate, directory, output)?) } else { None };
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
        let length = task.length(self.length);
        let lessons = Lessons { task: task.description(), optimizer: self.optimizer, length };
        // What another version wrote is trained anew.
        let known = directory.read_json::<serde_json::Value>(FILE)?;
        let known = known.and_then(|known| serde_json::from_value::<TrainedController>(known).ok());
        let suits = |known: &TrainedController| {
            known.lessons == lessons && known.controller.rate == rate && known.controller.settings == settings
        };
        if let Some(known) = known.filter(suits) {
            return Ok(known.controller);
        }
        let runs = settings.rounds * settings.episodes;
        let phase = Phase::start("controller", runs, output);
        let progress = |done: u64| phase.at(done, "learning from runs of its own".to_owned());
        let training = ControllerTraining { optimizer: self.optimizer, length, rate, settings };
        let controller = train_controller(task, &training, self.jobs.count(), interrupt::flag()?, &progress)?;
        phase.done(output, format!("trained on {runs} runs of its own, {:.0} s of training", controller.seconds));
        let trained = TrainedController { lessons, controller };
        directory.write_json(FILE, &trained)?;
        Ok(trained.controller)
    }

    /// A seed that a model has seen in its sweep is no test of it.
    fn check_seeds(&self) -> Result<()> {
        let used = |seed: &&u64| self.sweep.runs.iter().any(|run| run.attributes.seed == Some(**seed));
        match self.seeds.0.iter().find(used) {
            Some(seed) => Err(failure(
                format!("seed {seed} was used in the sweep, so it cannot test what was learned from it"),
                "take other seeds, for example --seeds 5, which takes unused ones",
            )),
            None => Ok(()),
        }
    }
}

/// A task and the length of its runs in words.
pub(crate) fn in_words(task: &dyn Trainable, length: Option<Length>) -> String {
    let length = task.length(length);
    format!(
        "{}, {} epochs of {} steps, {} points a run",
        task.name(),
        length.epochs,
        length.steps_per_epoch(task.train_examples()),
        length.epochs * length.points_per_epoch
    )
}
