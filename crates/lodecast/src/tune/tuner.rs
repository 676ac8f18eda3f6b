//! [`Tuner`]: asks for runs, one trial after the other.

use std::path::Path;
use std::sync::OnceLock;

use super::error::TuneError;
use super::file;
use super::settings::TunerSettings;
use super::space::SearchSpace;
use super::state::TunerState;
use super::strategy::{Proposal, Situation, Study as _};
use super::trial::{Trial, TrialRecord, TrialStatus};
use crate::{Law, Schedule};

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
    pub(super) state: TunerState,
    /// The law of everything told, once it was asked for.
    pub(super) law: OnceLock<Result<Law, String>>,
}

impl Tuner {
    pub(super) fn from_state(state: TunerState) -> Self {
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

    pub(super) fn acted<T>(
        mut self,
        path: &Path,
        act: impl FnOnce(&mut Self) -> Result<T, TuneError>,
    ) -> Result<T, TuneError> {
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
        let TunerSettings { strategy, metric, total_steps, space, seed, budget, start_design, .. } = self.settings();
        let situation = Situation {
            study: self,
            direction: metric.direction,
            total_steps: *total_steps,
            ranges: &space.settings,
            shapes: self.shapes()?,
            seed: *seed,
            start_design: *start_design && !self.knows_runs(),
            mostly_spent: budget.map(|budget| self.committed() >= budget / 3 * 2),
            asked: self.state.trials.len() as u64,
        };
        let proposal = strategy.propose(&situation)?;
        Ok(self.take_on(proposal, worker))
    }

    /// A trial of a schedule of one's own: of another search, or the next run of a recommendation. `None` if the budget does not
    /// hold it. Other settings are those of the best run.
    ///
    /// # Errors
    /// If the schedule is none.
    pub fn try_schedule(&mut self, schedule: Schedule, reason: impl Into<String>) -> Result<Option<Trial>, TuneError> {
        schedule.check()?;
        let (total_steps, settings) = (self.settings().total_steps, self.settings_of_the_best());
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
}
