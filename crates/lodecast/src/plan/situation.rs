//! [`Situation`]: the run that is planned for.

use super::explanation::{Candidate, Plan};
use crate::data::{Point, Schedule};
use crate::error::{Result, setting};

/// The run that is planned for.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// Points so far, steps increasing; may be empty.
    pub observed: &'a [Point],
    /// Planned length of the run in optimizer steps.
    pub total_steps: u64,
    /// Progress from which a new schedule would apply, in [0, 1).
    pub now: f64,
    /// The schedule in force.
    pub in_force: &'a Schedule,
    /// Seed of the candidates.
    pub seed: u64,
    /// Counts the plans of this run; each has random numbers of its own.
    pub replan: u64,
    /// Is the schedule in force one that an earlier plan of this run came to, whether it changed it or found none better?
    pub picked: bool,
}

impl<'a> Situation<'a> {
    /// After the last of the points observed, or before the start; seed and count are 0.
    pub fn after(observed: &'a [Point], total_steps: u64, in_force: &'a Schedule) -> Self {
        let now = observed.last().map_or(0.0, |point| point.step as f64 / total_steps.max(1) as f64);
        Self { observed, total_steps, now, in_force, seed: 0, replan: 0, picked: false }
    }

    /// A plan that changes nothing.
    pub(crate) fn keep(&self, reason: String, candidates: Vec<Candidate>) -> Plan {
        Plan {
            schedule: self.in_force.clone(),
            changed: false,
            reason,
            now: self.now,
            replan: self.replan,
            prediction: None,
            candidates,
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        let total_steps = self.total_steps;
        setting("total_steps", total_steps, total_steps > 0, "give the planned number of optimizer steps")?;
        setting("now", self.now, (0.0..1.0).contains(&self.now), "plan before the end of the run: progress in [0, 1)")?;
        self.in_force.check()
    }
}
