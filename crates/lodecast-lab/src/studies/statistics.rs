//! The statistics of paired comparisons over a handful of seeds.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::run::record::number_json;

/// Arithmetic mean; NaN of nothing.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Standard error of the mean. `None` of fewer than two values.
pub fn standard_error(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let mean = mean(values);
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64;
    Some((variance / values.len() as f64).sqrt())
}

/// Median; NaN of nothing.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        count if count % 2 == 0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

/// Two-sided p-value of the t-test that the mean of `differences` is zero.
///
/// `None` of fewer than two differences, if one is NaN, or if they are all equal: the test knows no spread then.
pub fn t_test(differences: &[f64]) -> Option<f64> {
    let error = standard_error(differences).filter(|&error| error > 0.0)?;
    let t = mean(differences) / error;
    let distribution = StudentsT::new(0.0, 1.0, (differences.len() - 1) as f64).ok()?;
    Some(2.0 * distribution.cdf(-t.abs()))
}

/// Two-sided p-value of Wilcoxon's signed-rank test that `differences` are symmetric around zero.
///
/// Zero differences are left out, equal ones share their mean rank. The p-value is exact: it counts over all assignments
/// of signs, also with shared ranks. `None` if no difference is left, or one is NaN.
pub fn wilcoxon_test(differences: &[f64]) -> Option<f64> {
    let mut kept: Vec<f64> = differences.iter().copied().filter(|&difference| difference != 0.0).collect();
    kept.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    if kept.is_empty() || kept.iter().any(|difference| difference.is_nan()) {
        return None;
    }
    // Shared ranks are halves: ranks are doubled so that rank sums stay whole.
    let doubled_rank = |difference: f64| {
        let first = kept.partition_point(|other| other.abs() < difference.abs());
        let end = kept.partition_point(|other| other.abs() <= difference.abs());
        first + end + 1
    };
    let ranks: Vec<usize> = kept.iter().map(|&difference| doubled_rank(difference)).collect();
    let total: usize = ranks.iter().sum();
    let positive: usize =
        ranks.iter().zip(&kept).filter(|(_, difference)| **difference > 0.0).map(|(rank, _)| rank).sum();

    // Probability of each sum of the positive ranks when every sign is a coin toss.
    let mut probability = vec![0.0; total + 1];
    probability[0] = 1.0;
    for &rank in &ranks {
        for sum in (0..=total).rev() {
            let with = if sum >= rank { probability[sum - rank] } else { 0.0 };
            probability[sum] = 0.5 * (probability[sum] + with);
        }
    }
    let smaller = positive.min(total - positive);
    Some((2.0 * probability[..=smaller].iter().sum::<f64>()).min(1.0))
}

/// Bounds of the 95 % interval of the mean of `differences`, by the percentile bootstrap with 10,000 resamples.
///
/// `None` of fewer than two differences, or if one is NaN or infinite. Equal input and seed give equal bounds.
pub fn bootstrap_interval(differences: &[f64], seed: u64) -> Option<[f64; 2]> {
    const RESAMPLES: usize = 10_000;
    if differences.len() < 2 || !differences.iter().all(|difference| difference.is_finite()) {
        return None;
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let count = differences.len();
    let mut resampled = || {
        let drawn = (0..count).map(|_| differences[random.random_range(0..count)]);
        drawn.sum::<f64>() / count as f64
    };
    let mut means: Vec<f64> = (0..RESAMPLES).map(|_| resampled()).collect();
    means.sort_by(f64::total_cmp);
    Some([means[RESAMPLES * 25 / 1000], means[RESAMPLES * 975 / 1000 - 1]])
}

/// Holm's correction of p-values for their number. Missing ones stay missing and do not count.
pub fn holm(p_values: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut order: Vec<(usize, f64)> =
        p_values.iter().enumerate().filter_map(|(index, p)| p.map(|p| (index, p))).collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut corrected = vec![None; p_values.len()];
    let mut largest: f64 = 0.0;
    for (rank, &(index, p)) in order.iter().enumerate() {
        largest = largest.max(p * (order.len() - rank) as f64).min(1.0);
        corrected[index] = Some(largest);
    }
    corrected
}

/// How one method differs from another over the seeds both were run with.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairedDifference {
    /// Mean of method minus reference.
    #[serde(with = "number_json")]
    pub mean: f64,
    /// Standard error of that mean; `None` of a single seed.
    pub standard_error: Option<f64>,
    /// 95 % interval of the mean, see [`bootstrap_interval`].
    #[serde(default)]
    pub interval: Option<[f64; 2]>,
    /// Two-sided p-value of the paired t-test, see [`t_test`].
    pub t_test_p: Option<f64>,
    /// Two-sided p-value of Wilcoxon's signed-rank test, see [`wilcoxon_test`].
    pub wilcoxon_p: Option<f64>,
    /// `t_test_p` corrected for the number of methods compared, see [`holm`].
    pub holm_p: Option<f64>,
    /// Seeds on which the method was better.
    pub won: usize,
    /// Seeds on which both did equally well.
    pub tied: usize,
    /// Seeds on which the reference was better.
    pub lost: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Accuracy differences of 12 seeds, all sizes different.
    const DIFFERENCES: [f64; 12] =
        [0.012, -0.003, 0.0075, 0.0011, -0.0062, 0.0151, 0.0042, 0.0098, -0.0009, 0.0063, 0.0035, 0.0021];
    /// With ties in size and a zero.
    const TIED: [f64; 9] = [0.002, -0.002, 0.004, 0.0, 0.004, 0.006, -0.001, 0.003, 0.002];

    fn close(value: Option<f64>, expected: f64) {
        let value = value.unwrap();
        assert!((value / expected - 1.0).abs() < 1e-9, "{value} is not {expected}");
    }

    // The expected numbers are SciPy 1.17.1's: ttest_1samp, sem, wilcoxon(method="exact"), wilcoxon(method=
    // PermutationMethod(n_resamples=inf)) where there are ties.
    #[test]
    fn agrees_with_scipy() {
        close(Some(mean(&DIFFERENCES)), 0.004_291_666_666_666_667);
        close(standard_error(&DIFFERENCES), 0.001_797_997_974_740_716_5);
        close(t_test(&DIFFERENCES), 0.036_057_632_560_503_9);
        close(wilcoxon_test(&DIFFERENCES), 0.034_179_687_5);
        close(t_test(&TIED), 0.049_735_563_119_402_006);
        close(wilcoxon_test(&TIED), 0.0625);
        assert_eq!(median(&DIFFERENCES), 0.003_85);
        assert_eq!(median(&TIED), 0.002);
    }

    // SciPy 1.17.1: bootstrap((DIFFERENCES,), np.mean, method="percentile", n_resamples=1_000_000) gives
    // 0.00095 to 0.007675; ten thousand resamples scatter around it by less than 0.0001.
    #[test]
    fn intervals_agree_with_scipy_and_repeat() {
        let [low, high] = bootstrap_interval(&DIFFERENCES, 0).unwrap();
        assert!((low - 0.000_95).abs() < 2e-4 && (high - 0.007_675).abs() < 2e-4, "{low} {high}");
        assert_eq!(bootstrap_interval(&DIFFERENCES, 0), Some([low, high]));
        assert_ne!(bootstrap_interval(&DIFFERENCES, 1), Some([low, high]));
        assert_eq!(bootstrap_interval(&[0.1, 0.1], 0), Some([0.1, 0.1]));
        assert_eq!((bootstrap_interval(&[0.1], 0), bootstrap_interval(&[0.1, f64::NAN], 0)), (None, None));
    }

    #[test]
    fn what_no_test_can_tell_stays_open() {
        assert_eq!(t_test(&[0.1]), None);
        assert_eq!(t_test(&[0.1, 0.1]), None);
        assert_eq!(wilcoxon_test(&[0.0, 0.0]), None);
        assert_eq!((t_test(&[0.1, f64::NAN]), wilcoxon_test(&[0.1, f64::NAN])), (None, None));
        assert_eq!(standard_error(&[1.0]), None);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn holm_multiplies_by_the_number_of_tests_left_and_stays_monotone() {
        let corrected = holm(&[Some(0.04), Some(0.01), None, Some(0.03), Some(0.9)]);
        assert_eq!(corrected, [Some(0.09), Some(0.04), None, Some(0.09), Some(0.9)]);
        assert_eq!(holm(&[Some(0.6), Some(0.7)]), [Some(1.0), Some(1.0)]);
    }
}
