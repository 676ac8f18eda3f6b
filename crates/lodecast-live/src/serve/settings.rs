//! [`RunSettings`]: what is said about a run when it is made. Saying the same again changes nothing.

use axum::http::StatusCode;
use lodecast::{Forecaster, Replan, Schedule};
use serde::{Deserialize, Serialize};

use crate::http::problem::Problem;

/// Steps of a run at most: beyond, a double no longer counts them.
const LONGEST: u64 = 1 << 53;
/// Bounds of what would only cost time.
const MOST_MARKS: usize = 64;
const MOST_KNOTS: usize = 4096;
const FINEST: f64 = 1e-3;
const WIDEST: f64 = 1e3;

/// A run as it was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunSettings {
    /// Name of the model.
    pub(crate) model: String,
    /// Planned length in optimizer steps.
    pub(crate) total_steps: u64,
    /// Seed of the planner's candidates.
    #[serde(default)]
    pub(crate) seed: u64,
    /// The schedule to begin with; by default the model's proposal.
    #[serde(default)]
    pub(crate) start: Option<Schedule>,
    /// Fractions of the run at which to replan; by default those of the kind of model.
    #[serde(default)]
    pub(crate) replan_at: Option<Vec<f64>>,
    /// Replan after each such fraction instead.
    #[serde(default)]
    pub(crate) replan_every: Option<f64>,
    /// How far rates may leave the range of the model's sweep, as a factor.
    #[serde(default = "one")]
    pub(crate) range_factor: f64,
    /// A change applies from so many steps after the last point on; 1 is at once.
    #[serde(default = "one_step")]
    pub(crate) lead: u64,
    /// What the run should end at.
    #[serde(default)]
    pub(crate) target: Option<f64>,
}

fn one() -> f64 {
    1.0
}

fn one_step() -> u64 {
    1
}

impl RunSettings {
    /// From the body of a request.
    pub(crate) fn of(body: &[u8]) -> Result<Self, Problem> {
        let remedy = "send {\"model\": NAME, \"total_steps\": STEPS}; docs/live.md says what else there is";
        let settings: Self = serde_json::from_slice(body).map_err(|error| {
            Problem::new(StatusCode::BAD_REQUEST, format!("the settings cannot be read: {error}"), remedy)
        })?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), Problem> {
        let within = |holds: bool, what: &str, remedy: &str| {
            if holds { Ok(()) } else { Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, what, remedy)) }
        };
        super::names::checked("model", &self.model)?;
        check_length(self.total_steps)?;
        within(
            (1..=self.total_steps).contains(&self.lead),
            "lead is out of its range",
            "give a number of steps from 1 to total_steps",
        )?;
        within(
            self.replan_at.is_none() || self.replan_every.is_none(),
            "replan_at and replan_every exclude each other",
            "give one of them",
        )?;
        let few = self.replan_at.as_ref().is_none_or(|marks| marks.len() <= MOST_MARKS);
        within(few, "too many moments to replan", "give at most 64 fractions of the run")?;
        let coarse = self.replan_every.is_none_or(|fraction| fraction >= FINEST);
        within(coarse, "replan_every is too fine", "give a fraction of the run of at least 0.001")?;
        within(self.range_factor <= WIDEST, "range_factor is out of its range", "give a factor from 1 to 1000")?;
        within(self.target.is_none_or(f64::is_finite), "target is not finite", "give a number")?;
        let knots = match &self.start {
            Some(Schedule::PiecewiseLinear { knots }) => knots.len(),
            _ => 0,
        };
        within(knots <= MOST_KNOTS, "start has too many knots", "give at most 4096")
    }

    /// When to replan, if that was said.
    pub(crate) fn replan(&self, forecaster: &Forecaster) -> Option<Replan> {
        let every = self.replan_every.map(|fraction| Replan::every(fraction, forecaster));
        self.replan_at.clone().map(Replan::At).or(every)
    }

    /// Names what differs from `other`.
    pub(crate) fn differences(&self, other: &Self) -> Vec<&'static str> {
        let pairs = [
            ("model", self.model == other.model),
            ("total_steps", self.total_steps == other.total_steps),
            ("seed", self.seed == other.seed),
            ("start", self.start == other.start),
            ("replan_at", self.replan_at == other.replan_at),
            ("replan_every", self.replan_every == other.replan_every),
            ("range_factor", self.range_factor == other.range_factor),
            ("lead", self.lead == other.lead),
            ("target", self.target == other.target),
        ];
        pairs.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect()
    }
}

/// Refuses impossible lengths of a run.
pub(crate) fn check_length(total_steps: u64) -> Result<(), Problem> {
    if (1..=LONGEST).contains(&total_steps) {
        return Ok(());
    }
    let remedy = "give the planned number of optimizer steps, at least 1";
    Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "total_steps is out of its range", remedy))
}
