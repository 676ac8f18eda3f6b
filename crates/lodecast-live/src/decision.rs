//! What was decided and forecast about a run, as it is kept.

use lodecast::{Candidate, Forecast, Interval, Knot, Plan, Prediction, Verdict};
use serde::{Deserialize, Serialize};

/// Candidates without a schedule that are kept of a plan, for those who ask why.
const KEPT_CANDIDATES: usize = 24;

/// One decision: the schedule changed or was kept, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Counts the decisions, from 1.
    pub revision: u64,
    /// Last step that had been seen; none before the start.
    pub at_step: Option<u64>,
    /// First step at which the schedule may differ from the one before.
    pub effective_from_step: u64,
    /// Did the schedule change?
    pub changed: bool,
    /// Did somebody choose the schedule, and not lodecast?
    #[serde(default)]
    pub by_hand: bool,
    /// Why.
    pub reason: String,
    /// The whole schedule.
    pub knots: Vec<Knot>,
    /// What the run is predicted to end at under it; the interval holds two of three runs.
    pub predicted: Option<Interval>,
    /// What was weighed: the best, and some of the others.
    pub candidates: Vec<Candidate>,
    /// How many were weighed.
    pub weighed: usize,
    /// How many of them were rejected.
    pub rejected: usize,
}

impl Decision {
    /// The first one: nothing was weighed yet. Its knots are to be filled in.
    pub(crate) fn of_the_start(revision: u64, at_step: Option<u64>, effective_from_step: u64) -> Self {
        Self {
            revision,
            at_step,
            effective_from_step,
            changed: false,
            by_hand: false,
            reason: "the schedule that the run starts with".to_owned(),
            knots: Vec::new(),
            predicted: None,
            candidates: Vec::new(),
            weighed: 0,
            rejected: 0,
        }
    }

    /// What a pick says of its schedule: it counts the doubt whether the model or a plain process is right, as a forecast does not.
    pub(crate) fn of_pick(&self) -> Option<Interval> {
        let mut chosen = self.candidates.iter().filter(|candidate| candidate.verdict == Verdict::Chosen);
        chosen.next()?.interval
    }

    /// Takes over what was planned.
    pub(crate) fn take(&mut self, plan: Plan) {
        self.reason.clone_from(&plan.reason);
        self.changed = plan.changed;
        self.predicted = plan.prediction.map(in_an_interval);
        (self.weighed, self.rejected) = (plan.candidates.len(), plan.rejected());
        self.candidates = worth_keeping(plan);
    }
}

/// A forecast as it was made: it is never drawn again with what came later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MadeForecast {
    /// Last step that had been seen; none before the start.
    pub at_step: Option<u64>,
    /// Revision of the schedule that it is made for.
    pub revision: u64,
    /// The end of the run.
    pub predicted: Interval,
    /// The course until then, of the latest forecast: of earlier ones the end is enough to see whether they were right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub course: Option<Forecast>,
}

/// A schedule that somebody chose for the rest of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Choice {
    /// It holds from this step on.
    #[serde(default)]
    pub(crate) from_step: u64,
    /// Straight lines between these, over the planned length of the run.
    pub(crate) knots: Vec<Knot>,
}

fn in_an_interval(prediction: Prediction) -> Interval {
    let Prediction { metric, spread, .. } = prediction;
    Interval { mean: metric, low: metric - spread, high: metric + spread }
}

/// Those of a plan's candidates that have a schedule, and the best of the others.
fn worth_keeping(plan: Plan) -> Vec<Candidate> {
    let mut candidates = plan.candidates;
    let score = |candidate: &Candidate| candidate.score.map_or(f64::NEG_INFINITY, |score| score.total);
    // Stable: of equals the earlier one stays first.
    candidates.sort_by(|a, b| score(b).total_cmp(&score(a)));
    let mut others = 0;
    candidates.retain(|candidate| {
        others += usize::from(candidate.schedule.is_none());
        candidate.schedule.is_some() || others <= KEPT_CANDIDATES
    });
    candidates
}
