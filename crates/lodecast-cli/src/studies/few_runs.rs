//! What a few runs are good for: one sweep under one seed, the law it teaches, and the schedule picked with it beside the best
//! run and the best cosine, under fresh seeds. A study of its own, in a directory of its own.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use lodecast::{FitSettings, Model, ModelKind, Pick, PickSettings, Sweep, pick};
use lodecast_lab::{SweepConfiguration, Trainable};

use super::contenders::Recommended;
use super::contest::{self, Contest};
use super::directory::{FitEntry, StudyDirectory, StudyRecord};
use super::machine::Machine;
use super::sweep as swept;
use crate::failure::failure;
use crate::figures::{is_fraction, metric_name, metric_value, schedule_in_words};
use crate::fitting::{self, Kept};
use crate::options::jobs::Jobs;
use crate::options::method::MethodOption;
use crate::options::seeds::Seeds;
use crate::output::Output;

/// How the picked schedule is called in tables.
const PICKED: &str = "lodecast's pick";

/// Everything that decides such a study.
pub(crate) struct FewRuns<'a> {
    /// The runs to learn from, under one seed.
    pub configuration: &'a SweepConfiguration,
    /// Fresh seeds.
    pub seeds: Seeds,
    /// Runs at a time.
    pub jobs: Jobs,
    /// Small, short and fast?
    pub quick: bool,
}

impl FewRuns<'_> {
    /// Runs or resumes the study in the directory at `path`, prints what came out, and gives the runs back.
    pub(crate) fn run(&self, task: &dyn Trainable, path: &Path, output: &mut Output) -> Result<Sweep> {
        let directory = StudyDirectory::create(path)?;
        let journal = directory.file("sweep.journal");
        let outcome = swept::sweep("few runs", task, self.configuration, &journal, self.jobs, output)?;
        let mut phases = vec![("sweep".to_owned(), self.jobs.seconds(&outcome.records))];
        let sweep = outcome.sweep;
        lodecast_sweep_file::write(directory.file("sweep.parquet"), &sweep)?;

        let started = Instant::now();
        let (fit, picked) = self.learn(task, &sweep, &directory, output)?;
        phases.push(("fit and pick".to_owned(), started.elapsed().as_secs_f64()));
        directory.write_json("pick.json", &picked)?;

        let contest = Contest {
            sweep: &sweep,
            planners: Vec::new(),
            paper: Vec::new(),
            methods: vec![MethodOption::COSINE],
            schedules: vec![Recommended { name: PICKED.to_owned(), schedule: picked.schedule }],
            sharpness: None,
            optimizer: self.configuration.optimizer,
            length: self.configuration.length,
            seeds: self.seeds.clone(),
            jobs: self.jobs,
        };
        let mut outcome = contest.run(task, &directory, output)?;
        outcome.lodecast_methods = vec![PICKED.to_owned()];
        phases.push(("comparison".to_owned(), outcome.seconds));
        let record = StudyRecord {
            study: StudyRecord::VERSION,
            task: contest::in_words(task, self.configuration.length),
            optimizer: self.configuration.optimizer.to_string(),
            machine: Machine::here(),
            fits: vec![fit],
            lodecast_methods: outcome.lodecast_methods.clone(),
            phases,
            decisions: Vec::new(),
            quick: self.quick,
        };
        directory.write_json("study.json", &record)?;
        contest::show(&outcome, output)?;
        Ok(sweep)
    }

    /// The law of the runs, and the schedule it picks for another one like them.
    fn learn(
        &self,
        task: &dyn Trainable,
        sweep: &Sweep,
        directory: &StudyDirectory,
        output: &mut Output,
    ) -> Result<(FitEntry, Pick)> {
        let settings = FitSettings::new(ModelKind::Law);
        let fitted = fitting::fit(sweep, &settings, Kept::default(), "fit", output)?;
        fitting::say_what_to_know(&fitted, output);
        fitted.model.save(directory.file("law.lode"))?;
        let Model::Law(model) = &fitted.model else {
            return Err(failure("the fit gave another model than asked for", "report this as a fault of lodecast"));
        };
        let length = task.length(self.configuration.length);
        let picked = pick(model.law(), length.total_steps(task.train_examples()), &PickSettings::default())?;
        let metric = model.law().metric();
        let fraction = is_fraction(metric, [picked.predicted.median]);
        output.say(format_args!(
            "{:<12} {}: {} {}, 68 % between {} and {}; better than the best run's with probability {:.0} %",
            "pick",
            schedule_in_words(&picked.schedule),
            metric_name(metric),
            metric_value(picked.predicted.median, fraction),
            metric_value(picked.predicted.low_68, fraction),
            metric_value(picked.predicted.high_68, fraction),
            picked.probability_better_than_best * 100.0
        ));
        let entry = FitEntry {
            model: "law".to_owned(),
            file: "law.lode".into(),
            members: 1,
            iterations: 0,
            summary: fitted.summary,
        };
        Ok((entry, picked))
    }
}
