//! [`Scheduler`]: the online loop. Points come in, the learning rate goes out, and now and then the rest is replanned.

mod builder;
mod record;
mod replan;
mod state;

pub use builder::SchedulerBuilder;
pub use replan::Replan;
pub use state::SchedulerState;

use crate::data::Point;
use crate::data::{Knot, Schedule};
use crate::error::{Error, Result, setting};
use crate::experience::RateRange;
use crate::model::Forecaster;
use crate::plan::{Plan, Planner, Situation};
use record::Record;

/// Times at which a schedule is redrawn when the run is extended.
const REDRAWN: usize = 100;

/// What the scheduler made of a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Observation<'a> {
    /// It was taken in; nothing was to be decided.
    Nothing,
    /// The rest of the run was planned anew and the schedule changed.
    Replanned(&'a Plan),
    /// The schedule in force stays, though it might have changed.
    Kept(&'a str),
    /// The point was not taken in.
    Ignored(&'a str),
}

/// What became of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    /// The first of its step.
    First,
    /// It added to what was measured at its step, or corrected it.
    Again,
    /// It was not finite.
    Unsound,
    /// It came after a later step.
    TooLate,
}

/// Chooses the learning rates of one run as it goes.
///
/// Whatever happens, the rate is finite, positive and within the range of the model's sweep; a failing plan keeps the
/// schedule in force and says why. Nothing a training does can make it panic or return an error.
///
/// ```no_run
/// # fn main() -> lodecast::Result<()> {
/// use lodecast::{Model, Observation, Point, Schedule, Scheduler};
/// let model = Model::load("model.lode")?;
/// let mut scheduler = Scheduler::builder(model).total_steps(23_400).start(Schedule::cosine(3e-3)).build()?;
/// for step in 0..scheduler.total_steps() {
///     let learning_rate = scheduler.learning_rate(step);
///     # let train_loss = learning_rate;
///     // ... train with it ...
///     if let Observation::Replanned(plan) = scheduler.observe(Point::new(step).train_loss(train_loss)) {
///         eprintln!("{plan}");
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Scheduler {
    planner: Planner,
    fingerprint: String,
    total_steps: u64,
    seed: u64,
    replan: Replan,
    range_factor: f64,
    /// Bounds of every rate given out.
    limits: RateRange,
    schedule: Schedule,
    record: Record,
    /// Occasions of `replan` that are over.
    occasions: u64,
    /// Plans made; the position in the stream of random numbers.
    replans: u64,
    /// Is the schedule in force what a plan came to?
    picked: bool,
    last_plan: Option<Plan>,
    notice: String,
}

/// Bounds of the rates given out: those of the sweep, times a factor.
fn limits(planner: &Planner, factor: f64) -> RateRange {
    let RateRange { lowest, highest } = planner.forecaster().experience().learning_rates;
    // A rate that underflows to zero or overflows would stop or wreck the training.
    RateRange { lowest: (lowest / factor).max(f64::MIN_POSITIVE), highest: (highest * factor).min(f64::MAX) }
}

impl Scheduler {
    /// Learning rate for an optimizer step.
    #[inline]
    pub fn learning_rate(&self, step: u64) -> f64 {
        self.limits.clamp(self.schedule.at_step(step, self.total_steps))
    }

    /// Takes in what was measured. The rate of the point may be left out: it is the one this scheduler gave.
    ///
    /// A point at the last step again adds to that one or corrects it, and never plans twice. A point at an earlier step is
    /// ignored. Where loss and metric of a step come one after the other, [`Self::note`] takes in both before
    /// [`Self::decide`] plans.
    pub fn observe(&mut self, point: Point) -> Observation<'_> {
        match self.take_in(point) {
            Taken::First => self.decide(),
            Taken::Again => Observation::Nothing,
            Taken::Unsound => Observation::Kept(&self.notice),
            Taken::TooLate => Observation::Ignored(&self.notice),
        }
    }

    /// Takes in what was measured as [`Self::observe`] does, but never plans: that is left to [`Self::decide`].
    pub fn note(&mut self, point: Point) -> Observation<'_> {
        match self.take_in(point) {
            Taken::First | Taken::Again => Observation::Nothing,
            Taken::Unsound => Observation::Kept(&self.notice),
            Taken::TooLate => Observation::Ignored(&self.notice),
        }
    }

    /// Plans the rest of the run if it is time to, from everything taken in so far. Asked again before anything new was taken
    /// in, it does nothing.
    pub fn decide(&mut self) -> Observation<'_> {
        if !self.replan_if_due() {
            return Observation::Nothing;
        }
        match &self.last_plan {
            Some(plan) if plan.changed => Observation::Replanned(plan),
            _ => Observation::Kept(&self.notice),
        }
    }

    fn take_in(&mut self, mut point: Point) -> Taken {
        let last = self.record.points().last().map(|point| point.step);
        if let Some(last) = last.filter(|&last| point.step < last) {
            self.notice = format!("step {} came after step {last}", point.step);
            return Taken::TooLate;
        }
        let trouble = [("train loss", point.train_loss), ("metric", point.validation)]
            .into_iter()
            .find(|(_, value)| value.is_some_and(|value| !value.is_finite()))
            .map(|(name, value)| format!("the {name} at step {} is {}", point.step, value.unwrap_or(f64::NAN)));
        if last != Some(point.step) {
            let usable = |rate: &f64| rate.is_finite() && *rate >= 0.0;
            let rate = point.learning_rate.filter(usable).unwrap_or_else(|| self.learning_rate(point.step));
            point.learning_rate = Some(rate);
        }
        self.record.observe(point);
        match trouble {
            // The occasion to replan is not lost: it waits for a sound point.
            Some(trouble) => {
                self.notice = trouble;
                Taken::Unsound
            }
            None if last == Some(point.step) => Taken::Again,
            None => Taken::First,
        }
    }

    /// Plans if it is time to. Says whether it was.
    fn replan_if_due(&mut self) -> bool {
        let now = self.record.points().last().map_or(0.0, |point| point.step as f64 / self.total_steps as f64);
        let occasions = self.replan.occasions(now, self.record.observed());
        if now >= 1.0 || occasions <= self.occasions {
            return false;
        }
        self.occasions = occasions;
        let situation = Situation {
            observed: self.record.points(),
            total_steps: self.total_steps,
            now,
            in_force: &self.schedule,
            seed: self.seed,
            replan: self.replans,
            picked: self.picked,
        };
        let plan = self.planner.plan(&situation).unwrap_or_else(|error| situation.keep(error.to_string(), Vec::new()));
        self.replans += 1;
        self.picked |= plan.is_weighed();
        if plan.changed {
            self.schedule.clone_from(&plan.schedule);
        }
        self.notice.clone_from(&plan.reason);
        self.last_plan = Some(plan);
        true
    }

    /// Makes the run longer. Rates up to the last point observed stay as they were, the rest is stretched, and planned anew at
    /// the next occasion ([`Self::decide`], or the next point).
    ///
    /// # Errors
    /// If `total_steps` is smaller than now.
    pub fn extend(&mut self, total_steps: u64) -> Result<()> {
        let remedy = "a run can be made longer, not shorter";
        setting("total_steps", total_steps, total_steps >= self.total_steps, remedy)?;
        let step = self.record.points().last().map_or(0, |point| point.step.min(self.total_steps));
        if step > 0 && total_steps > self.total_steps {
            let before = step as f64 / self.total_steps as f64;
            let after = step as f64 / total_steps as f64;
            let knot = |progress: f64| {
                let old = if progress < after {
                    progress / after * before
                } else {
                    1.0 - (1.0 - progress) / (1.0 - after) * (1.0 - before)
                };
                Knot { progress, learning_rate: self.schedule.learning_rate(old) }
            };
            let mut times: Vec<f64> = (0..=REDRAWN).map(|k| k as f64 / REDRAWN as f64).collect();
            times.push(after);
            times.sort_by(f64::total_cmp);
            times.dedup();
            self.schedule = Schedule::PiecewiseLinear { knots: times.into_iter().map(knot).collect() };
        }
        if total_steps > self.total_steps {
            let now = step as f64 / total_steps as f64;
            let due = self.replan.occasions(now, self.record.observed());
            self.occasions = self.occasions.min(due.saturating_sub(1));
        }
        self.total_steps = total_steps;
        // In the longer run, occasions that are over may lie ahead again.
        let now = step as f64 / total_steps as f64;
        self.occasions = self.occasions.min(self.replan.occasions(now, self.record.observed()));
        Ok(())
    }

    /// Planned length of the run in optimizer steps.
    pub fn total_steps(&self) -> u64 {
        self.total_steps
    }

    /// The schedule in force. Its rates are bounded by the range of the sweep when they are given out.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// The last plan, whether it changed anything or not.
    pub fn last_plan(&self) -> Option<&Plan> {
        self.last_plan.as_ref()
    }

    /// Plans made so far.
    pub fn replans(&self) -> u64 {
        self.replans
    }

    /// The points remembered: all of a short run, the early ones of a long run averaged.
    pub fn observed(&self) -> &[Point] {
        self.record.points()
    }

    /// The planner.
    pub fn planner(&self) -> &Planner {
        &self.planner
    }

    /// Everything that its future decisions depend on, besides the model.
    pub fn state(&self) -> SchedulerState {
        SchedulerState {
            version: SchedulerState::VERSION,
            fingerprint: self.fingerprint.clone(),
            total_steps: self.total_steps,
            seed: self.seed,
            replan: self.replan.clone(),
            settings: self.planner.settings(),
            range_factor: self.range_factor,
            schedule: self.schedule.clone(),
            points: self.record.points().to_vec(),
            observed: self.record.observed(),
            occasions: self.occasions,
            replans: self.replans,
            picked: self.picked,
            last_plan: self.last_plan.clone(),
        }
    }

    /// Goes on from a saved state, with the same model, exactly as if it had never stopped.
    ///
    /// # Errors
    /// If the state was saved with another model or by another version, or is damaged.
    pub fn restore(model: impl Into<Forecaster>, state: SchedulerState) -> Result<Self> {
        let forecaster = model.into();
        state.check(&forecaster.fingerprint())?;
        let planner = Planner::new(forecaster, state.settings)
            .map_err(|error| Error::SchedulerState { reason: error.to_string() })?;
        Ok(Self {
            limits: limits(&planner, state.range_factor),
            notice: state.last_plan.as_ref().map_or_else(String::new, |plan| plan.reason.clone()),
            planner,
            fingerprint: state.fingerprint,
            total_steps: state.total_steps,
            seed: state.seed,
            replan: state.replan,
            range_factor: state.range_factor,
            schedule: state.schedule,
            record: Record::restore(state.points, state.observed),
            occasions: state.occasions,
            replans: state.replans,
            picked: state.picked,
            last_plan: state.last_plan,
        })
    }
}
