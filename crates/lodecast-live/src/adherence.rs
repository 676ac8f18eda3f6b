//! Whether a training follows the rates that were planned for it, as far as it logs its own.

use lodecast::{Knot, Point};
use serde::{Deserialize, Serialize};

/// A logged rate within this factor of a planned one is the planned one.
const SAME: f64 = 1.02;
/// So many logged rates in a row say that the plan is not followed, or that it is again.
const IN_A_ROW: u32 = 3;

/// Where a training began to go another way than planned.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Departure {
    /// Step of the first logged rate that differs.
    pub since_step: u64,
    /// The planned rate there.
    pub planned: f64,
    /// The logged one.
    pub logged: f64,
}

/// What has been compared so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Adherence {
    /// Points up to this step have been compared.
    compared_to: Option<u64>,
    /// The first of the rates in a row that differ, and their number.
    row: Option<Departure>,
    differing: u32,
    agreeing: u32,
    /// The plan is not followed since then.
    pub(crate) departure: Option<Departure>,
}

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Turn {
    /// The plan is not followed any more.
    Departed(Departure),
    /// It is followed again.
    Returned(u64),
}

/// What a logged rate is compared with.
pub(crate) struct Planned<'a> {
    /// The schedule in force, and the one before it, which a training may have followed for a while longer.
    pub(crate) knots: &'a [Knot],
    pub(crate) before: &'a [Knot],
    /// Steps before this one are not compared: nothing had been said about them.
    pub(crate) from_step: u64,
    /// The last change applies from this step on, and the one before it holds for so many steps longer.
    pub(crate) changed_at: u64,
    pub(crate) grace: u64,
    pub(crate) total_steps: u64,
    /// Usual distance of points: a rate may have been logged a point late, or as a mean since the last one.
    pub(crate) stride: u64,
}

impl Adherence {
    /// Compares the points that are new.
    pub(crate) fn compare(&mut self, points: &[Point], planned: &Planned<'_>) -> Option<Turn> {
        let mut turn = None;
        let begun = points.partition_point(|point| self.compared_to.is_some_and(|step| point.step <= step));
        for point in &points[begun..] {
            self.compared_to = Some(point.step);
            let Some(logged) = point.learning_rate.filter(|rate| rate.is_finite() && *rate >= 0.0) else { continue };
            if point.step < planned.from_step {
                continue;
            }
            turn = self.take(point.step, logged, planned).or(turn);
        }
        turn
    }

    fn take(&mut self, step: u64, logged: f64, planned: &Planned<'_>) -> Option<Turn> {
        if planned.agrees(step, logged) {
            (self.differing, self.row) = (0, None);
            self.agreeing = self.agreeing.saturating_add(1);
            let returned = self.departure.is_some() && self.agreeing >= IN_A_ROW;
            if returned {
                self.departure = None;
            }
            return returned.then_some(Turn::Returned(step));
        }
        self.agreeing = 0;
        self.differing = self.differing.saturating_add(1);
        let first =
            *self.row.get_or_insert(Departure { since_step: step, planned: planned.rate(planned.knots, step), logged });
        if self.departure.is_some() || self.differing < IN_A_ROW {
            return None;
        }
        self.departure = Some(first);
        Some(Turn::Departed(first))
    }

    /// Forgets what was compared: another training began.
    pub(crate) fn restart(&mut self) {
        *self = Self::default();
    }
}

impl Planned<'_> {
    fn rate(&self, knots: &[Knot], step: u64) -> f64 {
        Knot::learning_rate_at(knots, step as f64 / self.total_steps.max(1) as f64)
    }

    fn agrees(&self, step: u64, logged: f64) -> bool {
        let near = |knots: &[Knot]| {
            let (from, to) = (step.saturating_sub(self.stride.saturating_add(1)), step.saturating_add(1));
            // Between two points a schedule hardly turns more often than this sees.
            let rates = (0..=8).map(|part| self.rate(knots, from + (to - from) * part / 8));
            let (low, high) = rates.fold((f64::MAX, 0.0_f64), |(low, high), rate| (low.min(rate), high.max(rate)));
            logged >= low / SAME && logged <= high * SAME
        };
        let may_be_late = step >= self.changed_at && step <= self.changed_at.saturating_add(self.grace);
        near(self.knots) || may_be_late && near(self.before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned<'a>(knots: &'a [Knot], before: &'a [Knot]) -> Planned<'a> {
        Planned { knots, before, from_step: 20, changed_at: 50, grace: 10, total_steps: 100, stride: 1 }
    }

    fn flat(learning_rate: f64) -> Vec<Knot> {
        vec![Knot { progress: 0.0, learning_rate }]
    }

    fn logged(steps: std::ops::Range<u64>, rate: f64) -> Vec<Point> {
        steps.map(|step| Point::new(step).learning_rate(rate)).collect()
    }

    #[test]
    fn a_training_that_goes_its_own_way_is_noticed_once_and_its_return_too() {
        let (now, before) = (flat(0.1), flat(0.2));
        let planned = planned(&now, &before);
        let mut adherence = Adherence::default();
        assert_eq!(adherence.compare(&logged(0..20, 0.5), &planned), None, "nothing had been said about these");
        assert_eq!(adherence.compare(&logged(0..22, 0.5), &planned), None, "two may be an accident");
        let departure = Departure { since_step: 20, planned: 0.1, logged: 0.5 };
        assert_eq!(adherence.compare(&logged(0..23, 0.5), &planned), Some(Turn::Departed(departure)));
        assert_eq!(adherence.compare(&logged(0..40, 0.5), &planned), None, "it is said once");
        assert_eq!(adherence.compare(&logged(40..42, 0.1005), &planned), None);
        assert_eq!(adherence.compare(&logged(40..43, 0.1005), &planned), Some(Turn::Returned(42)));
        assert_eq!(adherence.departure, None);
    }

    #[test]
    fn a_training_may_be_late_to_a_change() {
        let (now, before) = (flat(0.1), flat(0.2));
        let mut adherence = Adherence::default();
        assert_eq!(adherence.compare(&logged(50..61, 0.2), &planned(&now, &before)), None);
        assert!(adherence.compare(&logged(61..64, 0.2), &planned(&now, &before)).is_some());
    }

    #[test]
    fn rates_logged_a_point_late_are_the_planned_ones() {
        let falling = vec![Knot { progress: 0.0, learning_rate: 1.0 }, Knot { progress: 1.0, learning_rate: 1e-3 }];
        let at = |step: u64| Knot::learning_rate_at(&falling, step as f64 / 100.0);
        let points: Vec<Point> =
            (30..100).step_by(5).map(|step| Point::new(step).learning_rate(at(step - 5))).collect();
        let planned = Planned { stride: 5, ..planned(&falling, &falling) };
        assert_eq!(Adherence::default().compare(&points, &planned), None);
    }
}
