//! The forecast of learning-curve extrapolation: `metric(t) = limit + gap * t^-exponent`, fitted to what was measured.

/// Least number of measurements: one more than there are parameters.
const LEAST_POINTS: usize = 4;
/// Exponents tried, evenly spaced in their logarithm.
const EXPONENTS: usize = 60;
const SMALLEST_EXPONENT: f64 = 0.02;
const LARGEST_EXPONENT: f64 = 5.0;

/// Value at time `end` of the power law that is closest, in least squares, to measurements `(time, value)` at positive
/// times. `None` for fewer than four of them, or where none fits.
pub(super) fn extrapolate(measured: &[(f64, f64)], end: f64) -> Option<f64> {
    if measured.len() < LEAST_POINTS || measured.iter().any(|&(time, _)| time <= 0.0) {
        return None;
    }
    let ratio = (LARGEST_EXPONENT / SMALLEST_EXPONENT).ln() / (EXPONENTS - 1) as f64;
    let exponents = (0..EXPONENTS).map(|k| SMALLEST_EXPONENT * (ratio * k as f64).exp());
    let fits = exponents.filter_map(|exponent| least_squares(measured, exponent, end));
    fits.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, value)| value)
}

/// For one exponent limit and gap follow from linear regression: the squared error, and the value at `end`. Times are
/// taken relative to the end, so that no power overflows.
fn least_squares(measured: &[(f64, f64)], exponent: f64, end: f64) -> Option<(f64, f64)> {
    let power = |time: f64| (time / end).powf(-exponent);
    let count = measured.len() as f64;
    let mean_power = measured.iter().map(|&(time, _)| power(time)).sum::<f64>() / count;
    let mean_value = measured.iter().map(|&(_, value)| value).sum::<f64>() / count;
    let (mut variance, mut covariance) = (0.0, 0.0);
    for &(time, value) in measured {
        variance += (power(time) - mean_power).powi(2);
        covariance += (power(time) - mean_power) * (value - mean_value);
    }
    let gap = covariance / variance;
    let limit = mean_value - gap * mean_power;
    let error = measured.iter().map(|&(time, value)| (limit + gap * power(time) - value).powi(2)).sum::<f64>();
    let value = limit + gap;
    (error.is_finite() && value.is_finite()).then_some((error, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_law_is_continued() {
        let law = |time: f64| 0.95 - 0.6 * time.powf(-0.7);
        let measured: Vec<(f64, f64)> = (1..=20).map(|k| (10.0 * f64::from(k), law(10.0 * f64::from(k)))).collect();
        let found = extrapolate(&measured, 1000.0).expect("enough points");
        assert!((found - law(1000.0)).abs() < 2e-3, "{found} for {}", law(1000.0));
    }

    #[test]
    fn a_constant_stays_and_too_little_says_nothing() {
        let flat: Vec<(f64, f64)> = (1..=6).map(|k| (f64::from(k), 0.5)).collect();
        assert_eq!(extrapolate(&flat, 100.0), Some(0.5));
        assert_eq!(extrapolate(&flat[..3], 100.0), None);
        assert_eq!(extrapolate(&[(0.0, 1.0), (1.0, 1.0), (2.0, 1.0), (3.0, 1.0)], 100.0), None);
        assert_eq!(extrapolate(&[(1.0, f64::NAN); 5], 100.0), None);
    }
}
