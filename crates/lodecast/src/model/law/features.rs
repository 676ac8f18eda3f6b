//! What a Gaussian process sees of a schedule: a few numbers about its rates, its length and the run's settings.

use serde::{Deserialize, Serialize};

use super::curve::SEGMENTS;

/// Features of a schedule.
pub(crate) const SCHEDULE_FEATURES: usize = 6;
/// Least deviation a feature is divided by, so that what hardly varies does not count for much.
const LEAST_DEVIATION: f64 = 0.3;
/// Segments at the end over which the last rate is averaged.
const LAST: usize = 3;
/// Keeps the logarithm of a schedule that ends at zero finite.
const LEAST_END: f64 = 0.003;

/// Rates beyond it count as it: their sum must be finite.
const HIGHEST: f64 = 1e300;

/// Features of a schedule given by the mean rate of each of its segments, `length` steps long: logarithms of peak,
/// integral, last rate over peak and length; where the rate's mass and where its peak lies.
pub(crate) fn schedule_features(rates: &[f64; SEGMENTS], length: f64) -> [f64; SCHEDULE_FEATURES] {
    let rates = rates.map(|rate| rate.min(HIGHEST));
    let peak_at = (0..SEGMENTS).fold(0, |best, k| if rates[k] > rates[best] { k } else { best });
    let peak = rates[peak_at].max(1e-300);
    let total = rates.iter().sum::<f64>().max(1e-300);
    let end = rates[SEGMENTS - LAST..].iter().sum::<f64>() / LAST as f64;
    let centre = |k: usize| (k as f64 + 0.5) / SEGMENTS as f64;
    let centroid = (0..SEGMENTS).map(|k| rates[k] * centre(k)).sum::<f64>() / total;
    let length = length.max(1.0);
    [
        peak.ln(),
        // The longest run under the highest rate would be infinite.
        (total / SEGMENTS as f64 * length).min(f64::MAX).ln(),
        (end / peak + LEAST_END).ln(),
        length.ln(),
        4.0 * centroid,
        3.0 * centre(peak_at),
    ]
}

/// Brings features to zero mean and unit deviation over the runs it was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Standardiser {
    mean: Vec<f64>,
    deviation: Vec<f64>,
}

impl Standardiser {
    /// From one row of features a run.
    pub(crate) fn of(rows: &[Vec<f64>]) -> Self {
        let width = rows.first().map_or(0, Vec::len);
        let count = rows.len().max(1) as f64;
        let mean: Vec<f64> = (0..width).map(|k| rows.iter().map(|row| row[k]).sum::<f64>() / count).collect();
        let deviation = (0..width)
            .map(|k| {
                (rows.iter().map(|row| (row[k] - mean[k]).powi(2)).sum::<f64>() / count).sqrt().max(LEAST_DEVIATION)
            })
            .collect();
        Self { mean, deviation }
    }

    /// How many features it was made from.
    pub(crate) fn width(&self) -> usize {
        self.mean.len()
    }

    /// Can it be applied?
    pub(crate) fn is_sound(&self) -> bool {
        let positive = |&deviation: &f64| deviation > 0.0 && deviation.is_finite();
        self.deviation.len() == self.mean.len()
            && self.mean.iter().all(|mean| mean.is_finite())
            && self.deviation.iter().all(positive)
    }

    /// Rows, standardised.
    pub(crate) fn standardised(&self, rows: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let mut rows = rows.to_vec();
        for row in &mut rows {
            self.apply(row);
        }
        rows
    }

    /// Standardises a row in place.
    pub(crate) fn apply(&self, row: &mut [f64]) {
        for ((value, mean), deviation) in row.iter_mut().zip(&self.mean).zip(&self.deviation) {
            *value = (*value - mean) / deviation;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_of_a_linear_decay() {
        let rates: [f64; SEGMENTS] = std::array::from_fn(|k| 2.0 * (1.0 - (k as f64 + 0.5) / SEGMENTS as f64));
        let [peak, integral, end, length, centroid, peak_at] = schedule_features(&rates, 100.0);
        assert!((peak - rates[0].ln()).abs() < 1e-12 && (integral - 100.0f64.ln()).abs() < 1e-12);
        assert!((length - 100.0f64.ln()).abs() < 1e-12 && (peak_at - 1.5 / 64.0).abs() < 1e-12);
        // A falling line has its mass a third of the way in.
        assert!((centroid - 4.0 / 3.0).abs() < 1e-3 && end < (0.03f64).ln());
    }

    #[test]
    fn features_are_finite_at_the_ends_of_what_there_is() {
        for rate in [0.0, 1e-300, 1e300, f64::MAX] {
            for length in [0.0, 1.0, u64::MAX as f64] {
                let features = schedule_features(&[rate; SEGMENTS], length);
                assert!(features.iter().all(|feature| feature.is_finite()), "{rate} {length}: {features:?}");
            }
        }
    }
}
