//! What to do with a run that could go on: decay now, go on and decay later, or warm up again, each with where it would end;
//! and whether, when, and at which length a run will reach a target.

use serde::{Deserialize, Serialize};

use crate::data::{Knot, Run, Schedule};
use crate::error::{Error, Result};
use crate::model::law::{FinalForecast, Law};

/// Last rate of a decay, as a fraction of the run's peak.
const LAST_RATE: f64 = 0.01;
/// Part of what is left that a second warm-up takes.
const REWARM: f64 = 0.05;
/// Parts of what is left after which a later decay begins.
const LATER: [f64; 6] = [0.2, 0.4, 0.5, 0.6, 0.7, 0.8];
/// Peaks of a second warm-up, as fractions of the run's peak.
const SECOND_PEAKS: [f64; 3] = [0.3, 0.6, 1.0];
/// Lengths that are tried for a target, as multiples of the planned one.
const LENGTHS: [f64; 9] = [0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 8.0];

/// A way to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ExtensionKind {
    /// The rate falls from where it is, in a straight line to the end.
    DecayNow,
    /// The rate stays where it is for a while, then falls.
    DecayLater,
    /// The rate rises again, stays for a while, then falls.
    Rewarm,
}

impl ExtensionKind {
    /// In words.
    pub fn describe(self) -> &'static str {
        match self {
            Self::DecayNow => "decay now",
            Self::DecayLater => "go on, decay later",
            Self::Rewarm => "warm up again",
        }
    }
}

/// The best schedule of one kind, and where it would end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Extension {
    /// Which way.
    pub kind: ExtensionKind,
    /// The whole schedule of the longer run, what was recorded included.
    pub schedule: Schedule,
    /// Where it ends.
    pub last: FinalForecast,
}

/// Whether a run reaches a target, and what it would take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Arrival {
    /// Step at which it was measured to have reached it already.
    pub reached_at: Option<u64>,
    /// Probability that it ends at the target or better under its plan.
    pub probability: f64,
    /// Where it ends under its plan.
    pub last: FinalForecast,
    /// Ends of longer and shorter runs that decay over the last fifth, shortest first; only lengths the run can still have.
    pub lengths: Vec<LengthOutcome>,
}

/// Where a run of some length would end.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LengthOutcome {
    /// Its length in optimizer steps.
    pub total_steps: u64,
    /// Where it ends.
    pub last: FinalForecast,
    /// Probability that this is the target or better.
    pub probability: f64,
}

impl Arrival {
    /// The shortest length that was tried at which the run is more likely than not to reach the target.
    pub fn shortest(&self) -> Option<&LengthOutcome> {
        self.lengths.iter().find(|outcome| outcome.probability > 0.5)
    }
}

/// What is known of a run, seen as the beginning of one of another length.
struct Begun {
    run: Run,
    /// How far it has come, as a fraction of the new length.
    now: f64,
    /// Recorded rates as knots of the new schedule.
    past: Vec<Knot>,
    rate: f64,
    peak: f64,
}

impl Begun {
    fn new(run: &Run, total_steps: u64) -> Result<Self> {
        let unusable = |reason: String| Error::Window { reason };
        let last = run.steps().last().copied().ok_or_else(|| unusable("the run has no points yet".to_owned()))?;
        if total_steps <= last {
            return Err(Error::Setting {
                name: "total_steps",
                value: total_steps.to_string(),
                remedy: "give a length beyond the last step of the run",
            });
        }
        let mut past: Vec<Knot> = run
            .steps()
            .iter()
            .zip(run.learning_rate())
            .filter_map(|(&step, rate)| {
                let learning_rate = rate.filter(|rate| rate.is_finite() && *rate >= 0.0)?;
                Some(Knot { progress: step as f64 / total_steps as f64, learning_rate })
            })
            .collect();
        let peak = past.iter().map(|knot| knot.learning_rate).fold(0.0, f64::max);
        let Some(rate) = past.last().map(|knot| knot.learning_rate).filter(|_| peak > 0.0) else {
            return Err(unusable(
                "the run records no learning rate, so that nobody knows where it would go on".to_owned(),
            ));
        };
        let now = last as f64 / total_steps as f64;
        past.retain(|knot| knot.progress < now);
        let mut run = run.clone();
        run.attributes.total_steps = Some(total_steps);
        Ok(Self { run, now, past, rate, peak })
    }

    /// The schedule through the recorded rates and then these points, given as parts of what is left and rates.
    fn schedule(&self, rest: &[(f64, f64)]) -> Result<Schedule> {
        let at = |part: f64| self.now + part * (1.0 - self.now);
        let past = self.past.iter().map(|knot| (knot.progress, knot.learning_rate));
        let rest = rest.iter().map(|&(part, rate)| (at(part), rate));
        Schedule::piecewise_linear(past.chain([(self.now, self.rate)]).chain(rest))
    }

    fn last_rate(&self) -> f64 {
        (LAST_RATE * self.peak).min(self.rate)
    }

    fn ways(&self) -> Result<Vec<(ExtensionKind, Schedule)>> {
        let end = (1.0, self.last_rate());
        let mut ways = vec![(ExtensionKind::DecayNow, self.schedule(&[end])?)];
        for later in LATER {
            ways.push((ExtensionKind::DecayLater, self.schedule(&[(later, self.rate), end])?));
        }
        for peak in SECOND_PEAKS.map(|part| part * self.peak).into_iter().filter(|peak| *peak > 1.2 * self.rate) {
            for later in std::iter::once(REWARM).chain(LATER) {
                ways.push((ExtensionKind::Rewarm, self.schedule(&[(REWARM, peak), (later, peak), end])?));
            }
        }
        Ok(ways)
    }
}

/// The ways in which a run can go on to `total_steps`, the best of each kind, the most promising first.
///
/// `metric` is the run's column of the law's metric. The run's recorded rates and values count as its past: what they say beyond the
/// law corrects the forecasts.
///
/// # Errors
/// If the run has no points or no rates, or is not shorter than `total_steps`.
pub fn extend(law: &Law, run: &Run, metric: usize, total_steps: u64) -> Result<Vec<Extension>> {
    let begun = Begun::new(run, total_steps)?;
    let watching = law.watching(begun.now);
    let mut best: Vec<Extension> = Vec::new();
    for (kind, schedule) in begun.ways()? {
        let last = watching.final_value_under(&begun.run, metric, &schedule)?;
        let way = Extension { kind, schedule, last };
        match best.iter_mut().find(|known| known.kind == kind) {
            Some(known) if law.metric().direction.is_better(way.last.expected, known.last.expected) => *known = way,
            Some(_) => {}
            None => best.push(way),
        }
    }
    let sign = law.metric().direction.sign();
    best.sort_by(|a, b| (sign * b.last.expected).total_cmp(&(sign * a.last.expected)));
    Ok(best)
}

/// Whether `run` reaches `target` under `schedule`, its plan over `total_steps`, and at which length it would.
///
/// # Errors
/// If the run has no points or no rates or is over, the schedule is not usable, or the target is no number.
pub fn arrival(
    law: &Law,
    run: &Run,
    metric: usize,
    schedule: &Schedule,
    total_steps: u64,
    target: f64,
) -> Result<Arrival> {
    if !target.is_finite() {
        return Err(Error::Setting { name: "target", value: target.to_string(), remedy: "give a value of the metric" });
    }
    let direction = law.metric().direction;
    let reached = |value: f64| value == target || direction.is_better(value, target);
    let mut measured = run.steps().iter().zip(run.validation(metric));
    let reached_at = measured.find(|(_, value)| value.is_some_and(reached)).map(|(&step, _)| step);
    let begun = Begun::new(run, total_steps)?;
    let last = law.watching(begun.now).final_value_under(&begun.run, metric, schedule)?;
    let past = run.steps().last().copied().unwrap_or(0);
    let mut lengths = Vec::new();
    for length in LENGTHS.map(|factor| (factor * total_steps as f64).round() as u64) {
        if length <= past {
            continue;
        }
        let begun = Begun::new(run, length)?;
        let decayed = begun.schedule(&[(0.8, begun.rate), (1.0, begun.last_rate())])?;
        let last = law.watching(begun.now).final_value_under(&begun.run, metric, &decayed)?;
        lengths.push(LengthOutcome { total_steps: length, last, probability: law.probability_of(&last, target) });
    }
    Ok(Arrival { reached_at, probability: law.probability_of(&last, target), last, lengths })
}
