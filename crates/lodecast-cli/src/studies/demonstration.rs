//! The demonstration: what a few runs are good for; then many runs, two rounds of them, with forecasts and the closed loop.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use lodecast::{FitSettings, Forecaster, Model, ModelKind, SuggestionSettings, Sweep};
use lodecast_lab::{GRID_FAMILIES, OptimizerKind, SweepConfiguration, TaskSettings, Trainable, tasks};

use super::contenders::{self, Recommended};
use super::contest::{self, Contest};
use super::directory::{FEW_RUNS, FitEntry, StudyDirectory, StudyRecord};
use super::few_runs::FewRuns;
use super::machine::Machine;
use super::sweep as swept;
use crate::failure::advised;
use crate::figures::evaluation::ModelEvaluation;
use crate::figures::forecast::ForecastExample;
use crate::figures::{configuration_label, lodecast_name};
use crate::fitting::{self, Kept};
use crate::options::jobs::Jobs;
use crate::options::method::MethodOption;
use crate::options::planner::PlannerOptions;
use crate::options::seeds::{FIRST_FRESH_SEED, Seeds};
use crate::output::Output;
use crate::progress::{Phase, duration};

/// How large a demonstration.
pub(crate) struct Demonstration {
    /// Directory for the results and the report.
    pub out: PathBuf,
    /// Number of fresh seeds that the methods are compared on.
    pub seeds: u64,
    /// Optimizer.
    pub optimizer: OptimizerKind,
    /// Small, short and fast?
    pub quick: bool,
    /// Runs at a time.
    pub jobs: Jobs,
}

/// What two rounds of runs taught.
struct Learned {
    sweep: Sweep,
    /// The sweep and the suggested runs.
    both: Sweep,
    /// Models of both rounds, by name.
    models: Vec<(String, Model)>,
    /// That of the first round.
    one_round: (String, Model),
    /// The best of the suggested schedules.
    best_suggestion: Recommended,
}

/// A model with how it was fitted.
struct DemoModel {
    entry: FitEntry,
    model: Model,
}

/// Parts of a run that are seen before its forecast.
const OBSERVED: [f64; 5] = [0.0, 0.05, 0.1, 0.25, 0.5];
/// Part that is seen before the forecasts that are drawn.
const DRAWN_AFTER: f64 = 0.1;

impl Demonstration {
    /// Runs or resumes it: a few runs, the law and its pick beside the best of them; then the whole sweep, fit, a second round of
    /// suggested runs, fit, forecast, schedule, report.
    pub(crate) fn run(&self, output: &mut Output) -> Result<()> {
        let started = Instant::now();
        let directory = StudyDirectory::create(&self.out)?;
        let task = tasks::open("mnist1d-cnn", &TaskSettings::default())?;
        let configuration = self.sweep_configuration(task.as_ref());
        output.say(format_args!(
            "{} with {}; everything goes to {}",
            contest::in_words(task.as_ref(), configuration.length),
            self.optimizer,
            self.out.display()
        ));
        let mut record = StudyRecord {
            study: StudyRecord::VERSION,
            task: contest::in_words(task.as_ref(), configuration.length),
            optimizer: self.optimizer.to_string(),
            machine: Machine::here(),
            fits: Vec::new(),
            lodecast_methods: Vec::new(),
            phases: Vec::new(),
            decisions: Vec::new(),
            quick: self.quick,
        };

        let few = SweepConfiguration { seeds: configuration.seeds[..1].to_vec(), ..configuration.clone() };
        output.say(format_args!("First, what {} runs are good for.", few.runs()));
        let seeds = Seeds((FIRST_FRESH_SEED..FIRST_FRESH_SEED + self.seeds).collect());
        let study = FewRuns { configuration: &few, seeds: seeds.clone(), jobs: self.jobs, quick: self.quick };
        let few = study.run(task.as_ref(), &directory.file(FEW_RUNS), output)?;
        record.phases.push(("few runs, in all".to_owned(), started.elapsed().as_secs_f64()));

        output.say("Now many runs: networks that forecast, and a schedule that is set while a run trains.");
        let Learned { sweep, both, mut models, one_round, best_suggestion } =
            self.learn(task.as_ref(), few, &configuration, &directory, &mut record, output)?;
        let evaluations = evaluate(&models, &both, output)?;
        directory.write_json("evaluation.json", &evaluations)?;
        let (examples, seconds) = self.examples(&sweep, &directory, output)?;
        directory.write_json("forecasts.json", &examples)?;
        record.phases.push(("fit without held-out configurations".to_owned(), seconds));

        models.push(one_round);
        let contest = Contest {
            sweep: &sweep,
            planners: PlannerOptions::default().planners(models)?,
            paper: Vec::new(),
            methods: vec![MethodOption::COSINE],
            schedules: vec![best_suggestion],
            sharpness: None,
            optimizer: self.optimizer,
            length: configuration.length,
            seeds,
            jobs: self.jobs,
        };
        let outcome = contest.run(task.as_ref(), &directory, output)?;
        record.phases.push(("comparison".to_owned(), outcome.seconds));
        record.lodecast_methods.clone_from(&outcome.lodecast_methods);
        record.decisions.clone_from(&outcome.decisions);
        directory.write_json("study.json", &record)?;
        output.say(format_args!("{:<12} {}", "in all", duration(started.elapsed())));
        output.say("");
        contest::finish(&directory, &self.out, &outcome, output)
    }

    /// Two rounds of runs, and models of them. `few` are those of the first round under its first seed.
    fn learn(
        &self,
        task: &dyn Trainable,
        few: Sweep,
        configuration: &SweepConfiguration,
        directory: &StudyDirectory,
        record: &mut StudyRecord,
        output: &mut Output,
    ) -> Result<Learned> {
        let journal = directory.file("sweep.journal");
        let others = SweepConfiguration { seeds: configuration.seeds[1..].to_vec(), ..configuration.clone() };
        let outcome = swept::sweep("sweep", task, &others, &journal, self.jobs, output)?;
        record.phases.push(("sweep".to_owned(), self.jobs.seconds(&outcome.records)));
        let sweep = in_order(Sweep::join([few, outcome.sweep])?, configuration)?;
        lodecast_sweep_file::write(directory.file("sweep.parquet"), &sweep)?;

        let one_round = self.fit(
            &sweep,
            ModelKind::Controlled,
            ("one-round", "lodecast, one round".to_owned()),
            directory,
            output,
        )?;
        let further = self.second_round(configuration, &one_round.model)?;
        let journal = directory.file("second-round.journal");
        let outcome = swept::sweep("second round", task, &further, &journal, self.jobs, output)?;
        record.phases.push(("second round".to_owned(), self.jobs.seconds(&outcome.records)));
        let second_round = outcome.sweep;
        lodecast_sweep_file::write(directory.file("second-round.parquet"), &second_round)?;
        let best_suggestion = Recommended {
            name: "best suggestion, as it is".to_owned(),
            schedule: contenders::best_of_sweep(&second_round, 0)?.schedule,
        };

        let both = Sweep::join([sweep.clone(), second_round])?;
        let mut fit_both =
            |kind: ModelKind| self.fit(&both, kind, (kind.name(), lodecast_name(kind)), directory, output);
        let fitted = [fit_both(ModelKind::Controlled)?, fit_both(ModelKind::Paper)?];
        let mut keep = |fitted: DemoModel| {
            let DemoModel { entry, model } = fitted;
            let name = entry.model.clone();
            record.phases.push((format!("fit {}", entry.file.display()), entry.summary.seconds));
            record.fits.push(entry);
            (name, model)
        };
        let models = fitted.into_iter().map(&mut keep).collect();
        Ok(Learned { sweep, both, models, one_round: keep(one_round), best_suggestion })
    }

    fn sweep_configuration(&self, task: &dyn Trainable) -> SweepConfiguration {
        let mut configuration = SweepConfiguration {
            task: task.name().to_owned(),
            settings: TaskSettings::default(),
            optimizer: self.optimizer,
            families: GRID_FAMILIES.to_vec(),
            peak_learning_rates: task.peak_learning_rates(self.optimizer),
            schedules: Vec::new(),
            warmup: 0.0,
            seeds: (0..4).collect(),
            length: None,
        };
        if self.quick {
            let own = task.default_length();
            let every_other = configuration.peak_learning_rates.iter().copied().step_by(2);
            configuration.peak_learning_rates = every_other.collect();
            configuration.seeds = vec![0, 1];
            configuration.length = Some(lodecast_lab::Length { epochs: (own.epochs / 4).max(1), ..own });
        }
        configuration
    }

    fn settings(&self, kind: ModelKind) -> FitSettings {
        // A member a fold, so that every configuration has one that did not see it.
        FitSettings::new(kind).with_training(|training| {
            training.members = 5;
            if self.quick {
                training.iterations /= 8;
            }
        })
    }

    /// The schedules that the model suggests, under two seeds each that the first round has not seen: what suits the seeds
    /// it has seen is what the suggestions were chosen for.
    fn second_round(&self, first: &SweepConfiguration, model: &Model) -> Result<SweepConfiguration> {
        let Forecaster::Controlled(forecaster) = model.clone().into() else {
            unreachable!("fitted as a controlled one")
        };
        let unseen = first.seeds.iter().max().map_or(0, |seed| seed + 1);
        let mut settings = SuggestionSettings::default();
        if self.quick {
            settings.count = 3;
        }
        let suggestions = lodecast::suggest(forecaster.as_ref(), &settings)?;
        Ok(SweepConfiguration {
            families: Vec::new(),
            peak_learning_rates: Vec::new(),
            schedules: suggestions.into_iter().map(|suggestion| suggestion.schedule).collect(),
            seeds: vec![unseen, unseen + 1],
            ..first.clone()
        })
    }

    fn fit(
        &self,
        sweep: &Sweep,
        kind: ModelKind,
        (name, title): (&str, String),
        directory: &StudyDirectory,
        output: &mut Output,
    ) -> Result<DemoModel> {
        let settings = self.settings(kind);
        // The checkpoint stays: a fit that is finished is resumed at its end.
        let kept =
            Kept { checkpoint: Some(directory.file(&format!("{name}.checkpoint"))), resume: true, ..Kept::default() };
        let fitted = fitting::fit(sweep, &settings, kept, "fit", output)
            .map_err(|error| interrupted(error, &format!("cannot fit the {name} model")))?;
        fitting::say_what_to_know(&fitted, output);
        let file = format!("{name}.lode");
        fitted.model.save(directory.file(&file))?;
        let entry = FitEntry {
            model: title,
            file: file.into(),
            members: settings.training().map_or(1, |training| training.members),
            iterations: settings.training().map_or(0, |training| training.iterations),
            summary: fitted.summary,
        };
        Ok(DemoModel { entry, model: fitted.model })
    }

    /// Forecasts of runs whose configurations a further model has not seen, with what became of them; and how many seconds
    /// that model's fit took.
    fn examples(
        &self,
        sweep: &Sweep,
        directory: &StudyDirectory,
        output: &mut Output,
    ) -> Result<(Vec<ForecastExample>, f64)> {
        let held_out = spread_out(sweep, if self.quick { 3 } else { 6 });
        let names = sweep.configuration_names();
        let named = || sweep.runs.iter().zip(&names);
        let runs = named().filter(|(_, name)| !held_out.contains(name)).map(|(run, _)| run.clone());
        let rest = Sweep { metrics: sweep.metrics.clone(), runs: runs.collect() };
        let settings = self.settings(ModelKind::Controlled);
        let kept = Kept { checkpoint: Some(directory.file("held-out.checkpoint")), resume: true, ..Kept::default() };
        let fitted = fitting::fit(&rest, &settings, kept, "fit held-out", output)
            .map_err(|error| interrupted(error, "cannot fit the model for held-out forecasts"))?;
        let model = &fitted.model;
        let mut examples = Vec::new();
        for name in &held_out {
            let Some((run, _)) = named().find(|(_, known)| *known == name) else { continue };
            let total = run.total_steps();
            let seen = |step: u64| step as f64 <= DRAWN_AFTER * total as f64;
            let observed: Vec<_> = run.points(0).filter(|point| seen(point.step)).collect();
            let forecast = model.forecast(&observed, total, lodecast::Schedule::of_run(run).as_ref())?;
            examples.push(ForecastExample::new(
                configuration_label(run),
                &run.points(0).collect::<Vec<_>>(),
                run.total_steps(),
                model.metric(),
                DRAWN_AFTER,
                forecast,
            ));
        }
        Ok((examples, fitted.summary.seconds))
    }
}

/// The runs of a sweep in the order of its configuration, whichever were trained first.
fn in_order(mut sweep: Sweep, configuration: &SweepConfiguration) -> Result<Sweep> {
    let ids = configuration.run_configurations()?.into_iter().filter_map(|run| run.id);
    let places: HashMap<String, usize> = ids.zip(0..).collect();
    sweep.runs.sort_by_key(|run| places.get(&run.id).copied());
    Ok(sweep)
}

/// The demonstration always goes on where it was: what to do after an interruption is not what a fit by itself would say.
fn interrupted(error: anyhow::Error, what: &str) -> anyhow::Error {
    match error.downcast::<lodecast::Error>() {
        Ok(error @ lodecast::Error::Interrupted) => {
            advised(error, "run the same command again to go on: what was finished is kept")
        }
        Ok(error) => anyhow::Error::new(error).context(what.to_owned()),
        Err(error) => error.context(what.to_owned()),
    }
}

/// Forecast errors of every model on configurations it has not seen.
fn evaluate(models: &[(String, Model)], sweep: &Sweep, output: &mut Output) -> Result<Vec<ModelEvaluation>> {
    let phase = Phase::start("evaluate", models.len() as u64, output);
    let mut evaluations = Vec::new();
    for (index, (name, model)) in models.iter().enumerate() {
        let evaluation = lodecast::evaluate(model, sweep, &OBSERVED)?;
        evaluations.push(ModelEvaluation { model: name.clone(), evaluation });
        phase.at(index as u64 + 1, name.clone());
    }
    phase.done(output, "forecast errors on configurations that each model had not seen");
    Ok(evaluations)
}

/// Names of `count` configurations without diverged runs, evenly spread from the worst final metric to the best.
fn spread_out(sweep: &Sweep, count: usize) -> Vec<String> {
    let mut ranked: Vec<(f64, String)> = sweep
        .configurations()
        .into_iter()
        .filter_map(|(name, runs)| {
            let finals: Vec<f64> = runs.iter().filter_map(|&run| sweep.runs[run].final_validation(0)).collect();
            let sound = runs.iter().all(|&run| sweep.runs[run].diverged_at(0).is_none()) && finals.len() == runs.len();
            sound.then(|| (finals.iter().sum::<f64>() / finals.len() as f64, name))
        })
        .collect();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    let count = count.min(ranked.len());
    (0..count).map(|k| ranked[(2 * k + 1) * ranked.len() / (2 * count)].1.clone()).collect()
}
