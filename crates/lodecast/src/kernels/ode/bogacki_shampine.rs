//! Coefficients of Bogacki and Shampine's 3(2) Runge-Kutta pair (Bogacki & Shampine 1989, doi:10.1016/0893-9659(89)90079-7).

use super::runge_kutta::RungeKutta;

/// The pair, half the work of [`super::Tsit5`] a step: for many short steps at a coarse tolerance. Its dense output is the cubic
/// with the step's values and derivatives at both ends.
pub(crate) struct BogackiShampine;

impl RungeKutta for BogackiShampine {
    const ORDER: f64 = 3.0;
    const TIMES: &'static [f64] = &[0.0, 0.5, 0.75, 1.0];
    const WEIGHTS: &'static [&'static [f64]] = &[&[], &[0.5], &[0.0, 0.75], &[2.0 / 9.0, 1.0 / 3.0, 4.0 / 9.0]];
    const ERROR: &'static [f64] = &[-5.0 / 72.0, 1.0 / 12.0, 1.0 / 9.0, -1.0 / 8.0];
    const DEGREE: usize = 3;
    const DENSE: &'static [&'static [f64]] =
        &[&[1.0, -4.0 / 3.0, 5.0 / 9.0], &[0.0, 1.0, -2.0 / 3.0], &[0.0, 4.0 / 3.0, -8.0 / 9.0], &[0.0, -1.0, 1.0]];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stage_times_are_the_sums_of_their_weights() {
        for (time, weights) in BogackiShampine::TIMES.iter().zip(BogackiShampine::WEIGHTS) {
            assert!((time - weights.iter().sum::<f64>()).abs() < 1e-15);
        }
    }

    #[test]
    fn quadrature_conditions_hold_to_order_three() {
        let (times, weights) = (BogackiShampine::TIMES, BogackiShampine::WEIGHTS[3]);
        for power in 0..3 {
            let sum: f64 = weights.iter().zip(times).map(|(weight, time)| weight * time.powi(power)).sum();
            assert!((sum - 1.0 / f64::from(power + 1)).abs() < 1e-15, "power {power}: {sum}");
            // The embedded method has order two: its difference to the third-order one vanishes up to straight lines.
            let error: f64 =
                BogackiShampine::ERROR.iter().zip(times).map(|(weight, time)| weight * time.powi(power)).sum();
            assert_eq!(error.abs() < 1e-15, power < 2, "power {power}: {error}");
        }
        // Order three also takes `sum b_i a_ij c_j = 1/6`, where only the third stage depends on one other than the first.
        assert!((weights[2] * 0.75 * times[1] - 1.0 / 6.0).abs() < 1e-15);
    }

    #[test]
    fn dense_output_meets_the_step_at_both_ends() {
        let weights = BogackiShampine::WEIGHTS[3];
        for (stage, coefficients) in BogackiShampine::DENSE.iter().enumerate() {
            let end: f64 = coefficients.iter().sum();
            let slope: f64 = coefficients.iter().zip(1..).map(|(c, power)| c * f64::from(power)).sum();
            assert!((end - weights.get(stage).copied().unwrap_or(0.0)).abs() < 1e-15, "stage {stage}");
            assert_eq!(coefficients[0], f64::from(u8::from(stage == 0)), "stage {stage} at the start");
            assert!((slope - f64::from(u8::from(stage == 3))).abs() < 1e-15, "stage {stage} at the end: {slope}");
        }
    }
}
