//! What is expected of a final metric, with its intervals, in the units of a model.

use super::record::{Miss, NORMAL_95};

/// A final metric as it is expected, in the model's units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Expected {
    pub(crate) mean: f64,
    /// Ends of the interval of 68 %, and of that of 95 %.
    pub(crate) within_68: (f64, f64),
    pub(crate) within_95: (f64, f64),
}

impl Expected {
    /// A mean with a deviation to either side.
    pub(crate) fn about(mean: f64, deviation: f64) -> Self {
        let within = |factor: f64| (mean - factor * deviation, mean + factor * deviation);
        Self { mean, within_68: within(1.0), within_95: within(NORMAL_95) }
    }

    /// What the members of an ensemble expect together: their mean is surer than any of them, and off by `miss` besides.
    pub(super) fn of_members(values: impl Iterator<Item = f64> + Clone, miss: &Miss) -> Self {
        let members = values.clone().count().max(1) as f64;
        let (mean, deviation) = moments(values, 0.0);
        let within = |factor: f64, miss: f64| {
            let half = (factor * deviation / members.sqrt()).hypot(miss);
            (mean - half, mean + half)
        };
        Self { mean, within_68: within(1.0, miss.within_68), within_95: within(NORMAL_95, miss.within_95) }
    }

    /// Is `truth` within the interval of 68 %?
    pub(crate) fn covers(&self, truth: f64) -> bool {
        (self.within_68.0..=self.within_68.1).contains(&truth)
    }

    /// Deviations by which `truth` is off, by the interval of 95 %: what diverges as was feared is no mistake.
    pub(crate) fn deviations(&self, truth: f64) -> f64 {
        let (low, high) = self.within_95;
        let side = if truth > self.mean { high - self.mean } else { self.mean - low };
        NORMAL_95 * (truth - self.mean).abs() / side.max(f64::MIN_POSITIVE)
    }
}

/// Mean of values, and the root of their variance (of the sample) plus `extra` squared.
pub(crate) fn moments(values: impl Iterator<Item = f64> + Clone, extra: f64) -> (f64, f64) {
    let count = values.clone().count().max(1) as f64;
    let mean = values.clone().sum::<f64>() / count;
    let variance = values.map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
    (mean, (variance + extra * extra).sqrt())
}
