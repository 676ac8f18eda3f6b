//! Shapes of schedules: warm up, hold, anneal. What is believed of good ones is explicit, and measured runs widen it.

use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::random::{Purpose, stream};
use crate::{Family, Result, Schedule};

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
///
/// A user whose framework has less to offer restricts it: a fixed warm-up is one whose shortest and longest are the same, and
/// so is a fixed end; where `families` are named, candidates are those families at any peak and warm-up of the range.
///
/// ```
/// use lodecast::{Family, Schedule, ShapeRange};
/// let range = ShapeRange::of([1e-3, 1e-2], None).expect("two peaks");
/// let cosine = ShapeRange { shortest_warmup: 0.05, longest_warmup: 0.05, families: vec![Family::Cosine], ..range };
/// let schedule = cosine.at([1.0, 0.3, 0.0, 0.0, 0.0])?;
/// let Schedule::Parametric { family: Family::Cosine, peak_lr, warmup: 0.05 } = schedule else { panic!("{schedule:?}") };
/// assert!((peak_lr - 1e-2).abs() < 1e-12);
/// # Ok::<(), lodecast::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShapeRange {
    /// Lowest and highest peak.
    pub peak: (f64, f64),
    /// Shortest warm-up, as a fraction of the run.
    #[serde(default)]
    pub shortest_warmup: f64,
    /// Longest warm-up, as a fraction of the run.
    pub longest_warmup: f64,
    /// Least fraction of the run over which the rate falls.
    pub least_anneal: f64,
    /// Least last rate, as a fraction of the peak.
    #[serde(default = "lowest_end")]
    pub lowest_end: f64,
    /// Greatest last rate, as a fraction of the peak.
    pub greatest_end: f64,
    /// Families that candidates are confined to; any shape if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub families: Vec<Family>,
}

/// Numbers that a schedule of a [`ShapeRange`] is given by: peak, warm-up, hold, end, family.
pub(crate) const SHAPE_NUMBERS: usize = 5;

fn lowest_end() -> f64 {
    LOWEST_END
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
        let mut range = Self::of_peaks(low, high);
        if let Some(best) = best {
            let (anneal, end) = annealing(best);
            range.least_anneal = range.least_anneal.min(anneal.max(0.0));
            range.greatest_end = range.greatest_end.max(end.min(1.0));
        }
        Some(range)
    }

    /// Does a schedule end as low as shapes are believed to?
    pub(crate) fn is_annealed(schedule: &Schedule) -> bool {
        annealing(schedule).1 <= GREATEST_END
    }

    /// What is believed of good shapes, with peaks from `low` to `high`.
    pub(crate) fn of_peaks(low: f64, high: f64) -> Self {
        Self {
            peak: (low, high),
            shortest_warmup: 0.0,
            longest_warmup: LONGEST_WARMUP,
            least_anneal: LEAST_ANNEAL,
            lowest_end: LOWEST_END,
            greatest_end: GREATEST_END,
            families: Vec::new(),
        }
    }

    /// The schedule at a place of the unit cube: peak and end in their logarithms, warm-up, hold, and which family.
    ///
    /// # Errors
    /// If the range is none of increasing progress and finite rates.
    pub fn at(&self, [peak, warmup, hold, end, family]: [f64; SHAPE_NUMBERS]) -> Result<Schedule> {
        let peak = between_logarithms(self.peak, peak);
        let warmup = self.shortest_warmup + warmup * (self.longest_warmup - self.shortest_warmup).max(0.0);
        if !self.families.is_empty() {
            let index = (family * self.families.len() as f64) as usize;
            let family = self.families[index.min(self.families.len() - 1)];
            return Schedule::parametric(family, peak).with_warmup(warmup);
        }
        // A warm-up that was asked for takes its time from the anneal, one that was not gives way to it.
        let warmup = warmup.min((1.0 - self.least_anneal).max(self.shortest_warmup));
        let hold = warmup + hold * (1.0 - self.least_anneal - warmup).max(0.0);
        let end = match (self.lowest_end, self.greatest_end) {
            (lowest, greatest) if lowest >= greatest => greatest,
            (lowest, greatest) => between_logarithms((lowest.max(LOWEST_END).min(greatest), greatest), end),
        };
        Shape { peak, warmup, hold, end }.schedule()
    }

    /// `count` schedules, evenly at random in their numbers (peak and end in their logarithms).
    ///
    /// # Errors
    /// See [`Self::at`].
    pub fn sample(&self, count: usize, seed: u64) -> Result<Vec<Schedule>> {
        let mut random = stream(seed, Purpose::Candidate, 0);
        let numbers = if self.families.is_empty() { SHAPE_NUMBERS - 1 } else { SHAPE_NUMBERS };
        (0..count)
            .map(|_| self.at(std::array::from_fn(|k| if k < numbers { random.random::<f64>() } else { 0.0 })))
            .collect()
    }
}

fn between_logarithms((low, high): (f64, f64), at: f64) -> f64 {
    (low.ln() + (high / low).min(f64::MAX).ln() * at).exp()
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
        for schedule in range.sample(500, 1).expect("valid") {
            let Schedule::PiecewiseLinear { knots } = &schedule else { panic!("{schedule:?}") };
            let [warmup, hold, end] = knots[knots.len() - 3..] else { panic!("{schedule:?}") };
            let peak = schedule.highest_rate();
            assert!((0.0099..=0.1001).contains(&peak) && (0.0..=0.4).contains(&warmup.progress), "{schedule:?}");
            assert!(warmup.progress <= hold.progress && hold.progress <= 0.85 + 1e-12, "{schedule:?}");
            assert!(end.learning_rate <= 0.1001 * peak, "{schedule:?}");
        }
        assert_eq!(range.sample(3, 7).expect("valid"), range.sample(3, 7).expect("valid"));
    }

    #[test]
    fn a_user_restricts_what_is_considered() {
        let range = ShapeRange::of([0.01, 0.1], None).expect("peaks");
        let fixed = ShapeRange {
            shortest_warmup: 0.9,
            longest_warmup: 0.9,
            lowest_end: 0.0,
            greatest_end: 0.0,
            ..range.clone()
        };
        for schedule in fixed.sample(50, 1).expect("valid") {
            let Schedule::PiecewiseLinear { knots } = &schedule else { panic!("{schedule:?}") };
            assert_eq!((knots[1].progress, knots[3].learning_rate), (0.9, 0.0), "{schedule:?}");
        }
        let families = vec![Family::Cosine, Family::Linear];
        let of_families = ShapeRange { families: families.clone(), ..range };
        let found: Vec<Family> = of_families.sample(50, 1).expect("valid").iter().map(family).collect();
        assert!(families.iter().all(|known| found.contains(known)) && found.iter().all(|f| families.contains(f)));
    }

    fn family(schedule: &Schedule) -> Family {
        let Schedule::Parametric { family, .. } = schedule else { panic!("{schedule:?}") };
        *family
    }

    #[test]
    fn the_best_run_widens_what_is_believed() {
        let constant = ShapeRange::of([0.1], Some(&Schedule::constant(0.1))).expect("a peak");
        assert_eq!((constant.least_anneal, constant.greatest_end), (0.0, 1.0));
        assert!(constant.peak.0 < 0.1 && constant.peak.1 > 0.1, "one peak leaves room to either side");
        assert_eq!(ShapeRange::of([], None), None);
        let far_apart = ShapeRange::of([1e-300, 1e300], None).expect("peaks").sample(9, 1).expect("finite rates");
        assert!(far_apart.iter().all(|schedule| (1e-300..=1e300).contains(&schedule.highest_rate())));
    }
}
