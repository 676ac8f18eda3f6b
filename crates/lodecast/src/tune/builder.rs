//! [`TunerBuilder`]: a tuner is set up, or goes on with a saved study.

use std::path::Path;

use super::error::TuneError;
use super::file;
use super::settings::TunerSettings;
use super::space::{SearchSpace, SettingRange};
use super::state::TunerState;
use super::strategy::Strategy;
use super::tuner::Tuner;
use crate::{Family, LawSettings, Metric};

/// Sets up a [`Tuner`]; see [`Tuner::builder`].
#[derive(Clone, Debug)]
pub struct TunerBuilder(TunerSettings);

impl From<TunerSettings> for TunerBuilder {
    fn from(settings: TunerSettings) -> Self {
        Self(settings)
    }
}

impl TunerBuilder {
    pub(super) fn new(metric: Metric, total_steps: u64) -> Self {
        Self(TunerSettings {
            task: None,
            metric,
            total_steps,
            space: SearchSpace::default(),
            strategy: Strategy::default(),
            seed: 0,
            budget: None,
            start_design: true,
            law: LawSettings::default(),
        })
    }

    /// What it was told so far.
    pub fn settings(&self) -> &TunerSettings {
        &self.0
    }

    /// What is trained, in your words: a study of one task refuses another's.
    #[must_use]
    pub fn task(mut self, task: impl Into<String>) -> Self {
        self.0.task = Some(task.into());
        self
    }

    /// Lowest and highest peak rate to try.
    #[must_use]
    pub fn peaks(mut self, low: f64, high: f64) -> Self {
        self.0.space.peaks = Some((low, high));
        self
    }

    /// One rate that worked: peaks from a tenth of it to ten times it are tried.
    #[must_use]
    pub fn learning_rate(mut self, rate_that_worked: f64) -> Self {
        self.0.space.peaks = SearchSpace::about(rate_that_worked).peaks;
        self
    }

    /// The one warm-up to use, as a fraction of the run.
    #[must_use]
    pub fn warmup(mut self, fraction: f64) -> Self {
        self.0.space.warmup = Some(fraction);
        self
    }

    /// The one last rate to use, as a fraction of the peak.
    #[must_use]
    pub fn end(mut self, fraction: f64) -> Self {
        self.0.space.end = Some(fraction);
        self
    }

    /// The families to choose from, where a framework has no others.
    #[must_use]
    pub fn families(mut self, families: impl IntoIterator<Item = Family>) -> Self {
        self.0.space.families = families.into_iter().collect();
        self
    }

    /// Another setting to tune beside the rate.
    #[must_use]
    pub fn setting(mut self, name: impl Into<String>, range: SettingRange) -> Self {
        self.0.space.settings.insert(name.into(), range);
        self
    }

    /// Everything that may be tried.
    #[must_use]
    pub fn space(mut self, space: SearchSpace) -> Self {
        self.0.space = space;
        self
    }

    /// How the next run is chosen; `spread` by default.
    #[must_use]
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.0.strategy = strategy;
        self
    }

    /// Seed of everything that is drawn; 0 by default.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.0.seed = seed;
        self
    }

    /// Training steps that may be spent in all, runs that stopped, diverged or confirmed another included.
    #[must_use]
    pub fn budget(mut self, steps: u64) -> Self {
        self.0.budget = Some(steps);
        self
    }

    /// Does a search from nothing begin with three schedules that are known to tell much? By default it does.
    #[must_use]
    pub fn start_design(mut self, begins_with_it: bool) -> Self {
        self.0.start_design = begins_with_it;
        self
    }

    /// How the law is fitted: the metric of an untrained network, its ideal value, and which value of a run counts.
    #[must_use]
    pub fn law(mut self, settings: LawSettings) -> Self {
        self.0.law = settings;
        self
    }

    /// A tuner that was told nothing yet.
    ///
    /// # Errors
    /// If a setting is out of its range.
    pub fn build(self) -> Result<Tuner, TuneError> {
        self.0.check()?;
        Ok(Tuner::from_state(TunerState::new(self.0)))
    }

    /// Goes on with a saved study, if it is one of the same task, metric, length and space. Strategy, budget and the law's
    /// settings may be others: they only say what comes next.
    ///
    /// # Errors
    /// If it is another study, or a setting is out of its range. To change the space of a study, resume it with the one it
    /// has, then [`Tuner::set_space`].
    pub fn resume(self, mut state: TunerState) -> Result<Tuner, TuneError> {
        self.0.check()?;
        state.check()?;
        let saved = &state.settings;
        let differ = |what, kept: &str, given: &str, remedy| {
            let (kept, given) = (kept.to_owned(), given.to_owned());
            if kept == given { Ok(()) } else { Err(TuneError::OtherStudy { what, kept, given, remedy }) }
        };
        let another = "use a file of its own for another study";
        if let (Some(kept), Some(given)) = (&saved.task, &self.0.task) {
            differ("the task", kept, given, another)?;
        }
        differ("the metric", &saved.metric.to_string(), &self.0.metric.to_string(), another)?;
        let (kept, given) = (saved.total_steps.to_string(), self.0.total_steps.to_string());
        differ(
            "the length of the runs in steps",
            &kept,
            &given,
            "add the old study's runs to a new one: lengths may differ there",
        )?;
        if let Some((what, kept, given)) = saved.space.difference(&self.0.space) {
            let remedy = "resume it as it was, or change the space of the study; what was measured stays";
            return Err(TuneError::OtherStudy { what, kept, given, remedy });
        }
        let task = state.settings.task.take();
        state.settings = self.0;
        state.settings.task = state.settings.task.or(task);
        Ok(Tuner::from_state(state))
    }

    /// The study in the file, or a new one if there is no file.
    ///
    /// # Errors
    /// See [`Self::resume`] and [`Self::build`]; and if the file cannot be read.
    pub fn open(self, path: impl AsRef<Path>) -> Result<Tuner, TuneError> {
        match file::read(path.as_ref())? {
            Some(state) => self.resume(state),
            None => self.build(),
        }
    }

    /// [`Tuner::update`], which begins the study if there is no file yet.
    ///
    /// # Errors
    /// Those of `act` and of [`Self::open`], and if the file cannot be written.
    pub fn update<T>(
        self,
        path: impl AsRef<Path>,
        act: impl FnOnce(&mut Tuner) -> Result<T, TuneError>,
    ) -> Result<T, TuneError> {
        let path = path.as_ref();
        let _lock = file::lock(path)?;
        self.open(path)?.acted(path, act)
    }
}

impl Tuner {
    /// A tuner of runs of `total_steps`, by this metric. It also has to be told which rates to try: a range of peaks, one rate
    /// that worked, or runs that recorded theirs.
    pub fn builder(metric: Metric, total_steps: u64) -> TunerBuilder {
        TunerBuilder::new(metric, total_steps)
    }
}
