//! The rest of a run: how a wish for ln lr becomes a schedule that starts from the rate in force and stays in bounds.

use super::situation::Situation;
use crate::data::{Knot, Schedule};
use crate::experience::{Experience, RateRange};

/// Parts of the run between which a smooth schedule is drawn as straight lines. Stairs at tenths of a run stay stairs.
const DRAWN: usize = 100;
/// Parts of the ramp.
const RAMP_PARTS: usize = 4;

/// The rest of a run from `now` on.
#[derive(Clone, Debug)]
pub(super) struct Remaining {
    now: f64,
    /// ln of the rate in force; `None` before the run has started, when any rate can be had.
    in_force: Option<f64>,
    /// Progress at which the ramp from the rate in force ends.
    ramp_end: f64,
    /// Bounds of ln lr.
    pub(super) bounds: (f64, f64),
    /// ln of the rate below which there is none to speak of.
    floor: f64,
}

impl Remaining {
    /// The rest of a run, its rates bounded by `range`, with a ramp over the fraction `ramp` of the run.
    pub(super) fn new(situation: &Situation<'_>, experience: &Experience, range: RateRange, ramp: f64) -> Self {
        let floor = experience.negligible_rate.ln();
        let highest = range.highest.ln();
        let started = situation.now > 0.0 || !situation.observed.is_empty();
        let rate = experience.learning_rates.clamp(situation.in_force.learning_rate(situation.now));
        Self {
            now: situation.now,
            in_force: started.then(|| rate.ln().max(floor)),
            ramp_end: situation.now + ramp.min(1.0 - situation.now),
            bounds: (range.lowest.ln().max(floor).min(highest), highest),
            floor,
        }
    }

    pub(super) fn now(&self) -> f64 {
        self.now
    }

    /// ln of the rate in force; `None` before the run has started.
    pub(super) fn log_rate_in_force(&self) -> Option<f64> {
        self.in_force
    }

    /// The highest rate of a schedule from now on: what it gave before has been borne.
    pub(super) fn highest_rate(&self, schedule: &Schedule) -> f64 {
        if self.now <= 0.0 {
            return schedule.highest_rate();
        }
        let corners = match schedule {
            Schedule::PiecewiseLinear { knots } => knots.as_slice(),
            Schedule::Parametric { .. } => &[],
        };
        let corners = corners.iter().map(|knot| knot.progress).filter(|&at| at >= self.now);
        let parts = (0..=DRAWN).map(|part| self.at(part as f64 / DRAWN as f64));
        corners.chain(parts).map(|at| schedule.learning_rate(at)).fold(0.0, f64::max)
    }

    /// The progress at the fraction `part` of the rest.
    pub(super) fn at(&self, part: f64) -> f64 {
        if part < 1.0 { self.now + part * (1.0 - self.now) } else { 1.0 }
    }

    fn bounded(&self, log_rate: f64) -> f64 {
        log_rate.clamp(self.bounds.0, self.bounds.1)
    }

    /// The schedule whose ln lr is `log_rate(progress)` after the ramp: bounded, and straight between the `marks`.
    pub(super) fn schedule(&self, marks: impl Iterator<Item = f64>, log_rate: impl Fn(f64) -> f64) -> Schedule {
        let ramp = (0..=RAMP_PARTS).map(|k| self.now + (self.ramp_end - self.now) * k as f64 / RAMP_PARTS as f64);
        let mut times: Vec<f64> = marks.chain(ramp).chain([1.0]).filter(|&at| at >= self.now && at <= 1.0).collect();
        times.sort_by(f64::total_cmp);
        times.dedup_by(|b, a| *b - *a < 1e-9);
        let rate = |progress: f64| {
            let wish = self.bounded(log_rate(progress));
            match self.in_force {
                Some(from) if progress < self.ramp_end => {
                    let weight = (progress - self.now) / (self.ramp_end - self.now);
                    ((1.0 - weight) * from + weight * wish).exp()
                }
                _ => wish.exp(),
            }
        };
        let knot = |progress| Knot { progress, learning_rate: rate(progress) };
        Schedule::PiecewiseLinear { knots: times.into_iter().map(knot).collect() }
    }

    /// The rest of `schedule`; the schedule itself where it can be followed as it is.
    pub(super) fn rest_of(&self, schedule: &Schedule) -> Schedule {
        let marks = || (0..=DRAWN).map(|k| k as f64 / DRAWN as f64);
        let too_large = |at: f64| schedule.learning_rate(at).ln() > self.bounds.1 + 1e-9;
        if self.in_force.is_none() && !marks().any(too_large) {
            return schedule.clone();
        }
        self.schedule(marks(), |progress| schedule.learning_rate(progress).ln().max(self.floor))
    }

    /// ln lr of `schedule` at evenly spaced times from now to the end.
    pub(super) fn log_rates(&self, schedule: &Schedule, count: usize) -> Vec<f64> {
        let at = |k: usize| self.at(k as f64 / (count - 1) as f64);
        schedule.learning_rates((0..count).map(at)).map(|rate| rate.ln().max(self.floor)).collect()
    }
}
