//! Exponential and logarithm in lanes, from range reduction and polynomials.

use super::Lanes;

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
    /// Terms of the area-tangent series needed on [0, 1/3].
    const LN_TERMS: usize;
}

impl Precision for f32 {
    const EXP_LIMIT: f64 = 87.0;
    const ROUND: f64 = 12_582_912.0; // 1.5 * 2^23
    const LN_2: (f64, f64) = (0.693_359_375, -2.121_944_4e-4);
    const EXP_TERMS: usize = 7;
    const LN_TERMS: usize = 8;
}

impl Precision for f64 {
    const EXP_LIMIT: f64 = 708.0;
    const ROUND: f64 = 6_755_399_441_055_744.0; // 1.5 * 2^52
    const LN_2: (f64, f64) = (0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10);
    const EXP_TERMS: usize = 13;
    const LN_TERMS: usize = 17;
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
    let terms = L::Real::EXP_TERMS;
    let mut sum = L::constant(INVERSE_FACTORIAL[terms]);
    for k in (0..terms).rev() {
        sum = sum.mul_add(r, L::constant(INVERSE_FACTORIAL[k]));
    }
    sum * n.exp2_of_integer()
}

/// `ln(1 + x)` for `x` in [0, 1], as `2 artanh(x / (2 + x))`.
#[inline(always)]
pub(super) fn ln_1p_of_unit<L: Lanes>(x: L) -> L
where
    L::Real: Precision,
{
    let s = x / (x + L::constant(2.0));
    let square = s * s;
    let terms = L::Real::LN_TERMS;
    let mut sum = L::constant(1.0 / (2 * terms - 1) as f64);
    for k in (1..terms).rev() {
        sum = sum.mul_add(square, L::constant(1.0 / (2 * k - 1) as f64));
    }
    (s + s) * sum
}
