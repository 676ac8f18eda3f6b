//! Levenberg-Marquardt for the law: least squares in whitened coordinates, whose prior is part of what is minimised.

use serde::{Deserialize, Serialize};

use super::curve::{Curve, Gradient, PARAMETERS, Path};
use super::linear_algebra::{Cholesky, dot};
use super::prior::Prior;

/// Residuals beyond this many deviations count linearly (soft L1).
const SOFT: f64 = 1.5;
const ITERATIONS: usize = 200;

/// The measured values of one run.
#[derive(Clone, Debug)]
pub(crate) struct Curves {
    pub(crate) path: Path,
    /// Ends of segments that have a value, increasing.
    pub(crate) ends: Vec<usize>,
    /// `ln y` there.
    pub(crate) ln_values: Vec<f64>,
    /// Weight of each in units of `1/sigma`.
    pub(crate) weights: Vec<f64>,
}

/// What is minimised: half the squared residuals of the data and of the prior.
pub(crate) struct Problem<'a> {
    pub(crate) runs: &'a [Curves],
    pub(crate) prior: &'a Prior,
    pub(crate) start: f64,
    pub(crate) best: f64,
}

/// Where Levenberg-Marquardt stopped.
#[derive(Clone, Debug)]
pub(crate) struct Minimum {
    pub(crate) v: Gradient,
    pub(crate) cost: f64,
}

/// Normal equations of the data at one point.
#[derive(Clone)]
pub(crate) struct Normal {
    /// `JᵀJ` of the data.
    information: [Gradient; PARAMETERS],
    gradient: Gradient,
    cost: f64,
}

/// `sign(r) sqrt(4.5 (sqrt(1 + r²/2.25) - 1))`, its square being the soft L1, and its slope.
fn soften(r: f64) -> (f64, f64) {
    let ratio = r / SOFT;
    let root = (1.0 + ratio * ratio).sqrt();
    // sqrt(1 + x) - 1 without cancellation.
    let squared = 2.0 * r * r / (root + 1.0);
    let soft = squared.sqrt().copysign(r);
    let slope = if soft == 0.0 { 1.0 } else { r / (soft * root) };
    (soft, slope)
}

impl Problem<'_> {
    fn curve(&self, v: &Gradient) -> Curve {
        Curve::new(&self.prior.parameters(v), self.start, self.best)
    }

    /// Half the squared residuals at `v`.
    #[cfg(test)]
    pub(crate) fn cost(&self, v: &Gradient, sigma: f64) -> f64 {
        let curve = self.curve(v);
        let mut predicted = Vec::new();
        let mut squared: f64 = v.iter().map(|v| v * v).sum();
        for run in self.runs {
            predicted.resize(run.ends.len(), 0.0);
            curve.values(&run.path, &run.ends, &mut predicted);
            for k in 0..run.ends.len() {
                squared += soften((predicted[k] - run.ln_values[k]) * run.weights[k] / sigma).0.powi(2);
            }
        }
        squared / 2.0
    }

    /// Unweighted residuals `ln prediction - ln y` at `v`, run after run.
    pub(crate) fn residuals(&self, v: &Gradient) -> Vec<f64> {
        let curve = self.curve(v);
        let mut residuals = Vec::new();
        for run in self.runs {
            let from = residuals.len();
            residuals.resize(from + run.ends.len(), 0.0);
            curve.values(&run.path, &run.ends, &mut residuals[from..]);
            residuals[from..].iter_mut().zip(&run.ln_values).for_each(|(predicted, measured)| *predicted -= measured);
        }
        residuals
    }

    /// The normal equations at `v`.
    pub(crate) fn normal(&self, v: &Gradient, sigma: f64) -> Normal {
        let curve = self.curve(v);
        let mut information = [[0.0; PARAMETERS]; PARAMETERS];
        let mut gradient = *v;
        let mut squared: f64 = v.iter().map(|v| v * v).sum();
        for run in self.runs {
            curve.derivatives(&run.path, &run.ends, |k, predicted, slopes| {
                let weight = run.weights[k] / sigma;
                let (residual, slope) = soften((predicted - run.ln_values[k]) * weight);
                let scale = slope * weight;
                let row = self.prior.whiten_gradient(slopes).map(|slope| slope * scale);
                squared += residual * residual;
                for a in 0..PARAMETERS {
                    gradient[a] += row[a] * residual;
                    for b in 0..PARAMETERS {
                        information[a][b] += row[a] * row[b];
                    }
                }
            });
        }
        Normal { information, gradient, cost: squared / 2.0 }
    }

    /// Goes downhill from `v` until steps gain less than `tolerance` of the cost.
    pub(crate) fn minimise(&self, v: Gradient, sigma: f64, tolerance: f64) -> Minimum {
        let mut minimum = Minimum { v, cost: f64::INFINITY };
        let mut normal = self.normal(&v, sigma);
        minimum.cost = normal.cost;
        let (mut damping, mut growth) = (1e-2, 2.0);
        let mut still = 0;
        for _ in 0..ITERATIONS {
            let Some(step) = normal.step(damping) else {
                damping *= growth;
                growth *= 2.0;
                continue;
            };
            let mut next = minimum.v;
            next.iter_mut().zip(&step).for_each(|(v, step)| *v -= step);
            // Nearly all steps are accepted, so that the normal equations come with the cost.
            let next_normal = self.normal(&next, sigma);
            let cost = next_normal.cost;
            let promised = normal.promise(&step, damping);
            let gained = minimum.cost - cost;
            if gained.is_finite() && gained > 0.0 {
                let ratio = gained / promised.max(1e-300);
                minimum = Minimum { v: next, cost };
                damping = (damping * (1.0 - (2.0 * ratio - 1.0).powi(3)).clamp(0.1, 2.0)).max(1e-9);
                growth = 2.0;
                still = if gained < tolerance * (1.0 + cost) { still + 1 } else { 0 };
                if still == 2 {
                    break;
                }
                normal = next_normal;
            } else {
                if promised < 0.01 * tolerance * (1.0 + minimum.cost) || damping > 1e12 {
                    break;
                }
                damping *= growth;
                growth *= 2.0;
            }
        }
        minimum
    }
}

/// What the law fitted to all runs but those of one configuration says of the end of such a run, linearised.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LeftOut {
    /// By how much `ln y` of the end moves when they are left out.
    pub(crate) shift: f64,
    /// Variance of `ln y` of the end by the doubt about the parameters without them.
    pub(crate) variance: f64,
}

impl Problem<'_> {
    /// Leaves some runs out of the fit that ended at `v`, where `normal` holds.
    pub(crate) fn without(&self, runs: &[usize], v: &Gradient, sigma: f64, normal: &Normal) -> Option<Without> {
        let mut without = normal.clone();
        let mut pull = [0.0; PARAMETERS];
        for &index in runs {
            let only = Problem { runs: &self.runs[index..=index], ..*self };
            let own = only.normal(v, sigma);
            for a in 0..PARAMETERS {
                // The prior's part of the gradient is not the run's.
                pull[a] += own.gradient[a] - v[a];
                for b in 0..PARAMETERS {
                    without.information[a][b] -= own.information[a][b];
                }
            }
        }
        let factor = without.factor(0.0)?;
        factor.solve(&mut pull);
        Some(Without { factor, pull })
    }
}

/// A fit without some of its runs, linearised.
pub(crate) struct Without {
    factor: Cholesky,
    /// By how much the whitened parameters move.
    pull: Gradient,
}

impl Without {
    /// What it says of an end of which `slopes` are the whitened slopes.
    pub(crate) fn of_end(&self, slopes: &Gradient) -> LeftOut {
        let mut half = *slopes;
        self.factor.solve_lower(&mut half);
        LeftOut { shift: dot(&self.pull, slopes), variance: dot(&half, &half) }
    }
}

impl Normal {
    /// Cholesky factor of the data's information plus the prior's, `damping` added.
    pub(crate) fn factor(&self, damping: f64) -> Option<Cholesky> {
        let mut matrix = self.information.as_flattened().to_vec();
        for k in 0..PARAMETERS {
            // A share of the diagonal as well as of the prior's unit: directions the data know well are damped in their own scale.
            let diagonal = &mut matrix[k * PARAMETERS + k];
            *diagonal = (*diagonal + 1.0) * (1.0 + damping);
        }
        Cholesky::of(matrix, PARAMETERS)
    }

    fn step(&self, damping: f64) -> Option<Gradient> {
        let mut step = self.gradient;
        self.factor(damping)?.solve(&mut step);
        step.iter().all(|step| step.is_finite()).then_some(step)
    }

    /// By how much the quadratic model falls along `-step`.
    fn promise(&self, step: &Gradient, damping: f64) -> f64 {
        let damped: f64 = (0..PARAMETERS)
            .map(|k| step[k] * (self.gradient[k] + damping * (self.information[k][k] + 1.0) * step[k]))
            .sum();
        damped / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softened_residuals_square_to_the_soft_l1_and_have_its_slope() {
        for r in [-40.0, -1.0, -1e-9, 0.0, 1e-6, 0.3, 2.0, 1e3f64] {
            let (soft, slope) = soften(r);
            let expected = 4.5 * ((1.0 + r * r / 2.25).sqrt() - 1.0);
            assert!((soft * soft - expected).abs() <= 1e-9 * (1.0 + expected), "{r}: {soft}");
            let step = 1e-5;
            let finite = (soften(r + step).0 - soften(r - step).0) / (2.0 * step);
            assert!((finite - slope).abs() < 1e-4, "{r}: {slope} for {finite}");
        }
    }
}
