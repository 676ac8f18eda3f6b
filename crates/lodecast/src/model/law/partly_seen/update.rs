//! The end of a run by a Gauss-Newton update of the law's parameters and of three effects of this run.

use super::super::answer::Answer;
use super::super::curve::{Curve, PARAMETERS, SEGMENTS};
use super::super::fitted_law::Law;
use super::super::forecast::Question;
use super::super::linear_algebra::{Cholesky, dot};
use super::super::posterior::curves;

/// Deviations of the effects of a run: its level, in units of the process's scale; its slope in `ln S`; a shift of `ln η`.
const LEVEL_EFFECT: f64 = 1.0;
const SLOPE_EFFECT: f64 = 0.3;
const SHIFT_EFFECT: f64 = 0.15;
/// Step for the derivative in the shift.
const SHIFT: f64 = 1e-3;
const EFFECTS: usize = 3;
const SIZE: usize = PARAMETERS + EFFECTS;

impl Law {
    /// The end of a run by the law after what has been seen of it: `values` are its gaps at the ends of all segments, NaN after the
    /// part `part` of it.
    pub(super) fn updated(
        &self,
        curve: &Curve,
        question: &Question,
        values: &[f64; SEGMENTS],
        part: f64,
        scratch: &mut Vec<f64>,
    ) -> Answer {
        let process = &self.forecast_process;
        let residual = process.predict(&mut question.features.clone(), scratch);
        let Some(seen) = curves(question.path.clone(), values) else {
            return self.answer(question, process, scratch).0;
        };
        let ends: Vec<usize> = seen.ends.iter().copied().chain([SEGMENTS - 1]).collect();
        let mut shifted_path = question.path.clone();
        shifted_path.ln_rates.iter_mut().for_each(|rate| *rate += SHIFT);
        let mut shifted = vec![0.0; ends.len()];
        curve.values(&shifted_path, &ends, &mut shifted);
        let now = seen.ends.last().map_or(0.0, |&end| curve.intrinsic_time(&question.path, end).max(1e-12).ln());
        let mut rows: Vec<([f64; SIZE], f64)> = Vec::with_capacity(ends.len());
        curve.derivatives(&question.path, &ends, |k, ln_gap, slopes| {
            let mut row = [0.0; SIZE];
            row[..PARAMETERS].copy_from_slice(&self.posterior.prior.whiten_gradient(slopes));
            row[PARAMETERS] = 1.0;
            row[PARAMETERS + 1] = curve.intrinsic_time(&question.path, ends[k]).max(1e-12).ln() - now;
            row[PARAMETERS + 2] = (shifted[k] - ln_gap) / SHIFT;
            rows.push((row, ln_gap));
        });
        let Some((end_row, end)) = rows.pop() else { return self.answer(question, process, scratch).0 };
        // Prior covariance: the posterior of the parameters, and the effects of one run.
        let scale = process.scale();
        let effects = [LEVEL_EFFECT * scale, SLOPE_EFFECT * scale, SHIFT_EFFECT];
        let times_prior = |row: &[f64; SIZE]| -> [f64; SIZE] {
            std::array::from_fn(|k| match k.checked_sub(PARAMETERS) {
                None => dot(&self.posterior.covariance[k * PARAMETERS..(k + 1) * PARAMETERS], &row[..PARAMETERS]),
                Some(effect) => effects[effect] * effects[effect] * row[k],
            })
        };
        let count = rows.len();
        let spread: Vec<[f64; SIZE]> = rows.iter().map(|(row, _)| times_prior(row)).collect();
        let mut covariance = vec![0.0; count * count];
        let mut innovation = Vec::with_capacity(count);
        for a in 0..count {
            for b in 0..=a {
                covariance[a * count + b] = dot(&spread[b], &rows[a].0);
            }
            covariance[a * count + a] += (self.posterior.sigma / seen.weights[a]).powi(2);
            innovation.push(seen.ln_values[a] - rows[a].1);
        }
        let with_end: Vec<f64> = spread.iter().map(|spread| dot(spread, &end_row)).collect();
        let before = dot(&times_prior(&end_row), &end_row);
        let Some(factor) = Cholesky::of(covariance, count) else { return self.answer(question, process, scratch).0 };
        let mut whitened = with_end.clone();
        factor.solve_lower(&mut whitened);
        factor.solve(&mut innovation);
        // The process speaks of the end; what has been seen speaks against it as far as it has come.
        let share = (1.0 - part).powi(2);
        Answer {
            ln_gap: end + dot(&with_end, &innovation) + share * residual.mean,
            doubt: (before - dot(&whitened, &whitened)).max(0.0) + share * residual.variance,
            // The level of this run is an effect; what is left to chance is its rest.
            noise: (1.0 - part) * process.noise(),
        }
    }
}
