//! How often the metric is measured: a network reads windows like those that it has learned from.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::series::SeriesPoint;
use crate::data::interpolate;

/// Windows whose density is off by more than this factor are brought to the density that was learned from.
const ALIKE: f64 = 1.5;
/// From this density on a network has seldom seen a point without the metric. Others can read windows that have it at fewer.
const DENSE: f64 = 0.5;
/// Parts of the runs, by their density, that a range leaves out on either side.
const LEFT_OUT: f64 = 0.25;

/// The part of a run's points at which the metric was measured: of the middle half of the runs learned from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct MetricDensity {
    low: f64,
    high: f64,
}

impl MetricDensity {
    /// Of these series; `None` if none measured the metric.
    pub(crate) fn of<'a>(series: impl Iterator<Item = &'a [SeriesPoint]>) -> Option<Self> {
        let mut densities: Vec<f64> = series.map(density).filter(|&density| density > 0.0).collect();
        densities.sort_by(f64::total_cmp);
        let last = densities.len().checked_sub(1)?;
        let at = |part: f64| densities[(part * last as f64).round() as usize];
        Some(Self { low: at(LEFT_OUT), high: at(1.0 - LEFT_OUT) })
    }

    /// The window with the metric as often as in the runs learned from: where it was measured more seldom, from its first value on
    /// and between its values on straight lines, the last one held; where it was measured more often, now and then.
    ///
    /// Networks that were shown the metric at every point err by several times as much where it is missing at most of them, and the
    /// other way round (docs/results.md).
    pub(crate) fn alike(self, window: &[SeriesPoint]) -> Cow<'_, [SeriesPoint]> {
        let (measured, points) = (measured(window) as f64, window.len().max(1) as f64);
        // In a short window one value more or less says nothing.
        let (at_most, at_least) = ((measured + 1.0) / points, (measured - 1.0) / points);
        let is_rare = self.low >= DENSE && at_most * ALIKE < self.low;
        let is_frequent = at_least > ALIKE * self.high;
        if measured == 0.0 || !(is_rare || is_frequent) {
            return Cow::Borrowed(window);
        }
        if is_frequent {
            let mut points = window.to_vec();
            thin(&mut points, self.high);
            return Cow::Owned(points);
        }
        let first = window.iter().position(is_measured).unwrap_or(0);
        let mut points = window[first..].to_vec();
        fill(&mut points);
        thin(&mut points, self.low);
        Cow::Owned(points)
    }

    /// Is a window to be taken for none? Networks that were shown the metric at most points make nothing of losses alone, and one value
    /// of it, held, looks like a run that stands still.
    pub(crate) fn is_missed_in(self, window: &[SeriesPoint]) -> bool {
        const LEAST: usize = 2;
        self.low >= DENSE && measured(window) < LEAST && LEAST as f64 * ALIKE < self.low * window.len() as f64
    }
}

fn is_measured(point: &SeriesPoint) -> bool {
    !point.validation.is_nan()
}

fn measured(points: &[SeriesPoint]) -> usize {
    points.iter().filter(|point| is_measured(point)).count()
}

fn density(points: &[SeriesPoint]) -> f64 {
    measured(points) as f64 / points.len().max(1) as f64
}

/// Draws straight lines between the values of the metric, the first of which is at the first point, and holds the last.
fn fill(points: &mut [SeriesPoint]) {
    let known: Vec<(f64, f64)> =
        points.iter().filter(|point| is_measured(point)).map(|point| (point.time, point.validation)).collect();
    for point in points.iter_mut().filter(|point| !is_measured(point)) {
        point.validation = interpolate(&known, point.time);
    }
}

/// Keeps the metric at so many of the points, counted from the last at which it is known.
fn thin(points: &mut [SeriesPoint], wanted: f64) {
    let mut owed = 1.0 - wanted;
    for point in points.iter_mut().rev() {
        owed += wanted;
        if !is_measured(point) {
            continue;
        }
        if owed >= 1.0 - 1e-9 {
            owed -= 1.0;
        } else {
            point.validation = f64::NAN;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(validation: impl Fn(usize) -> Option<f64>) -> Vec<SeriesPoint> {
        let point = |at: usize| SeriesPoint {
            time: at as f64,
            train_loss: 1.0,
            learning_rate: 0.0,
            validation: validation(at).unwrap_or(f64::NAN),
        };
        (0..100).map(point).collect()
    }

    #[test]
    fn a_window_is_brought_to_the_density_that_was_learned_from() {
        let every = |stride: usize| points(move |at| (at % stride == stride - 1).then_some(at as f64));
        let of = |stride: usize| MetricDensity::of(std::iter::once(&every(stride)[..])).expect("measured");
        // As dense or nearly so: nothing changes, to the bit.
        for (learned, seen) in [(1, 1), (10, 10), (10, 8)] {
            assert!(matches!(of(learned).alike(&every(seen)), Cow::Borrowed(_)), "{learned} {seen}");
        }
        // Measured at every tenth point, read as if at every one: on straight lines, from the first on.
        let filled = of(1).alike(&every(10)).into_owned();
        assert_eq!(filled.len(), 91);
        assert!(filled.iter().all(|point| (point.validation - point.time).abs() < 1e-12));
        let held = of(1).alike(&every(10)[..95]).into_owned();
        assert_eq!((held.len(), held[85].validation, held[84].validation), (86, 89.0, 89.0));
        // Measured at every point, read as if at every fifth.
        let thinned = of(5).alike(&every(1)).into_owned();
        assert_eq!((thinned.len(), density(&thinned)), (100, 0.2));
        assert_eq!(thinned[99].validation, 99.0);
        // Not measured yet, where it would have been; in a short window that may be.
        let unmeasured = points(|_| None);
        assert!(of(1).is_missed_in(&unmeasured) && of(1).is_missed_in(&every(50)[..60]));
        assert!(!of(1).is_missed_in(&unmeasured[..3]) && !of(1).is_missed_in(&every(50)) && !of(1).is_missed_in(&[]));
        // Who has learned from windows without a value can read them.
        assert!(!of(10).is_missed_in(&unmeasured));
        // Nothing to go by stays so.
        assert!(matches!(of(1).alike(&points(|_| None)), Cow::Borrowed(_)));
        assert_eq!(MetricDensity::of(std::iter::once(&points(|_| None)[..])), None);
    }

    #[test]
    fn a_few_runs_that_were_measured_otherwise_do_not_count() {
        let (dense, sparse) = (points(|_| Some(0.5)), points(|at| (at == 99).then_some(0.5)));
        let all: Vec<&[SeriesPoint]> = std::iter::repeat_n(&dense[..], 9).chain([&sparse[..]]).collect();
        let found = MetricDensity::of(all.into_iter()).expect("measured");
        assert_eq!((found.low, found.high), (1.0, 1.0));
    }
}
