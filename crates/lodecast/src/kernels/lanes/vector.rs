//! What a vector of lanes can do, whatever the instruction set.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// The scalar type in a lane.
pub(crate) trait Real:
    Copy
    + Default
    + PartialOrd
    + Send
    + Sync
    + std::fmt::Debug
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + 'static
{
    fn from_f64(value: f64) -> Self;
    fn to_f64(self) -> f64;
}

impl Real for f32 {
    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value as f32
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Real for f64 {
    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }
}

/// A vector of lanes.
pub(crate) trait Lanes:
    Copy
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + 'static
{
    /// Scalar type of a lane.
    type Real: Real;
    /// Number of lanes.
    const COUNT: usize;
    /// Does one lane vector fit one of at least 32 registers? Decides the size of register tiles.
    const WIDE: bool;

    /// Runs `work` compiled for this instruction set. `work` must be `#[inline(always)]` for that to have effect.
    fn vectorize<R>(work: impl FnOnce() -> R) -> R;

    /// The same value in every lane.
    fn splat(value: Self::Real) -> Self;
    /// `self * factor + addend` with one rounding.
    fn mul_add(self, factor: Self, addend: Self) -> Self;
    /// Lane-wise square root.
    fn sqrt(self) -> Self;
    /// Lane-wise magnitude.
    fn abs(self) -> Self;
    /// Lane-wise larger value; `other` where `self` is NaN.
    fn max(self, other: Self) -> Self;
    /// Lane-wise smaller value; `other` where `self` is NaN.
    fn min(self, other: Self) -> Self;
    /// `yes` in lanes where `self > 0`, else `no` (also for NaN).
    fn where_positive(self, yes: Self, no: Self) -> Self;
    /// Two to the power of `self`, which must be whole and within the exponents of normal numbers.
    fn exp2_of_integer(self) -> Self;
    /// The lanes as an array.
    fn lanes(&self) -> &[Self::Real];
    /// The lanes as a mutable array.
    fn lanes_mut(&mut self) -> &mut [Self::Real];

    // Transcendental functions, see `transcendental`.
    fn exp(self) -> Self;
    fn ln_1p_of_unit(self) -> Self;

    #[inline(always)]
    fn zero() -> Self {
        Self::splat(Self::Real::default())
    }

    /// The same value in every lane, rounded to the lane's precision.
    #[inline(always)]
    fn constant(value: f64) -> Self {
        Self::splat(Self::Real::from_f64(value))
    }

    /// The vector of as many values as there are lanes.
    #[inline(always)]
    fn load(values: &[Self::Real]) -> Self {
        let mut lanes = Self::zero();
        lanes.lanes_mut().copy_from_slice(values);
        lanes
    }

    /// Builds a vector lane by lane.
    #[inline(always)]
    fn from_fn(mut value: impl FnMut(usize) -> f64) -> Self {
        let mut lanes = Self::zero();
        for (index, lane) in lanes.lanes_mut().iter_mut().enumerate() {
            *lane = Self::Real::from_f64(value(index));
        }
        lanes
    }

    /// Sum of the lanes, in a fixed order.
    #[inline(always)]
    fn sum(self) -> f64 {
        self.lanes().iter().map(|lane| lane.to_f64()).sum()
    }

    /// `1 / (1 + exp(-x))`.
    #[inline(always)]
    fn sigmoid(self) -> Self {
        let one = Self::constant(1.0);
        one / (one + (-self).exp())
    }

    /// Hyperbolic tangent.
    #[inline(always)]
    fn tanh(self) -> Self {
        let (one, two) = (Self::constant(1.0), Self::constant(2.0));
        one - two / (one + (self + self).exp())
    }

    /// `ln(1 + exp(x))`.
    #[inline(always)]
    fn softplus(self) -> Self {
        self.max(Self::zero()) + (-self.abs()).exp().ln_1p_of_unit()
    }

    /// `ln(1 + exp(x))` and its derivative, the sigmoid.
    #[inline(always)]
    fn softplus_and_derivative(self) -> (Self, Self) {
        let one = Self::constant(1.0);
        let decay = (-self.abs()).exp();
        let inverse = one / (one + decay);
        (self.max(Self::zero()) + decay.ln_1p_of_unit(), self.where_positive(inverse, decay * inverse))
    }
}
