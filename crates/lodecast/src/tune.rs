//! The tuner: which runs to make, and which schedule to take in the end. Ask it for a trial, train it, tell it what came out.
//!
//! Its state is plain data in a file. What it asks next depends on that state alone: killed at any moment and started again, it
//! asks the same.

mod curve;
mod error;
mod file;
mod recommendation;
mod report;
mod settings;
mod space;
mod state;
mod strategy;
#[cfg(test)]
mod tests;
mod trial;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

pub use curve::Report;
pub use error::TuneError;
pub use recommendation::{BestRun, CouldBeBetter, NextRun, Recommendation};
pub use report::{Added, RefusedRun};
pub use settings::{TunerBuilder, TunerSettings};
pub use space::{SearchSpace, SettingRange};
pub use state::TunerState;
pub use strategy::Strategy;
pub use trial::{SettingValue, Trial, TrialRecord, TrialStatus};

use crate::{Law, Metric, Point, Run, Schedule, ShapeRange, Sweep};
use strategy::{Proposal, Situation};

/// Asks for runs and recommends a schedule.
///
/// ```
/// use lodecast::{Direction, Metric, Point, Schedule};
/// use lodecast::tune::Tuner;
///
/// // Stands for a training: the loss after 1,000 steps under a schedule.
/// fn train(schedule: &Schedule) -> Vec<Point> {
///     let (mut trained, mut noise) = (0.0, 0.0);
///     let points = (0..=1000u64).map(|step| {
///         let rate = schedule.at_step(step, 1000);
///         trained += rate;
///         noise += 0.05 * (rate - noise);
///         Point::new(step).learning_rate(rate).validation(0.1 + 2.2 / (1.0 + trained).sqrt() + 0.5 * noise)
///     });
///     points.step_by(20).collect()
/// }
///
/// let metric = Metric::new("val_loss", Direction::Min);
/// let mut tuner = Tuner::builder(metric, 1000).learning_rate(0.3).budget(6000).build()?;
/// while let Some(trial) = tuner.ask()? {
///     tuner.tell(&trial.name, train(&trial.schedule))?;
/// }
/// let recommended = tuner.recommend()?;
/// let best_run = recommended.best_run.value;
/// assert!(train(&recommended.schedule).last().unwrap().validation.unwrap() < 1.05 * best_run);
/// # Ok::<(), lodecast::tune::TuneError>(())
/// ```
///
/// Many workers share a study through its file, each turn whole or not at all:
///
/// ```
/// use lodecast::{Direction, Metric};
/// use lodecast::tune::Tuner;
/// # let folder = tempfile::tempdir().unwrap();
/// let study = folder.path().join("study.json");
/// let builder = Tuner::builder(Metric::new("val_accuracy", Direction::Max), 800).peaks(0.01, 1.0);
/// let trial = builder.update(&study, |tuner| tuner.ask_as("worker-1"))?.expect("no budget was set");
/// // ... train it, on whatever machine ...
/// Tuner::update(&study, |tuner| tuner.tell(&trial.name, 0.93))?;
/// assert_eq!(Tuner::load(&study)?.trials()[0].last_value(), Some(0.93));
/// # Ok::<(), lodecast::tune::TuneError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Tuner {
    state: TunerState,
    /// The law of everything told, once it was asked for.
    law: OnceLock<Result<Law, String>>,
}

/// A run that reached its end with a value.
#[derive(Clone, Debug)]
struct MeasuredRun {
    name: String,
    schedule: Schedule,
    total_steps: u64,
    settings: BTreeMap<String, String>,
    value: f64,
}

impl Tuner {
    /// A tuner of runs of `total_steps`, by this metric. It also has to be told which rates to try: a range of peaks, one rate
    /// that worked, or runs that recorded theirs.
    pub fn builder(metric: Metric, total_steps: u64) -> TunerBuilder {
        TunerBuilder::new(metric, total_steps)
    }

    fn from_state(state: TunerState) -> Self {
        Self { state, law: OnceLock::new() }
    }

    /// Goes on from a saved state.
    ///
    /// # Errors
    /// If the state is damaged, or from another version.
    pub fn restore(state: TunerState) -> Result<Self, TuneError> {
        state.check()?;
        Ok(Self::from_state(state))
    }

    /// Everything it knows.
    pub fn state(&self) -> &TunerState {
        &self.state
    }

    /// Reads the study in a file.
    ///
    /// # Errors
    /// If there is none, or it is damaged.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, TuneError> {
        let path = path.as_ref();
        let missing = || {
            let source = std::io::Error::from(std::io::ErrorKind::NotFound);
            crate::Error::File { path: path.to_owned(), source }
        };
        Ok(Self::from_state(file::read(path)?.ok_or_else(missing)?))
    }

    /// Writes the study into a file, whole or not at all.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), TuneError> {
        file::write(path.as_ref(), &self.state)
    }

    /// Reads the study in a file, lets `act` work on it and writes it back, while no other process may. After an error the file
    /// is as it was. A file of the same name that ends in `.lock` stays beside it.
    ///
    /// # Errors
    /// Those of `act`, and if the file cannot be read or written.
    pub fn update<T>(
        path: impl AsRef<Path>,
        act: impl FnOnce(&mut Self) -> Result<T, TuneError>,
    ) -> Result<T, TuneError> {
        let path = path.as_ref();
        let _lock = file::lock(path)?;
        Self::load(path)?.acted(path, act)
    }

    fn acted<T>(mut self, path: &Path, act: impl FnOnce(&mut Self) -> Result<T, TuneError>) -> Result<T, TuneError> {
        let outcome = act(&mut self)?;
        self.save(path)?;
        Ok(outcome)
    }

    /// What it was told before it asked.
    pub fn settings(&self) -> &TunerSettings {
        &self.state.settings
    }

    /// Changes what may be tried from here on. What was measured stays.
    ///
    /// # Errors
    /// If a range is not one.
    pub fn set_space(&mut self, space: SearchSpace) -> Result<(), TuneError> {
        space.check()?;
        self.state.settings.space = space;
        Ok(())
    }

    /// Everything that was asked for, in order, with what became of it.
    pub fn trials(&self) -> &[TrialRecord] {
        &self.state.trials
    }

    /// Trials that have not reported their end.
    pub fn running(&self) -> impl Iterator<Item = &Trial> {
        self.state.trials.iter().filter(|record| !record.is_over()).map(|record| &record.trial)
    }

    /// Training steps that trials have cost, running ones in full.
    pub fn committed(&self) -> u64 {
        self.state.trials.iter().map(TrialRecord::cost).sum()
    }

    /// The next run to make; `None` if the budget does not hold it.
    ///
    /// Running trials count: as taken in a spread, as what the models expect of them where models choose.
    ///
    /// # Errors
    /// If nothing says which rates to try.
    pub fn ask(&mut self) -> Result<Option<Trial>, TuneError> {
        self.ask_for(None)
    }

    /// The next run to make, for a worker with a name.
    ///
    /// # Errors
    /// As [`Self::ask`], and if the worker was given a trial that has not reported ([`Self::resume`] gives it again).
    pub fn ask_as(&mut self, worker: &str) -> Result<Option<Trial>, TuneError> {
        if let Some(trial) = self.resume(worker) {
            return Err(TuneError::WorkerBusy { worker: worker.to_owned(), trial: trial.name.clone() });
        }
        self.ask_for(Some(worker))
    }

    /// The trial that a worker was given and that has not reported: what to go on with after a crash.
    pub fn resume(&self, worker: &str) -> Option<&Trial> {
        let mut running = self.state.trials.iter().filter(|record| !record.is_over());
        running.find(|record| record.worker.as_deref() == Some(worker)).map(|record| &record.trial)
    }

    fn ask_for(&mut self, worker: Option<&str>) -> Result<Option<Trial>, TuneError> {
        let asked = self.state.trials.len() as u64;
        let situation = Situation { tuner: self, shapes: self.shapes()?, asked };
        let proposal = self.settings().strategy.propose(&situation)?;
        Ok(self.take_on(proposal, worker))
    }

    /// A trial of a schedule of one's own: of another search, or the next run of a recommendation. `None` if the budget does not
    /// hold it. Other settings are those of the best run.
    ///
    /// # Errors
    /// If the schedule is none.
    pub fn try_schedule(&mut self, schedule: Schedule, reason: impl Into<String>) -> Result<Option<Trial>, TuneError> {
        schedule.check()?;
        let (total_steps, settings) = (self.settings().total_steps, self.settings_of(self.best_run().as_ref()));
        Ok(self.take_on(Proposal { schedule, total_steps, settings, reason: reason.into() }, None))
    }

    /// Makes a trial of what was proposed, if the budget holds it.
    fn take_on(&mut self, proposal: Proposal, worker: Option<&str>) -> Option<Trial> {
        let Proposal { schedule, total_steps, settings, reason } = proposal;
        if self.settings().budget.is_some_and(|budget| self.committed() + total_steps > budget) {
            return None;
        }
        let asked = self.state.trials.len() as u64;
        let seed = self.settings().seed.wrapping_add(asked);
        let name = format!("trial-{:04}", asked + 1);
        let trial = Trial { name, schedule, total_steps, seed, settings, reason };
        self.state.trials.push(TrialRecord {
            trial: trial.clone(),
            worker: worker.map(str::to_owned),
            status: TrialStatus::Running,
            later_reports: 0,
            curve: None,
        });
        Some(trial)
    }

    /// Where new schedules may come from.
    fn shapes(&self) -> Result<ShapeRange, TuneError> {
        let space = &self.settings().space;
        let believed = if let Some((low, high)) = space.peaks {
            Some(ShapeRange::of_peaks(low, high))
        } else if let Ok(law) = self.law() {
            law.believed_shapes()
        } else {
            let schedules = self.taken();
            ShapeRange::of(schedules.iter().map(|(schedule, _)| schedule.highest_rate()), None)
        };
        Ok(space.confined(believed.ok_or(TuneError::NoRates)?))
    }

    /// Are there runs that were not asked for, enough to begin with?
    fn knows_runs(&self) -> bool {
        const ENOUGH: usize = 3;
        self.state.known.len() >= ENOUGH
    }

    /// Schedules and settings of everything that was measured or asked for.
    fn taken(&self) -> Vec<(Schedule, BTreeMap<String, String>)> {
        let asked = self.state.trials.iter().map(|record| {
            let trial = &record.trial;
            let settings = trial.settings.iter().map(|(name, value)| (name.clone(), value.to_string()));
            (trial.schedule.clone(), settings.collect())
        });
        let known = self.state.known.iter().filter_map(|known| {
            let run = known.run().ok()?;
            Some((Schedule::of_run(&run)?, run.attributes.other))
        });
        asked.chain(known).collect()
    }

    /// Runs that reached their end, with their final value.
    fn measured(&self) -> Vec<MeasuredRun> {
        let asked = self.state.trials.iter().filter_map(|record| {
            let run = record.run().ok()??;
            let value = run.final_metric(0)?;
            let Trial { name, schedule, total_steps, .. } = record.trial.clone();
            Some(MeasuredRun { name, schedule, total_steps, settings: run.attributes.other, value })
        });
        let known = self.state.known.iter().filter_map(|known| {
            let run = known.run().ok()?;
            let (value, total_steps) = (run.final_metric(0)?, run.total_steps());
            let schedule = Schedule::of_run(&run)?;
            Some(MeasuredRun { name: run.id, schedule, total_steps, settings: run.attributes.other, value })
        });
        asked.chain(known).collect()
    }

    /// The best of them: of those of the full length, if there is one.
    fn best_run(&self) -> Option<MeasuredRun> {
        let Self { state: TunerState { settings: TunerSettings { metric, total_steps, .. }, .. }, .. } = self;
        let mut measured = self.measured();
        if measured.iter().any(|run| run.total_steps == *total_steps) {
            measured.retain(|run| run.total_steps == *total_steps);
        }
        let better = |best: MeasuredRun, next: MeasuredRun| {
            if metric.direction.is_better(next.value, best.value) { next } else { best }
        };
        measured.into_iter().reduce(better)
    }

    /// How many runs came to an end, diverged ones included.
    fn ended(&self) -> usize {
        let asked = self
            .state
            .trials
            .iter()
            .filter(|record| matches!(record.status, TrialStatus::Finished | TrialStatus::Diverged));
        let known = self.state.known.iter().filter_map(|known| known.run().ok());
        asked.count() + known.filter(|run| run.reached_end() || run.diverged_at(0).is_some()).count()
    }

    /// The runs that were told and those it knew, as a sweep: to fit a model to, or to look at.
    ///
    /// # Errors
    /// Never of runs that were told to a tuner.
    pub fn sweep(&self) -> Result<Sweep, TuneError> {
        let mut sweep = Sweep::new(vec![self.settings().metric.clone()]);
        for known in &self.state.known {
            sweep.runs.push(known.run()?);
        }
        for record in &self.state.trials {
            sweep.runs.extend(record.run()?);
        }
        Ok(sweep)
    }

    /// The law of everything told, or why there is none.
    fn law(&self) -> Result<&Law, &str> {
        let fitted = self.law.get_or_init(|| {
            let sweep = self.sweep().map_err(|error| error.to_string())?;
            let TunerSettings { metric, law, .. } = self.settings();
            Law::fit(&sweep.with_lengths().0, &metric.name, law).map_err(|error| error.to_string())
        });
        fitted.as_ref().map_err(String::as_str)
    }

    /// The law of everything told and of the running trials, which end as it expects.
    fn imagined_law(&self) -> Option<Law> {
        let law = self.law().ok()?;
        let mut sweep = self.sweep().ok()?;
        let before = sweep.runs.len();
        for record in self.state.trials.iter().filter(|record| !record.is_over()) {
            sweep.runs.retain(|run| run.id != record.trial.name);
            sweep.runs.push(imagined(law, &record.trial)?);
        }
        if sweep.runs.len() == before && self.running().next().is_none() {
            return Some(law.clone());
        }
        Law::fit(&sweep.with_lengths().0, &self.settings().metric.name, &self.settings().law).ok()
    }
}

/// The run of a trial as the law expects it.
fn imagined(law: &Law, trial: &Trial) -> Option<Run> {
    let curve = law.forecast(&trial.schedule, trial.total_steps).ok()?;
    let points = curve.progress.iter().zip(&curve.median).map(|(progress, value)| {
        let step = (progress * trial.total_steps as f64).round() as u64;
        Point::new(step).learning_rate(trial.schedule.learning_rate(*progress)).validation(*value)
    });
    let mut points: Vec<Point> = points.collect();
    points.dedup_by_key(|point| point.step);
    Some(Run::from_points(&trial.name, points).ok()?.with_attributes(trial.attributes()))
}
