//! [`SchedulerState`]: a scheduler as plain data, for checkpoints.

use serde::{Deserialize, Serialize};

use super::Replan;
use crate::data::Point;
use crate::data::Schedule;
use crate::error::{Error, Result};
use crate::plan::{Plan, PlannerSettings};

/// Everything that a scheduler's future decisions depend on, besides the model. Serialises to JSON and back without loss.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SchedulerState {
    /// Version of this layout.
    pub version: u32,
    /// Fingerprint of the model.
    pub fingerprint: String,
    /// Planned length of the run in optimizer steps.
    pub total_steps: u64,
    /// Seed.
    pub seed: u64,
    /// When to replan.
    pub replan: Replan,
    /// Settings of the planner.
    pub settings: PlannerSettings,
    /// How far beyond the sweep's range the rate may go, as a factor.
    pub range_factor: f64,
    /// The schedule in force.
    pub schedule: Schedule,
    /// The points remembered.
    pub points: Vec<Point>,
    /// Number of points observed, those averaged since included.
    pub observed: u64,
    /// Occasions to replan that are over.
    pub occasions: u64,
    /// Plans made: the position in the stream of random numbers.
    pub replans: u64,
    /// Is the schedule in force what a plan came to?
    #[serde(default)]
    pub picked: bool,
    /// The last plan.
    pub last_plan: Option<Plan>,
}

impl SchedulerState {
    pub(super) const VERSION: u32 = 1;

    /// Checks a state from outside against the model it is restored with.
    pub(super) fn check(&self, fingerprint: &str) -> Result<()> {
        let fail = |reason: String| Err(Error::SchedulerState { reason });
        if self.version != Self::VERSION {
            let (found, known) = (self.version, Self::VERSION);
            return fail(format!("its version is {found}, this lodecast reads {known}; start the schedule anew"));
        }
        if self.fingerprint != fingerprint {
            let saved = &self.fingerprint;
            return fail(format!("it was saved with model {saved}, not with {fingerprint}; load that model"));
        }
        let sound = |value: Option<f64>| value.is_none_or(f64::is_finite);
        let finite = |point: &Point| [point.train_loss, point.learning_rate, point.validation].into_iter().all(sound);
        if !self.points.windows(2).all(|pair| pair[0].step < pair[1].step) || !self.points.iter().all(finite) {
            return fail("its points are not in order, or not finite; the file is damaged".to_owned());
        }
        if self.total_steps == 0 || !(self.range_factor >= 1.0 && self.range_factor.is_finite()) {
            return fail("its total steps or range factor is impossible; the file is damaged".to_owned());
        }
        if self.observed < self.points.len() as u64 {
            let (observed, kept) = (self.observed, self.points.len());
            return fail(format!("it counts {observed} points and holds {kept}; the file is damaged"));
        }
        self.schedule
            .check()
            .and_then(|()| self.replan.check())
            .map_err(|error| Error::SchedulerState { reason: error.to_string() })
    }
}
