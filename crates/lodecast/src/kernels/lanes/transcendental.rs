//! Exponential and logarithm in lanes, from range reduction and polynomials.

use super::vector::Lanes;

/// Coefficients and range of one precision.
pub(super) trait Precision {
    /// Arguments beyond this magnitude are clamped, which keeps powers of two normal.
    const EXP_LIMIT: f64;
    /// Adding and subtracting this rounds to a whole number.
    const ROUND: f64;
    /// High and low part of ln 2; the high part has trailing zeros.
    const LN_2: (f64, f64);
    /// Terms of the exponential series needed on |x| <= ln 2 / 2.
    const EXP_TERMS: usize;
    /// Coefficients of the polynomial nearest to `ln(1 + x) / x` on [0, 1] in relative error (Remez), lowest power first.
    const LN_1P: &'static [f64];
}

impl Precision for f32 {
    const EXP_LIMIT: f64 = 87.0;
    const ROUND: f64 = 12_582_912.0; // 1.5 * 2^23
    const LN_2: (f64, f64) = (0.693_359_375, -2.121_944_4e-4);
    const EXP_TERMS: usize = 7;
    const LN_1P: &'static [f64] = &[
        0.999_999_995_287_228,
        -0.499_999_024_228_054_9,
        0.333_299_624_157_881_67,
        -0.249_541_336_413_223_93,
        0.196_759_391_696_387_06,
        -0.153_055_923_012_436_2,
        0.106_036_544_123_243_1,
        -0.056_959_529_524_910_87,
        0.019_851_459_815_484_758,
        -0.003_244_024_608_298_006_4,
    ];
}

impl Precision for f64 {
    const EXP_LIMIT: f64 = 708.0;
    const ROUND: f64 = 6_755_399_441_055_744.0; // 1.5 * 2^52
    const LN_2: (f64, f64) = (0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10);
    const EXP_TERMS: usize = 13;
    const LN_1P: &'static [f64] = &[
        1.0,
        -0.499_999_999_999_991_84,
        0.333_333_333_332_112_57,
        -0.249_999_999_927_223_52,
        0.199_999_997_694_634_22,
        -0.166_666_621_782_898_1,
        0.142_856_556_790_287_1,
        -0.124_994_563_563_533_33,
        0.111_073_811_595_400_85,
        -0.099_805_057_345_398_92,
        0.090_115_507_313_343_74,
        -0.080_772_785_112_367_53,
        0.070_279_837_948_889_13,
        -0.057_388_238_665_900_7,
        0.042_166_649_085_495_014,
        -0.026_623_355_205_580_686,
        0.013_756_322_008_383_22,
        -0.005_502_167_420_531_104,
        0.001_581_720_809_599_275_9,
        -0.000_288_808_838_861_663_4,
        2.504_184_408_761_536_2e-5,
    ];
}

const INVERSE_FACTORIAL: [f64; 14] = {
    let mut table = [1.0; 14];
    let mut n = 1;
    while n < 14 {
        table[n] = table[n - 1] / n as f64;
        n += 1;
    }
    table
};

/// `exp(x)` as `2^n * exp(r)`, `n` the whole number nearest to `x / ln 2`.
#[inline(always)]
pub(super) fn exp<L: Lanes>(x: L) -> L
where
    L::Real: Precision,
{
    let limit = L::constant(L::Real::EXP_LIMIT);
    let x = x.min(limit).max(-limit);
    let round = L::constant(L::Real::ROUND);
    let n = x.mul_add(L::constant(std::f64::consts::LOG2_E), round) - round;
    let r = (-n).mul_add(L::constant(L::Real::LN_2.0), x);
    let r = (-n).mul_add(L::constant(L::Real::LN_2.1), r);
    polynomial(r, &INVERSE_FACTORIAL[..=L::Real::EXP_TERMS]) * n.exp2_of_integer()
}

/// `ln(1 + x)` for `x` in [0, 1], as a polynomial: it needs no division.
#[inline(always)]
pub(super) fn ln_1p_of_unit<L: Lanes>(x: L) -> L
where
    L::Real: Precision,
{
    x * polynomial(x, L::Real::LN_1P)
}

/// `c0 + c1 x + c2 x^2 + ...` of at most 32 coefficients, by joining neighbours (Estrin 1960): a few more multiplications than
/// Horner's rule, but not each of them has to wait for the one before.
#[inline(always)]
fn polynomial<L: Lanes>(x: L, coefficients: &[f64]) -> L {
    let mut terms = [L::zero(); 16];
    let mut count = coefficients.len().div_ceil(2);
    for (term, pair) in terms.iter_mut().zip(coefficients.chunks(2)) {
        *term = L::constant(pair[0]);
        if let Some(&next) = pair.get(1) {
            *term = L::constant(next).mul_add(x, *term);
        }
    }
    let mut power = x;
    while count > 1 {
        power = power * power;
        for k in 0..count.div_ceil(2) {
            terms[k] = if 2 * k + 1 < count { terms[2 * k + 1].mul_add(power, terms[2 * k]) } else { terms[2 * k] };
        }
        count = count.div_ceil(2);
    }
    terms[0]
}
