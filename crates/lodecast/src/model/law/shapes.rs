//! Shapes of schedules: warm up, hold, anneal. What is believed of good ones is explicit, and measured runs widen it.

use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::random::{Purpose, stream};
use crate::{Result, Schedule};

/// Share of a run that good schedules anneal for at least, and the rate they end at at most, as a fraction of the peak.
const LEAST_ANNEAL: f64 = 0.15;
const GREATEST_END: f64 = 0.1;
/// Longest warm-up, and lowest end.
const LONGEST_WARMUP: f64 = 0.4;
const LOWEST_END: f64 = 1e-3;
/// Factor to either side of the peak, where all runs have the same.
const SAME_PEAK: f64 = 1.6;

/// A schedule that warms up, holds its peak and anneals, all in straight lines.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shape {
    /// Peak learning rate.
    pub peak: f64,
    /// Progress at which the peak is reached.
    pub warmup: f64,
    /// Progress until which it is held.
    pub hold: f64,
    /// Last rate as a fraction of the peak.
    pub end: f64,
}

impl Shape {
    /// The schedule of this shape.
    ///
    /// ```
    /// use lodecast::Shape;
    /// let schedule = Shape { peak: 0.4, warmup: 0.1, hold: 0.5, end: 0.0 }.schedule()?;
    /// assert_eq!([0.1, 0.5, 0.75, 1.0].map(|at| schedule.learning_rate(at)), [0.4, 0.4, 0.2, 0.0]);
    /// # Ok::<(), lodecast::Error>(())
    /// ```
    ///
    /// # Errors
    /// If it is not one of increasing progress and finite rates.
    pub fn schedule(&self) -> Result<Schedule> {
        let Self { peak, warmup, hold, end } = *self;
        let rise = (warmup > 0.0).then_some((0.0, peak * FIRST_RATE));
        let top = [(warmup, peak), (hold.max(warmup), peak), (1.0, peak * end)];
        Schedule::piecewise_linear(rise.into_iter().chain(top))
    }
}

/// Rate at which a warm-up begins, as a fraction of the peak.
const FIRST_RATE: f64 = 0.01;

/// Where candidates come from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShapeRange {
    /// Lowest and highest peak.
    pub peak: (f64, f64),
    /// Longest warm-up, as a fraction of the run.
    pub longest_warmup: f64,
    /// Least fraction of the run over which the rate falls.
    pub least_anneal: f64,
    /// Greatest last rate, as a fraction of the peak.
    pub greatest_end: f64,
}

impl ShapeRange {
    /// Shapes with peaks among `peaks` that anneal for at least 15 % of the run to at most a tenth of their peak, or as little as
    /// `best`, the schedule of the best run, does.
    pub fn of(peaks: impl IntoIterator<Item = f64>, best: Option<&Schedule>) -> Option<Self> {
        let peaks: Vec<f64> = peaks.into_iter().filter(|peak| *peak > 0.0 && peak.is_finite()).collect();
        let (mut low, mut high) =
            (peaks.iter().copied().fold(f64::INFINITY, f64::min), peaks.iter().copied().fold(0.0, f64::max));
        if low > high {
            return None;
        }
        if low * SAME_PEAK > high {
            let middle = low.sqrt() * high.sqrt();
            (low, high) = (middle / SAME_PEAK, middle * SAME_PEAK);
        }
        let mut range = Self {
            peak: (low, high),
            longest_warmup: LONGEST_WARMUP,
            least_anneal: LEAST_ANNEAL,
            greatest_end: GREATEST_END,
        };
        if let Some(best) = best {
            let (anneal, end) = annealing(best);
            range.least_anneal = range.least_anneal.min(anneal.max(0.0));
            range.greatest_end = range.greatest_end.max(end.min(1.0));
        }
        Some(range)
    }

    /// `count` shapes, evenly at random in their numbers (peak and end in their logarithms).
    pub fn sample(&self, count: usize, seed: u64) -> Vec<Shape> {
        let mut random = stream(seed, Purpose::Candidate, 0);
        let logarithmic = |low: f64, high: f64, at: f64| (low.ln() + (high / low).ln() * at).exp();
        (0..count)
            .map(|_| {
                let [peak, warmup, hold, end] = std::array::from_fn(|_| random.random::<f64>());
                let warmup = (warmup * self.longest_warmup).min(1.0 - self.least_anneal);
                Shape {
                    peak: logarithmic(self.peak.0, self.peak.1, peak),
                    warmup,
                    hold: warmup + hold * (1.0 - self.least_anneal - warmup).max(0.0),
                    end: logarithmic(LOWEST_END, self.greatest_end.max(LOWEST_END), end),
                }
            })
            .collect()
    }
}

/// Share of a run after which the rate is never again at nine tenths of its peak, and its last rate over its peak.
fn annealing(schedule: &Schedule) -> (f64, f64) {
    const POINTS: usize = 200;
    let rates: Vec<f64> = (0..=POINTS).map(|k| schedule.learning_rate(k as f64 / POINTS as f64)).collect();
    let peak = rates.iter().copied().fold(0.0, f64::max);
    let last_high = rates.iter().rposition(|rate| *rate >= 0.9 * peak).unwrap_or(0);
    (1.0 - last_high as f64 / POINTS as f64, rates[POINTS] / peak.max(1e-300))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_stay_within_what_is_believed() {
        let range = ShapeRange::of([0.01, 0.1, 0.03], Some(&Schedule::cosine(0.1))).expect("peaks");
        assert_eq!((range.least_anneal, range.greatest_end), (LEAST_ANNEAL, GREATEST_END));
        for shape in range.sample(500, 1) {
            assert!((0.01..=0.1).contains(&shape.peak) && (0.0..=0.4).contains(&shape.warmup), "{shape:?}");
            assert!(shape.warmup <= shape.hold && shape.hold <= 0.85 + 1e-12 && shape.end <= 0.1 + 1e-12, "{shape:?}");
            shape.schedule().expect("valid").check().expect("valid");
        }
        assert_eq!(range.sample(3, 7), range.sample(3, 7));
    }

    #[test]
    fn the_best_run_widens_what_is_believed() {
        let constant = ShapeRange::of([0.1], Some(&Schedule::constant(0.1))).expect("a peak");
        assert_eq!((constant.least_anneal, constant.greatest_end), (0.0, 1.0));
        assert!(constant.peak.0 < 0.1 && constant.peak.1 > 0.1, "one peak leaves room to either side");
        assert_eq!(ShapeRange::of([], None), None);
    }
}
