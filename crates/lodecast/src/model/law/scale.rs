//! Metrics as the law sees them: a positive gap to the ideal value, smaller being better.

use serde::{Deserialize, Serialize};

use crate::odd::LEAST_FRACTION;
use crate::{Direction, Error, Metric, Result};

/// Where the ideal value of a metric came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum IdealOrigin {
    /// It was given.
    Given,
    /// It follows from the metric: 0 of a loss or error rate, 1 or 100 of an accuracy.
    Natural,
    /// It was learned from the curves.
    Learned,
}

/// A metric's ideal value, to which the law counts the gap `y`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scale {
    /// Which way is better.
    pub direction: Direction,
    /// The value that no run passes, in the metric's own units.
    pub ideal: f64,
    /// Where that value came from.
    pub origin: IdealOrigin,
    /// Least gap: half of the least that was measured, where the ideal itself was reached.
    pub(crate) least: f64,
}

/// Range of gaps that are told apart: logarithms and products of what lies beyond are of no use.
const LEAST_GAP: f64 = 1e-150;
const GREATEST_GAP: f64 = 1e150;
/// What is better than the ideal by more than this part of an untrained network's gap was not measured in the same unit.
const BEYOND: f64 = 0.01;
/// Gaps between the best value and a learned ideal that are tried, as fractions of what the best run gained.
pub(crate) const LEARNED_GAPS: [f64; 7] = [0.01, 0.03, 0.1, 0.2, 0.4, 0.8, 1.6];

impl Scale {
    /// The scale of `metric`, of which `values` were measured. `None` if its ideal value has to be learned. `greatest` are the ids of
    /// runs with their greatest value, for an error to name.
    pub(crate) fn choose(
        metric: &Metric,
        ideal: Option<f64>,
        values: &[f64],
        greatest: &[(&str, f64)],
    ) -> Result<Option<Self>> {
        let finite = || values.iter().copied().filter(|value| value.is_finite());
        let (least, most) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
        let direction = metric.direction;
        if let Some(ideal) = ideal {
            let passed = match direction {
                Direction::Max => most > ideal,
                Direction::Min => least < ideal,
            };
            if passed || !ideal.is_finite() {
                return Err(Error::Setting {
                    name: "ideal",
                    value: ideal.to_string(),
                    remedy: "give a finite value of the metric that no run has passed, or none at all",
                });
            }
            return Ok(Some(Self::new(direction, ideal, IdealOrigin::Given, values)));
        }
        let natural = match direction {
            Direction::Min if least >= 0.0 => Some(0.0),
            Direction::Min => None,
            Direction::Max if least < 0.0 => None,
            Direction::Max if most <= 1.0 => Some(1.0),
            Direction::Max if !metric.is_share() || most > 100.0 => None,
            // A share that is mostly below 1 and now and then a little above is neither a fraction nor per cent.
            Direction::Max if most < 1.5 => {
                let run = greatest.iter().find(|(_, value)| *value == most).map_or("?", |(run, _)| run);
                return Err(Error::Sweep {
                    reason: format!(
                        "'{}' reaches {most} in run '{run}', which is neither a fraction nor per cent: correct it, or give its \
                         ideal value (what no run can pass)",
                        metric.name
                    ),
                });
            }
            Direction::Max => Some(100.0),
        };
        Ok(natural.map(|ideal| Self::new(direction, ideal, IdealOrigin::Natural, values)))
    }

    /// A scale with a given ideal.
    pub(crate) fn new(direction: Direction, ideal: f64, origin: IdealOrigin, values: &[f64]) -> Self {
        let gaps = values.iter().map(|value| (value - ideal).abs()).filter(|gap| *gap > 0.0 && gap.is_finite());
        let least = gaps.fold(f64::INFINITY, f64::min) / 2.0;
        Self {
            direction,
            ideal,
            origin,
            least: if least.is_finite() { least.clamp(LEAST_GAP, GREATEST_GAP) } else { 1e-12 },
        }
    }

    /// The gap of a value to the ideal: positive, and infinite for what is not finite.
    pub(crate) fn gap(&self, value: f64) -> f64 {
        if !value.is_finite() {
            return f64::INFINITY;
        }
        let gap = match self.direction {
            Direction::Max => self.ideal - value,
            Direction::Min => value - self.ideal,
        };
        gap.clamp(self.least, GREATEST_GAP)
    }

    /// The first of measured values that is clearly better than the ideal, with its step, by the gap `start` of an untrained
    /// network. An ideal that was learned may be passed.
    pub(crate) fn first_beyond(&self, measured: &[(f64, f64)], start: f64) -> Option<(f64, f64)> {
        let slack = BEYOND * start;
        let is_beyond = |&&(_, value): &&(f64, f64)| (value - self.ideal) * self.direction.sign() > slack;
        measured.iter().find(is_beyond).filter(|_| self.origin != IdealOrigin::Learned).copied()
    }

    /// The metric's value at a gap. One whose ideal is natural was nowhere below 0, and is not there either.
    pub(crate) fn value(&self, gap: f64) -> f64 {
        match self.direction {
            Direction::Max if self.origin == IdealOrigin::Natural => (self.ideal - gap).max(0.0),
            Direction::Max => self.ideal - gap,
            Direction::Min => self.ideal + gap,
        }
    }

    /// The values at two gaps, in increasing order.
    pub(crate) fn range(&self, a: f64, b: f64) -> (f64, f64) {
        let (a, b) = (self.value(a), self.value(b));
        (a.min(b), a.max(b))
    }
}

/// A run in fractions and one in per cent, where a sweep has both: `runs` are their ids with their greatest value.
pub(crate) fn mixed_units<'a>(metric: &Metric, runs: &[(&'a str, f64)]) -> Option<[(&'a str, f64); 2]> {
    if metric.direction != Direction::Max || !metric.is_share() {
        return None;
    }
    let is_fraction = |value: f64| (LEAST_FRACTION..=1.0).contains(&value);
    let fraction = runs.iter().find(|(_, most)| is_fraction(*most))?;
    // A run in per cent that learned nothing may stay below 1, but not between these.
    let others: Vec<_> = runs.iter().filter(|(_, most)| !is_fraction(*most)).collect();
    let per_cent = others.iter().find(|(_, most)| (1.5..=100.0).contains(most))?;
    others.iter().all(|(_, most)| *most > 1.0).then_some([*fraction, **per_cent])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(name: &str, values: &[f64]) -> Result<Option<Scale>> {
        let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Scale::choose(&name.parse().expect("a metric"), None, values, &[("a run", greatest)])
    }

    #[test]
    fn ideals_follow_from_metric_and_values() {
        let ideal = |name: &str, values: &[f64]| choose(name, values).expect("usable").map(|scale| scale.ideal);
        assert_eq!(ideal("val_loss:min", &[2.0, 0.1, f64::NAN]), Some(0.0));
        assert_eq!(ideal("log_likelihood_loss:min", &[2.0, -0.1]), None);
        assert_eq!(ideal("val_acc:max", &[0.1, 0.97]), Some(1.0));
        assert_eq!(ideal("val_acc:max", &[10.0, 97.0]), Some(100.0));
        assert_eq!(ideal("reward:max", &[10.0, 97.0]), None);
        assert_eq!(ideal("reward:max", &[-4.0, 0.5]), None);
        let error = choose("accuracy:max", &[0.3, 1.02]).expect_err("not a share").to_string();
        assert!(error.contains("1.02 in run 'a run'") && error.contains("ideal"), "{error}");
    }

    #[test]
    fn a_reached_ideal_leaves_half_the_least_gap() {
        let scale = choose("accuracy:max", &[0.5, 0.99, 1.0]).expect("usable").expect("natural");
        assert!((scale.gap(1.0) - 0.005).abs() < 1e-12 && (scale.gap(0.5) - 0.5).abs() < 1e-12);
        assert_eq!(scale.gap(f64::NAN), f64::INFINITY);
        assert!((scale.value(scale.gap(0.75)) - 0.75).abs() < 1e-12);
        assert!(Scale::choose(&Metric::new("a", Direction::Max), Some(0.9), &[0.95], &[]).is_err());
    }

    #[test]
    fn a_share_has_no_values_below_zero() {
        let value = |name: &str, values: &[f64]| choose(name, values).expect("usable").expect("natural").value(150.0);
        assert_eq!(value("accuracy:max", &[0.5, 0.9]), 0.0);
        assert_eq!(value("accuracy:max", &[50.0, 90.0]), 0.0);
        assert_eq!(value("loss:min", &[0.5, 0.9]), 150.0);
    }
}
