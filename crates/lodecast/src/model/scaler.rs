//! From natural units to the model's and back: each column is transformed, then standardised by the sweep.

use serde::{Deserialize, Serialize};

use crate::data::{Direction, Metric, Run, Sweep};
use crate::error::{Error, Result};
use crate::odd::{are_odd, mean_and_deviation, possible_values};

/// What is done to a column before it is standardised.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Transform {
    /// Nothing.
    Identity,
    /// `ln x`: losses and learning rates, which live on a scale of ratios.
    Log,
    /// `-ln((ceiling - x) / ceiling)`: accuracies up to `ceiling` (1 or 100), whose distance to the ceiling matters.
    LogError {
        /// Best possible value.
        ceiling: f64,
    },
}

/// Deviations by which outputs may lie beyond what was seen.
const SLACK: f64 = 0.25;
/// Smallest distance to the ceiling that is told apart, as a fraction of it.
const LEAST_ERROR: f64 = 1e-4;

impl Transform {
    fn apply(self, value: f64) -> f64 {
        match self {
            Self::Identity => value,
            Self::Log => value.max(f64::MIN_POSITIVE).ln(),
            Self::LogError { ceiling } => -((ceiling - value) / ceiling).max(LEAST_ERROR).ln(),
        }
    }

    fn is_possible(self, value: f64) -> bool {
        match self {
            Self::Identity => true,
            Self::Log => value > 0.0,
            Self::LogError { ceiling } => value <= ceiling,
        }
    }

    fn invert(self, value: f64) -> f64 {
        match self {
            Self::Identity => value,
            Self::Log => value.exp(),
            Self::LogError { ceiling } => ceiling * (1.0 - (-value).exp()),
        }
    }
}

/// One column: transform, then mean and scale, then the range the sweep covers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// The transform.
    pub transform: Transform,
    /// Mean of the transformed values.
    pub mean: f64,
    /// Their standard deviation.
    pub scale: f64,
    /// Lowest and highest standardised value; others are clamped to them.
    pub range: (f64, f64),
}

impl Column {
    /// A column that is left as it is.
    pub fn identity() -> Self {
        Self { transform: Transform::Identity, mean: 0.0, scale: 1.0, range: (f64::MIN, f64::MAX) }
    }

    /// The column in which nothing was measured.
    fn of_nothing(transform: Transform) -> Self {
        Self { transform, range: (-1.0, 1.0), ..Self::identity() }
    }

    /// Was nothing measured in it?
    pub(crate) fn is_of_nothing(&self) -> bool {
        *self == Self::of_nothing(self.transform)
    }

    /// Natural to standardised units; values beyond the range (also infinite ones) are clamped. NaN stays NaN.
    pub fn standardise(&self, value: f64) -> f64 {
        let standardised = (self.transform.apply(value) - self.mean) / self.scale;
        if value.is_nan() { value } else { standardised.clamp(self.range.0, self.range.1) }
    }

    /// Standardised to natural units.
    pub fn natural(&self, standardised: f64) -> f64 {
        self.transform.invert(standardised * self.scale + self.mean)
    }

    /// [`Self::natural`], within what the column's values can be: an accuracy is not negative (where none was seen to be),
    /// and nothing is worse than the worst that was seen by more than the range that was seen.
    pub fn possible(&self, standardised: f64) -> f64 {
        let value = self.natural(standardised);
        match self.transform {
            Transform::LogError { ceiling } => {
                let seen_negative = self.natural(self.range.0 + SLACK) < -LEAST_ERROR * ceiling;
                value.clamp(if seen_negative { self.natural(self.range.0) } else { 0.0 }, ceiling)
            }
            Transform::Log => value.min(self.natural((2.0 * self.range.1 - self.range.0).min(f64::MAX))),
            Transform::Identity => value,
        }
    }

    /// Fits mean, scale and range. `slack` widens the range by that many deviations. Where one direction is better, values
    /// that are far worse than most count as the worst that still says something.
    fn fit(transform: Transform, values: &[f64], better: Option<Direction>, slack: f64) -> Self {
        // What is impossible under the transform, a loss of 0 or an accuracy above its ceiling, is clamped, and says nothing.
        let possible = values.iter().copied().filter(|&value| transform.is_possible(value));
        let mut transformed: Vec<f64> = possible.map(|value| transform.apply(value)).collect();
        if transformed.is_empty() {
            return Self::of_nothing(transform);
        }
        let mut counted = transformed.clone();
        if let Some(better) = better {
            let worst = worst_useful(&transformed, better);
            let is_outlier = |value: f64| better.is_better(worst, value);
            // A few outliers are left out of the scale; many count as the worst that still says something.
            if are_odd(&transformed, is_outlier) {
                counted.retain(|&value| !is_outlier(value));
            }
            for value in transformed.iter_mut().chain(&mut counted) {
                *value = if better == Direction::Max { value.max(worst) } else { value.min(worst) };
            }
        }
        let (mean, deviation) = mean_and_deviation(&counted);
        let scale = if deviation > 1e-9 * mean.abs().max(1e-9) { deviation } else { 1.0 };
        let least = transformed.iter().copied().fold(f64::INFINITY, f64::min);
        let most = transformed.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Self { transform, mean, scale, range: ((least - mean) / scale - slack, (most - mean) / scale + slack) }
    }

    /// This column with the values of `other` in its range as well.
    fn widened(mut self, other: &Self) -> Self {
        if self.transform == other.transform {
            let here = |standardised: f64| (standardised * other.scale + other.mean - self.mean) / self.scale;
            self.range = (self.range.0.min(here(other.range.0)), self.range.1.max(here(other.range.1)));
        }
        self
    }
}

/// Values beyond the worse quartile by more than this many times its distance to the good end are outliers.
const OUTLYING: f64 = 3.0;
/// The good end: a quantile, since a single value is no end.
const GOOD_END: f64 = 0.05;

/// The worst of the values that is no outlier's. A run that explodes reaches losses of 1e20 before it is NaN: were they to
/// count as they are, one of them would leave all other losses no scale to differ on.
fn worst_useful(values: &[f64], better: Direction) -> f64 {
    let mut worsening = values.to_vec();
    worsening.sort_unstable_by(f64::total_cmp);
    if better == Direction::Max {
        worsening.reverse();
    }
    let quantile = |part: f64| worsening[(part * (worsening.len() - 1) as f64).round() as usize];
    let (good, poor) = (quantile(GOOD_END), quantile(0.75));
    // Where most values are the same, nothing is known of how far the others may lie.
    if good == poor { quantile(1.0) } else { poor + OUTLYING * (poor - good) }
}

/// How a sweep's columns become the model's inputs and outputs. Part of the model file.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scaler {
    /// Model time at the end of a run; time is `time_scale * step / total_steps`.
    pub time_scale: f64,
    /// Points a run has in the model's eyes: denser logs are averaged to this cadence.
    pub points_per_run: f64,
    /// Train loss.
    pub train_loss: Column,
    /// Learning rate.
    pub learning_rate: Column,
    /// Validation metric.
    pub validation: Column,
}

/// Model time at the end of a run. With a vector field of magnitude one, the state can move this far.
const TIME_SCALE: f64 = 10.0;
/// A rate below this fraction of the smallest peak in the sweep counts as nothing.
const NEGLIGIBLE_RATE: f64 = 0.01;
/// Least points of a run.
const LEAST_POINTS: f64 = 10.0;

impl Scaler {
    /// The same units, with room for all that `other` was fitted to.
    pub(crate) fn widened(&self, other: &Self) -> Self {
        Self {
            train_loss: self.train_loss.widened(&other.train_loss),
            learning_rate: self.learning_rate.widened(&other.learning_rate),
            validation: self.validation.widened(&other.validation),
            ..*self
        }
    }

    /// Fits the scaler to a sweep, for its metric number `metric`. Runs have at most `most_points` in the model's eyes.
    ///
    /// # Errors
    /// If the sweep has no finite metric or positive learning rate, or its metric never changes.
    pub(crate) fn fit(sweep: &Sweep, metric: usize, most_points: f64) -> Result<Self> {
        let fail = |reason: String| Err(Error::Sweep { reason });
        if sweep.runs.is_empty() {
            return fail("it has no runs; record some, or point to a file that has them".to_owned());
        }
        let Some(target) = sweep.metrics.get(metric) else {
            return fail("it has no validation metric; name one with '--val NAME:max' or '--val NAME:min'".to_owned());
        };
        let finite = |values: &mut dyn Iterator<Item = Option<f64>>| -> Vec<f64> {
            values.flatten().filter(|value| value.is_finite()).collect()
        };
        let losses = finite(&mut sweep.runs.iter().flat_map(|run| run.train_loss().iter().copied()));
        let metrics = finite(&mut sweep.runs.iter().flat_map(|run| run.validation(metric).iter().copied()));
        let metrics = possible_values(target, metrics);
        let peaks: Vec<f64> = sweep
            .runs
            .iter()
            .filter_map(|run| {
                let rates = run.learning_rate().iter().copied().flatten().filter(|rate| rate.is_finite());
                rates.fold(None, |most: Option<f64>, rate| Some(most.map_or(rate, |most| most.max(rate))))
            })
            .filter(|&peak| peak > 0.0)
            .collect();
        if metrics.is_empty() {
            return fail(format!("no run has a finite value of {target}; check the name of the metric"));
        }
        if metrics.iter().all(|&value| value == metrics[0]) {
            return fail(format!(
                "{target} is {} in every run: nothing distinguishes a good rate from a bad one",
                metrics[0]
            ));
        }
        let Some(least_peak) = peaks.iter().copied().reduce(f64::min) else {
            return fail("no run has a positive learning rate; check the name of the learning-rate column".to_owned());
        };
        let floor = least_peak * NEGLIGIBLE_RATE;
        let rates = sweep.runs.iter().flat_map(|run| run.learning_rate().iter().copied());
        let rates: Vec<f64> =
            rates.flatten().filter(|rate| rate.is_finite() && *rate >= 0.0).map(|rate| rate.max(floor)).collect();
        let mut densities: Vec<f64> = sweep.runs.iter().filter_map(density).collect();
        densities.sort_unstable_by(f64::total_cmp);
        let median = densities.get(densities.len() / 2).copied().unwrap_or(1.0);
        let mut learning_rate = Column::fit(Transform::Log, &rates, None, 0.0);
        if learning_rate.range.1 - learning_rate.range.0 < 1e-9 {
            // One rate throughout: leave room for others nearby, though nothing is known about them.
            learning_rate.range = (learning_rate.range.0 - 1.0, learning_rate.range.1 + 1.0);
        }
        Ok(Self {
            time_scale: TIME_SCALE,
            points_per_run: median.round().clamp(LEAST_POINTS, most_points.max(LEAST_POINTS)),
            train_loss: Column::fit(loss_transform(&losses), &losses, Some(Direction::Min), SLACK),
            learning_rate,
            validation: Column::fit(metric_transform(target, &metrics), &metrics, Some(target.direction), SLACK),
        })
    }
}

/// Points that a run would have, had it gone on to its planned end as densely as it was logged.
fn density(run: &Run) -> Option<f64> {
    let part = *run.steps().last()? as f64 / run.total_steps() as f64;
    Some(if run.reached_end() { run.len() as f64 } else { run.len() as f64 / part.max(1e-6) })
}

/// How losses are transformed.
fn loss_transform(values: &[f64]) -> Transform {
    if are_odd(values, |value| value <= 0.0) { Transform::Log } else { Transform::Identity }
}

/// How a metric is transformed: by its direction and the range of its values.
fn metric_transform(metric: &Metric, values: &[f64]) -> Transform {
    let negative = !are_odd(values, |value| value < 0.0);
    match metric.direction {
        Direction::Max if negative => Transform::Identity,
        Direction::Max if are_odd(values, |value| value > 1.0) => Transform::LogError { ceiling: 1.0 },
        Direction::Max if are_odd(values, |value| value > 100.0) => Transform::LogError { ceiling: 100.0 },
        Direction::Min => loss_transform(values),
        Direction::Max => Transform::Identity,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Point;
    use proptest::prelude::*;

    fn sweep(values: &[(f64, f64, f64)]) -> Sweep {
        let mut sweep = Sweep::new(vec![Metric::new("accuracy", Direction::Max)]);
        let points = values.iter().enumerate().map(|(step, &(loss, rate, accuracy))| {
            Point::new(step as u64).train_loss(loss).learning_rate(rate).validation(accuracy)
        });
        sweep.runs.push(Run::from_points("run", points).expect("steps increase"));
        sweep
    }

    proptest! {
        #[test]
        fn standardising_and_back_is_the_identity_but_for_outliers(
            values in prop::collection::vec((1e-3..10.0f64, 1e-4..1.0f64, 0.0..0.999f64), 2..20)
        ) {
            prop_assume!(values.iter().any(|value| value.2 != values[0].2));
            let scaler = Scaler::fit(&sweep(&values), 0, 1000.0).expect("a usable sweep");
            for &(loss, _, accuracy) in &values {
                let (a, b) = (scaler.train_loss, scaler.validation);
                let (a_back, b_back) = (a.natural(a.standardise(loss)), b.natural(b.standardise(accuracy)));
                // Outliers on the worse side come back as the worst that is none.
                let outlying = (a.standardise(loss) >= a.range.1, b.standardise(accuracy) <= b.range.0);
                prop_assert!((a_back / loss - 1.0).abs() < 1e-9 || outlying.0 && a_back < loss, "{} {}", a_back, loss);
                prop_assert!((b_back - accuracy).abs() < 1e-9 || outlying.1 && b_back > accuracy);
            }
        }
    }

    #[test]
    fn impossible_values_are_clamped_and_nan_is_kept() {
        let scaler =
            Scaler::fit(&sweep(&[(2.0, 0.1, 0.1), (1.0, 0.0, 0.6), (0.5, 0.1, 0.9)]), 0, 1000.0).expect("usable");
        assert!(scaler.train_loss.standardise(f64::INFINITY).is_finite());
        assert!(scaler.learning_rate.standardise(0.0).is_finite(), "a rate of zero counts as a negligible one");
        assert!(scaler.validation.standardise(f64::NAN).is_nan());
    }

    #[test]
    fn an_accuracy_that_was_never_negative_is_forecast_as_none() {
        let fit = |least: f64| {
            let values: Vec<(f64, f64, f64)> = (0..10).map(|k| (1.0, 0.1, least + 0.08 * f64::from(k))).collect();
            Scaler::fit(&sweep(&values), 0, 1000.0).expect("usable").validation
        };
        assert_eq!(fit(0.0).possible(-100.0), 0.0);
        assert_eq!(fit(0.1).possible(-100.0), 0.0);
        assert_eq!(fit(0.1).possible(100.0), 1.0);
        // A tenth of a hundred values below 0 is another kind of metric.
        assert!(fit(-0.1).possible(-100.0) < -0.1);
    }

    #[test]
    fn a_run_that_explodes_leaves_the_others_their_scale() {
        let mut values: Vec<(f64, f64, f64)> = (0..100).map(|k| (0.2 + 0.01 * f64::from(k), 0.1, 0.5)).collect();
        values[0].2 = 0.6;
        let sound = Scaler::fit(&sweep(&values), 0, 1000.0).expect("usable").train_loss;
        values.push((4.4e21, 0.1, 0.1));
        let exploded = Scaler::fit(&sweep(&values), 0, 1000.0).expect("usable").train_loss;
        let spread = |column: &Column| column.standardise(1.0) - column.standardise(0.5);
        assert!(spread(&exploded) > 0.7 * spread(&sound), "{} of {}", spread(&exploded), spread(&sound));
        assert_eq!(exploded.standardise(4.4e21), exploded.range.1, "as bad as can be");
        assert!(exploded.range.1 > sound.range.1 + 1.0, "but worse than anything sound");
    }

    #[test]
    fn one_odd_value_changes_no_transform_and_no_scale() {
        let sound: Vec<(f64, f64, f64)> =
            (0..100).map(|k| (0.2 + 0.01 * f64::from(k), 0.1, 0.5 + 0.004 * f64::from(k))).collect();
        let fit = |values: &[(f64, f64, f64)]| Scaler::fit(&sweep(values), 0, 1000.0).expect("usable");
        let expected = fit(&sound);
        for odd in [(0.0, 0.1, 0.7), (4e21, 0.1, 0.7), (0.5, 0.1, 1.000_000_1)] {
            let mut values = sound.clone();
            values.push(odd);
            let found = fit(&values);
            for (found, expected) in [(found.train_loss, expected.train_loss), (found.validation, expected.validation)]
            {
                assert_eq!(found.transform, expected.transform, "{odd:?}");
                assert!(
                    (found.scale / expected.scale - 1.0).abs() < 0.3,
                    "{odd:?}: {} {}",
                    found.scale,
                    expected.scale
                );
            }
        }
    }

    #[test]
    fn few_good_values_among_many_equal_ones_are_kept() {
        let values: Vec<(f64, f64, f64)> = (0..100).map(|k| (2.3, 0.1, if k < 97 { 0.1 } else { 0.9 })).collect();
        let scaler = Scaler::fit(&sweep(&values), 0, 1000.0).expect("usable").validation;
        assert!((scaler.natural(scaler.standardise(0.9)) - 0.9).abs() < 1e-9);
        let values: Vec<(f64, f64, f64)> = (0..100).map(|k| (2.3, 0.1, if k < 97 { 0.9 } else { 0.1 })).collect();
        let scaler = Scaler::fit(&sweep(&values), 0, 1000.0).expect("usable").validation;
        assert!((scaler.natural(scaler.standardise(0.1)) - 0.1).abs() < 1e-9);
    }

    #[test]
    fn unusable_sweeps_say_why() {
        let reason = |sweep: &Sweep| Scaler::fit(sweep, 0, 1000.0).expect_err("unusable").to_string();
        assert!(reason(&Sweep::default()).contains("no runs"));
        assert!(reason(&sweep(&[(1.0, 0.1, 0.5), (0.5, 0.1, 0.5)])).contains("in every run"));
        assert!(reason(&sweep(&[(1.0, 0.0, 0.5), (1.0, 0.0, 0.6)])).contains("positive learning rate"));
        assert!(reason(&sweep(&[(1.0, 0.1, f64::NAN)])).contains("finite value"));
    }
}
