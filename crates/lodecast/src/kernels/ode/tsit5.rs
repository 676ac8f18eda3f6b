//! Coefficients of Tsitouras' 5(4) Runge-Kutta pair (Tsitouras 2011, doi:10.1016/j.camwa.2011.06.002).

use super::runge_kutta::RungeKutta;

/// The pair that forecasts are drawn with, and the paper's model is fitted with.
pub(crate) struct Tsit5;

impl RungeKutta for Tsit5 {
    const ORDER: f64 = 5.0;
    const TIMES: &'static [f64] = &TIMES;
    const WEIGHTS: &'static [&'static [f64]] =
        &[&WEIGHTS[0], &WEIGHTS[1], &WEIGHTS[2], &WEIGHTS[3], &WEIGHTS[4], &WEIGHTS[5], &WEIGHTS[6]];
    const ERROR: &'static [f64] = &ERROR;
    const DEGREE: usize = DEGREE;
    const DENSE: &'static [&'static [f64]] =
        &[&DENSE[0], &DENSE[1], &DENSE[2], &DENSE[3], &DENSE[4], &DENSE[5], &DENSE[6]];
}

/// Stages; the last one is evaluated at the step's end and serves as the first of the next step.
const STAGES: usize = 7;

/// Times of the stages within a step.
const TIMES: [f64; STAGES] = [0.0, 0.161, 0.327, 0.9, 0.980_025_540_904_509_7, 1.0, 1.0];

/// Weights of earlier stages in each stage; the last row holds the weights of the solution.
const WEIGHTS: [[f64; STAGES - 1]; STAGES] = [
    [0.0; 6],
    [0.161, 0.0, 0.0, 0.0, 0.0, 0.0],
    [-0.008_480_655_492_356_989, 0.335_480_655_492_357, 0.0, 0.0, 0.0, 0.0],
    [2.897_153_057_105_493_5, -6.359_448_489_975_075, 4.362_295_432_869_581_5, 0.0, 0.0, 0.0],
    [5.325_864_828_439_257, -11.748_883_564_062_828, 7.495_539_342_889_836_5, -0.092_495_066_361_755_25, 0.0, 0.0],
    [
        5.861_455_442_946_42,
        -12.920_969_317_847_11,
        8.159_367_898_576_159,
        -0.071_584_973_281_401,
        -0.028_269_050_394_068_383,
        0.0,
    ],
    [
        0.096_460_766_818_065_23,
        0.01,
        0.479_889_650_414_499_6,
        1.379_008_574_103_742,
        -3.290_069_515_436_081,
        2.324_710_524_099_774,
    ],
];

/// Weights of the error estimate: fifth minus fourth order solution.
const ERROR: [f64; STAGES] = [
    -0.001_780_011_052_225_777_14,
    -0.000_816_434_459_656_746_9,
    0.007_880_878_010_261_995,
    -0.144_711_007_173_262_9,
    0.582_357_165_452_555_2,
    -0.458_082_105_929_186_97,
    0.015_151_515_151_515_152,
];

/// Degree of the dense output.
const DEGREE: usize = 4;

/// Dense output: `y(t + x h) = y + h sum_i k_i sum_p DENSE[i][p] x^(p + 1)`, expanded from the products in the paper.
const DENSE: [[f64; DEGREE]; STAGES] = [
    quartic(-1.053_088_497_729_021_6, 1.329_989_018_975_141_2, 1.436_402_854_171_635_1, 0.713_981_691_707_420_9),
    quadratic(0.1017, 2.196_656_833_824_975_4, 1.294_985_250_737_463_1),
    quadratic(2.490_627_285_651_252_793, 2.385_356_454_720_616_57, 1.578_034_682_080_924_86),
    roots(-16.548_102_889_244_902_72, 1.217_129_272_955_332_44, 0.616_204_060_378_000_89),
    roots(47.379_521_962_819_281_22, 1.203_071_208_372_362_603, 0.658_047_292_653_547_382),
    roots(-34.870_657_861_496_609_74, 1.2, 0.666_666_666_666_666_667),
    roots(2.5, 1.0, 0.6),
];

/// `a x (x - b) (x^2 - c x + d)`.
const fn quartic(a: f64, b: f64, c: f64, d: f64) -> [f64; DEGREE] {
    [-a * b * d, a * (d + b * c), -a * (b + c), a]
}

/// `a x^2 (x^2 - b x + c)`.
const fn quadratic(a: f64, b: f64, c: f64) -> [f64; DEGREE] {
    [0.0, a * c, -a * b, a]
}

/// `a x^2 (x - b) (x - c)`.
const fn roots(a: f64, b: f64, c: f64) -> [f64; DEGREE] {
    quadratic(a, b + c, b * c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stage_times_are_the_sums_of_their_weights() {
        for (time, weights) in TIMES.iter().zip(WEIGHTS) {
            assert!((time - weights.iter().sum::<f64>()).abs() < 1e-14);
        }
    }

    #[test]
    fn quadrature_conditions_hold_to_order_five() {
        for power in 0..5 {
            let sum: f64 = (0..6).map(|i| WEIGHTS[6][i] * TIMES[i].powi(power)).sum();
            assert!((sum - 1.0 / f64::from(power + 1)).abs() < 1e-13, "power {power}: {sum}");
            // The embedded method has order four: its difference to the fifth-order one vanishes up to cubes.
            let error: f64 = (0..STAGES).map(|i| ERROR[i] * TIMES[i].powi(power)).sum();
            assert_eq!(error.abs() < 1e-13, power < 4, "power {power}: {error}");
        }
    }

    #[test]
    fn dense_output_meets_the_step_at_both_ends() {
        for i in 0..STAGES {
            let end: f64 = DENSE[i].iter().sum();
            let weight = WEIGHTS[6].get(i).copied().unwrap_or(0.0);
            assert!((end - weight).abs() < 1e-12, "stage {i}: {end} is not {weight}");
            let slope: f64 = (0..DEGREE).map(|p| DENSE[i][p] * (p + 1) as f64).sum();
            assert!((DENSE[i][0] - f64::from(i == 0)).abs() < 1e-12, "stage {i} at the start");
            assert!((slope - f64::from(i == 6)).abs() < 1e-11, "stage {i} at the end: {slope}");
        }
    }
}
