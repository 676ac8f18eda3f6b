//! What is believed of the law's parameters before any run: independent normals, the corrections correlated.
//!
//! All fitting happens in whitened coordinates `v`, `theta = mean + L v`, in which this is a standard normal.

use serde::{Deserialize, Serialize};

use super::curve::{Gradient, PARAMETERS, parameter as at};
use super::linear_algebra::Cholesky;

/// Mean and deviation of each parameter.
#[rustfmt::skip]
const PRIOR: [(f64, f64); PARAMETERS] = [
    (-0.15, 0.25),                 // ln L0/best
    (-2.0, 1.5),                   // ln A/best
    (-0.510_825_623_765_990_7, 0.6), // ln alpha
    (0.0, 0.2),                    // ln p
    (std::f64::consts::LN_10, 1.5), // ln eta_e
    (-2.5, 1.5),                   // ln B/best
    (0.0, 0.4),                    // ln q
    (3.912_023_005_428_146, 1.5),  // ln r0
    (-0.356_674_943_938_732_45, 0.5), // ln gamma
    (0.0, 0.5),                    // ln delta
    (std::f64::consts::LN_2, 0.4), // ln kappa
    (0.0, CORRECTION_DEVIATION), (0.0, CORRECTION_DEVIATION), (0.0, CORRECTION_DEVIATION), (0.0, CORRECTION_DEVIATION),
    (0.0, CORRECTION_DEVIATION), (0.0, CORRECTION_DEVIATION), (0.0, CORRECTION_DEVIATION),
    (1.098_612_288_668_109_8, 0.7), // ln eta_w
    (-1.203_972_804_325_936, 0.7), // ln rho
    (-3.912_023_005_428_146, 1.5), // ln h
];
const CORRECTION_DEVIATION: f64 = 0.3;
/// Distance in `ln S` over which corrections are alike.
const CORRECTION_LENGTH: f64 = 1.2;
/// `ln h` of a law without the term for warm-up.
const NO_HARM: f64 = -600.0;

/// The prior over the parameters, and the whitening it defines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Choice", into = "Choice")]
pub(crate) struct Prior {
    choice: Choice,
    mean: Gradient,
    deviation: Gradient,
    corrections: Cholesky,
}

/// What there is to choose about the prior.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Choice {
    /// Is there a term for rates that come before training is ready for them?
    pub(crate) warmup: bool,
}

impl From<Choice> for Prior {
    fn from(choice: Choice) -> Self {
        let mut mean = PRIOR.map(|(mean, _)| mean);
        if !choice.warmup {
            mean[at::WARMUP_HARM] = NO_HARM;
        }
        let count = at::WARMUP_EDGE - at::CORRECTION;
        let covariance = (0..count * count).map(|k| {
            let distance = (k / count) as f64 - (k % count) as f64;
            CORRECTION_DEVIATION.powi(2) * (-(distance / CORRECTION_LENGTH).powi(2) / 2.0).exp()
        });
        let corrections = Cholesky::of(covariance.collect(), count).unwrap_or_default();
        Self { choice, mean, deviation: PRIOR.map(|(_, deviation)| deviation), corrections }
    }
}

impl From<Prior> for Choice {
    fn from(prior: Prior) -> Self {
        prior.choice
    }
}

impl Prior {
    /// The parameters at whitened coordinates `v`.
    pub(crate) fn parameters(&self, v: &Gradient) -> Gradient {
        let mut theta = [0.0; PARAMETERS];
        for k in 0..PARAMETERS {
            theta[k] = self.mean[k] + self.deviation[k] * v[k];
        }
        let range = at::CORRECTION..at::WARMUP_EDGE;
        theta[range.clone()].copy_from_slice(&self.corrections.multiply(&v[range]));
        theta
    }

    /// The whitened coordinates of parameters.
    #[cfg(test)]
    pub(crate) fn whitened(&self, theta: &Gradient) -> Gradient {
        let mut v = [0.0; PARAMETERS];
        for k in 0..PARAMETERS {
            v[k] = (theta[k] - self.mean[k]) / self.deviation[k];
        }
        let range = at::CORRECTION..at::WARMUP_EDGE;
        v[range.clone()].copy_from_slice(&theta[range.clone()]);
        self.corrections.solve_lower(&mut v[range]);
        v
    }

    /// Turns derivatives in the parameters into derivatives in whitened coordinates.
    pub(crate) fn whiten_gradient(&self, gradient: &Gradient) -> Gradient {
        let mut whitened = [0.0; PARAMETERS];
        for k in 0..PARAMETERS {
            whitened[k] = gradient[k] * self.deviation[k];
        }
        // J L: the corrections' factor is lower triangular.
        let corrections = at::CORRECTION..at::WARMUP_EDGE;
        whitened[corrections.clone()].fill(0.0);
        for row in 0..corrections.len() {
            for (column, entry) in self.corrections.row(row).iter().enumerate() {
                whitened[at::CORRECTION + column] += gradient[at::CORRECTION + row] * entry;
            }
        }
        whitened
    }

    /// Is there a term for missing warm-up?
    pub(crate) fn has_warmup(&self) -> bool {
        self.choice.warmup
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whitening_is_undone_by_parameters(v in prop::array::uniform21(-3.0..3.0f64)) {
            let prior = Prior::from(Choice { warmup: true });
            let back = prior.whitened(&prior.parameters(&v));
            prop_assert!(v.iter().zip(&back).all(|(v, back)| (v - back).abs() < 1e-9));
        }
    }
}
