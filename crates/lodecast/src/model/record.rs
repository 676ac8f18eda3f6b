//! How a model came about, and what its forecasts were worth on what was held out.

use serde::{Deserialize, Serialize};

use crate::data::interpolate;

/// Deviations of a normal distribution within which 95 % lie.
pub(super) const NORMAL_95: f64 = 1.96;
/// The error to expect where nothing was held out: the standard deviation of the metric over the sweep.
const UNKNOWN: f64 = 1.0;

/// By how much less an ensemble is off, each member of which knows all runs, than its members were from whom a fifth was held out. With it
/// intervals hold what they say on other people's searches (docs/results.md).
const KNOWING_ALL: f64 = 0.85;

/// How far held-out forecasts of the final metric were off, in the model's units.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Miss {
    /// Part of the run that was seen.
    pub fraction: f64,
    /// 68 % of the runs were off by less.
    pub within_68: f64,
    /// 95 % of the runs were off by less, and no less than a normal distribution with these 68 % has it.
    pub within_95: f64,
}

impl Miss {
    /// From the sizes of the errors, in increasing order; there is at least one.
    pub(crate) fn of(fraction: f64, errors: &[f64]) -> Self {
        // One run more, which may be off by more than all of them.
        let quantile = |p: f64| {
            let place = (p * (errors.len() + 1) as f64 - 1.0).clamp(0.0, (errors.len() - 1) as f64);
            let left = (place as usize).min(errors.len().saturating_sub(2));
            let right = (left + 1).min(errors.len() - 1);
            errors[left] + (errors[right] - errors[left]) * (place - left as f64)
        };
        let within_68 = quantile(0.68);
        Self { fraction, within_68, within_95: quantile(0.95).max(NORMAL_95 * within_68) }
    }

    /// Of a normal distribution.
    fn normal(fraction: f64, deviation: f64) -> Self {
        Self { fraction, within_68: deviation, within_95: NORMAL_95 * deviation }
    }
}

/// How a model came about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FitRecord {
    /// Fingerprint of the sweep.
    pub sweep: String,
    /// Runs learned from.
    pub runs: usize,
    /// Their points.
    pub points: usize,
    /// Optimizer steps of each member.
    pub iterations: u64,
    /// Seed.
    pub seed: u64,
    /// Loss of each member on the configurations it did not see; empty where none were held out.
    pub held_out_loss: Vec<f64>,
    /// Signatures of the runs that each member did not see in its first cycle, on which it was measured; in model files of
    /// format 1 the names of their configurations.
    pub held_out: Vec<Vec<String>>,
    /// Signatures of the runs learned from; in model files of format 1 the names of their configurations.
    #[serde(default)]
    pub learned: Vec<String>,
    /// Root mean square error of the final metric on held-out configurations, in the model's units, after the first
    /// `fraction` of a run: `(fraction, error)`, fractions increasing.
    #[serde(default)]
    pub residuals: Vec<(f64, f64)>,
    /// How far held-out forecasts of the final metric were off, fractions increasing. Errors have long tails: their root mean square is
    /// no width of an interval.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub misses: Vec<Miss>,
    /// Seconds the fit took.
    pub seconds: f64,
}

impl FitRecord {
    /// Error to expect of the final metric after `progress` of a run, interpolated; where nothing was held out, as much as
    /// the metric varies over the sweep.
    pub fn residual(&self, progress: f64) -> f64 {
        if self.residuals.is_empty() { UNKNOWN } else { interpolate(&self.residuals, progress) }
    }

    /// How far the whole ensemble may be off after `progress` of a run that it does not know.
    pub(crate) fn miss_of_all(&self, progress: f64) -> Miss {
        let miss = self.miss(progress);
        if self.misses.is_empty() {
            return miss;
        }
        Miss { within_68: KNOWING_ALL * miss.within_68, within_95: KNOWING_ALL * miss.within_95, ..miss }
    }

    /// How far a member was off after `progress` of a run that was held out from it, interpolated; by [`Self::residual`] where no more
    /// is known.
    pub(crate) fn miss(&self, progress: f64) -> Miss {
        if self.misses.is_empty() {
            return Miss::normal(progress, self.residual(progress));
        }
        let column = |of: fn(&Miss) -> f64| {
            let points: Vec<(f64, f64)> = self.misses.iter().map(|miss| (miss.fraction, of(miss))).collect();
            interpolate(&points, progress)
        };
        Miss {
            fraction: column(|miss| miss.fraction),
            within_68: column(|miss| miss.within_68),
            within_95: column(|miss| miss.within_95),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_miss_is_what_so_many_runs_were_off_by_less() {
        // Few large errors among small ones: their root mean square is 3, and 68 % are off by less than 0.7.
        let mut errors: Vec<f64> = (1..100).map(|k| f64::from(k) / 100.0).collect();
        errors.push(30.0);
        let miss = Miss::of(0.1, &errors);
        assert!((miss.within_68 - 0.6868).abs() < 1e-9, "{miss:?}");
        assert!((miss.within_95 - NORMAL_95 * 0.6868).abs() < 1e-9, "no less than a normal one's: {miss:?}");
        let errors: Vec<f64> = (1..=99).map(|k| if k < 90 { 0.1 } else { f64::from(k) }).collect();
        assert!((Miss::of(0.1, &errors).within_95 - 95.0).abs() < 1e-9);
        assert_eq!(Miss::of(0.0, &[0.5]), Miss::normal(0.0, 0.5));
    }

    #[test]
    fn misses_lie_between_those_recorded() {
        let at = |fraction, within_68| Miss { fraction, within_68, within_95: 3.0 * within_68 };
        let mut record = FitRecord { misses: vec![at(0.0, 0.4), at(0.5, 0.2)], ..FitRecord::default() };
        assert_eq!(record.miss(0.0), at(0.0, 0.4));
        assert!((record.miss(0.25).within_68 - 0.3).abs() < 1e-12 && (record.miss(0.25).within_95 - 0.9).abs() < 1e-12);
        assert_eq!(record.miss(0.9), at(0.5, 0.2));
        assert!(
            (record.miss_of_all(0.0).within_68 - 0.34).abs() < 1e-12
                && (record.miss_of_all(0.0).within_95 - 1.02).abs() < 1e-12
        );
        // As files of earlier versions are.
        record.misses.clear();
        record.residuals = vec![(0.0, 0.3)];
        assert_eq!(record.miss_of_all(0.7), Miss::normal(0.7, 0.3));
        assert_eq!(record.miss(0.7), Miss::normal(0.7, 0.3));
    }
}
