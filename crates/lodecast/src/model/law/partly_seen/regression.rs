//! The end of a run by regression on what has been seen of it, learned from the fitted runs.

use super::super::curve::{Curve, Path, SEGMENTS};
use super::super::linear_algebra::{Cholesky, dot};
use super::super::seen::level_and_trend;

/// Slope of the end's residual in the one seen last, by the fraction seen, before any run tells; and the doubt about it.
const SLOPES: [(f64, f64); 5] = [(0.0, 0.2), (0.1, 0.4), (0.25, 0.7), (0.5, 0.9), (1.0, 1.0)];
const SLOPE_DOUBT: f64 = 0.5;
/// Doubt about the slope in the law's own remaining fall.
pub(super) const FALL_DOUBT: f64 = 0.1;
const SEEN_FEATURES: usize = 3;
pub(super) type SeenFeatures = [f64; SEEN_FEATURES];

/// Level and trend of the residuals seen, and how far the law still falls.
pub(super) fn seen_features(
    residuals: &[Option<f64>],
    curve: &Curve,
    path: &Path,
    ends: &[usize],
) -> Option<SeenFeatures> {
    let (level, trend) = level_and_trend(residuals)?;
    let mut values = [0.0; 2];
    curve.values(path, &[*ends.last()?, SEGMENTS - 1], &mut values);
    Some([level, trend, values[0] - values[1]])
}

pub(super) fn slope_before(seen: f64) -> f64 {
    let after = SLOPES.partition_point(|(fraction, _)| *fraction <= seen).clamp(1, SLOPES.len() - 1);
    let ((left, a), (right, b)) = (SLOPES[after - 1], SLOPES[after]);
    a + (b - a) * (seen - left) / (right - left)
}

/// Bayesian linear regression of the end's residual on what has been seen, with normal priors of the slopes.
#[derive(Debug)]
pub(super) struct Regression {
    slopes: SeenFeatures,
    covariance: Vec<f64>,
    /// The normal equations, and the variance that runs are weighed by in them.
    information: Vec<f64>,
    right: SeenFeatures,
    variance: f64,
}

impl Regression {
    /// From the runs' features and the residuals of their ends, which scatter by `scale`.
    pub(super) fn of(rows: &[SeenFeatures], targets: &[f64], level_slope: f64, scale: f64) -> Self {
        let before = [level_slope, 0.0, 0.0];
        let precision = [SLOPE_DOUBT, SLOPE_DOUBT, FALL_DOUBT].map(|doubt| doubt.powi(-2));
        let mut found = Self {
            slopes: before,
            covariance: vec![0.0; SEEN_FEATURES * SEEN_FEATURES],
            information: vec![0.0; SEEN_FEATURES * SEEN_FEATURES],
            right: [0.0; SEEN_FEATURES],
            variance: scale * scale,
        };
        let mut variance = scale * scale;
        for _ in 0..3 {
            let mut matrix = vec![0.0; SEEN_FEATURES * SEEN_FEATURES];
            let mut right: SeenFeatures = std::array::from_fn(|k| precision[k] * before[k]);
            for (row, &target) in rows.iter().zip(targets) {
                add(&mut matrix, &mut right, row, target, 1.0 / variance);
            }
            (0..SEEN_FEATURES).for_each(|k| matrix[k * SEEN_FEATURES + k] += precision[k]);
            let Some(solved) = Self::solved(matrix, right, variance) else { break };
            found = solved;
            let squares: f64 = rows.iter().zip(targets).map(|(row, target)| (target - found.mean(row)).powi(2)).sum();
            variance = (2.0 * scale * scale + squares) / (2.0 + rows.len() as f64);
        }
        found
    }

    fn solved(information: Vec<f64>, right: SeenFeatures, variance: f64) -> Option<Self> {
        let factor = Cholesky::of(information.clone(), SEEN_FEATURES)?;
        let mut slopes = right;
        factor.solve(&mut slopes);
        Some(Self { slopes, covariance: factor.inverse(), information, right, variance })
    }

    pub(super) fn mean(&self, row: &SeenFeatures) -> f64 {
        dot(&self.slopes, row)
    }

    /// Variance of the mean.
    pub(super) fn doubt(&self, row: &SeenFeatures) -> f64 {
        let product = |k: usize| dot(&self.covariance[k * SEEN_FEATURES..(k + 1) * SEEN_FEATURES], row);
        (0..SEEN_FEATURES).map(|k| row[k] * product(k)).sum::<f64>().max(0.0)
    }

    /// Part of an error of the law that the level seen does not correct.
    pub(super) fn uncorrected(&self) -> f64 {
        1.0 - self.slopes[0].clamp(0.0, 1.0)
    }

    /// The same without some of the runs that it was made from: their features, and the residuals of their ends.
    pub(super) fn without<'a>(&self, runs: impl Iterator<Item = (&'a SeenFeatures, f64)>) -> Option<Self> {
        let (mut matrix, mut right) = (self.information.clone(), self.right);
        for (row, target) in runs {
            add(&mut matrix, &mut right, row, target, -1.0 / self.variance);
        }
        Self::solved(matrix, right, self.variance)
    }
}

/// Adds a run to the normal equations with a weight.
fn add(matrix: &mut [f64], right: &mut SeenFeatures, row: &SeenFeatures, target: f64, weight: f64) {
    for a in 0..SEEN_FEATURES {
        right[a] += weight * row[a] * target;
        for b in 0..SEEN_FEATURES {
            matrix[a * SEEN_FEATURES + b] += weight * row[a] * row[b];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prior_slopes_are_those_found() {
        for (seen, slope) in [(0.1, 0.4), (0.25, 0.7), (0.5, 0.9), (0.0, 0.2), (1.0, 1.0), (0.375, 0.8)] {
            assert!((slope_before(seen) - slope).abs() < 1e-12);
        }
    }
}
