//! [`SchedulerBuilder`]: what a scheduler is told before a run starts, checked.

use super::record::Record;
use super::replan::Replan;
use super::{Scheduler, limits};
use crate::data::Schedule;
use crate::error::{Result, setting};
use crate::model::Forecaster;
use crate::plan::{Planner, PlannerSettings};

/// Sets up a [`Scheduler`]; see [`Scheduler::builder`].
#[derive(Clone, Debug)]
pub struct SchedulerBuilder {
    forecaster: Forecaster,
    total_steps: u64,
    start: Option<Schedule>,
    seed: u64,
    replan: Option<Replan>,
    settings: Option<PlannerSettings>,
    range_factor: f64,
}

impl SchedulerBuilder {
    /// Planned length of the run in optimizer steps; must be given.
    #[must_use]
    pub fn total_steps(mut self, total_steps: u64) -> Self {
        self.total_steps = total_steps;
        self
    }

    /// The schedule to start with; by default that of the sweep's best configuration.
    #[must_use]
    pub fn start(mut self, schedule: Schedule) -> Self {
        self.start = Some(schedule);
        self
    }

    /// Seed of the planner's candidates; 0 by default.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Replans when the run first reaches each of these fractions of its length. See also [`Self::replan`].
    #[must_use]
    pub fn replan_at(self, progress: impl IntoIterator<Item = f64>) -> Self {
        self.replan(Replan::At(progress.into_iter().collect()))
    }

    /// When to replan; by default [`Replan::default_for`] the kind of model.
    #[must_use]
    pub fn replan(mut self, replan: Replan) -> Self {
        self.replan = Some(replan);
        self
    }

    /// Settings of the planner; by default the measured ones.
    #[must_use]
    pub fn settings(mut self, settings: impl Into<PlannerSettings>) -> Self {
        self.settings = Some(settings.into());
        self
    }

    /// How far beyond the range of the sweep's rates the scheduler may go, as a factor; 1 by default.
    #[must_use]
    pub fn range_factor(mut self, factor: f64) -> Self {
        self.range_factor = factor;
        self
    }

    /// The scheduler. If a plan is due at the very start, it is made now.
    ///
    /// # Errors
    /// If a setting is out of its range.
    pub fn build(self) -> Result<Scheduler> {
        let settings = self.settings.unwrap_or_else(|| PlannerSettings::default_for(&self.forecaster));
        let planner = Planner::new(self.forecaster, settings)?;
        let replan = self.replan.unwrap_or_else(|| Replan::default_for(planner.forecaster()));
        replan.check()?;
        setting("total_steps", self.total_steps, self.total_steps > 0, "give the planned number of optimizer steps")?;
        let factor = self.range_factor;
        setting("range_factor", factor, factor >= 1.0 && factor.is_finite(), "give a factor of at least 1")?;
        let experience = planner.forecaster().experience();
        let opening = match (&self.start, planner.forecaster()) {
            (None, Forecaster::Controlled(model)) => model.openings(self.total_steps, self.seed)?.into_iter().next(),
            _ => None,
        };
        let schedule = self
            .start
            .or(opening.map(|opening| opening.schedule))
            .unwrap_or_else(|| experience.best_configuration().schedule.clone());
        schedule.check()?;
        let mut scheduler = Scheduler {
            fingerprint: planner.forecaster().fingerprint(),
            limits: limits(&planner, factor),
            planner,
            total_steps: self.total_steps,
            seed: self.seed,
            replan,
            range_factor: factor,
            schedule,
            record: Record::default(),
            occasions: 0,
            replans: 0,
            picked: false,
            last_plan: None,
            notice: String::new(),
        };
        if scheduler.planner.plans_ahead() {
            scheduler.replan_if_due();
        }
        Ok(scheduler)
    }
}

impl Scheduler {
    /// A scheduler with a model: [`Model`](crate::Model), or any [`Forecaster`].
    pub fn builder(model: impl Into<Forecaster>) -> SchedulerBuilder {
        SchedulerBuilder {
            forecaster: model.into(),
            total_steps: 0,
            start: None,
            seed: 0,
            replan: None,
            settings: None,
            range_factor: 1.0,
        }
    }
}
