//! How wide an interval has to be, so that it holds what it says: multipliers and quantiles found on held-out searches.

/// Multiplier of the deviation by the number of runs fitted, linear in its logarithm between.
const MULTIPLIERS: [(f64, f64); 5] = [(3.0, 1.5), (6.0, 1.5), (12.0, 1.2), (24.0, 1.2), (48.0, 1.0)];
/// By how much the quantiles of a normal are stretched: one deviation for 68 %, and for 95 % the 3.18 of Student's t with 3
/// degrees of freedom.
pub(crate) const STRETCH_68: f64 = 1.0 / 0.994_457_883;
pub(crate) const STRETCH_95: f64 = 3.18 / 1.959_963_985;

/// By how much the deviation of a law fitted to `runs` runs is multiplied.
pub(crate) fn multiplier(runs: usize) -> f64 {
    let ln_runs = (runs.max(1) as f64).ln();
    let after = MULTIPLIERS.partition_point(|(count, _)| count.ln() <= ln_runs);
    match (after.checked_sub(1).map(|left| MULTIPLIERS[left]), MULTIPLIERS.get(after)) {
        (Some((left, a)), Some((right, b))) => a + (b - a) * (ln_runs - left.ln()) / (right.ln() - left.ln()),
        (Some((_, only)), None) => only,
        (None, _) => MULTIPLIERS[0].1,
    }
}

/// The multiplier after looking at `misses`: how far, in deviations, runs were off that were left out of the fit. What
/// `covariates` other than the schedule do is hardly known from as many runs.
pub(crate) fn checked_multiplier(runs: usize, covariates: usize, misses: &[f64]) -> f64 {
    let before = multiplier(runs) * (1.0 + COVARIATE * covariates as f64 / runs.max(1) as f64).sqrt();
    let squares: f64 = misses
        .iter()
        .map(|miss| miss * miss)
        .filter(|square| square.is_finite())
        .map(|square| square.min(FARTHEST))
        .sum();
    ((WEIGHT * before * before + squares) / (WEIGHT + misses.len() as f64)).sqrt().clamp(LEAST * before, MOST * before)
}

/// Runs that a setting which differs counts for.
const COVARIATE: f64 = 8.0;
/// Runs that the multiplier found on other searches counts for.
const WEIGHT: f64 = 2.0;
/// Most that a squared miss counts for, and the range of the correction.
const FARTHEST: f64 = 16.0;
const LEAST: f64 = 0.4;
const MOST: f64 = 3.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multipliers_are_linear_in_the_logarithm() {
        assert_eq!([1, 3, 6, 24, 48, 900].map(multiplier), [1.5, 1.5, 1.5, 1.2, 1.0, 1.0]);
        // Runs left out that are as far off as was thought change nothing; much farther ones widen.
        assert!((checked_multiplier(48, 0, &[1.0; 20]) - 1.0).abs() < 1e-12);
        assert!(checked_multiplier(48, 0, &[3.0; 20]) > 2.0 && checked_multiplier(48, 0, &[0.1; 20]) < 0.5);
        assert!(checked_multiplier(6, 6, &[]) > 2.0 * checked_multiplier(48, 0, &[]));
        let between = multiplier(34);
        assert!((between - (1.2 - 0.2 * (34.0f64 / 24.0).ln() / 2.0f64.ln())).abs() < 1e-12);
    }
}
