//! Lane vectors: 64 bytes of `f32` or `f64` that compute in step, on the widest vector unit the machine has.
//!
//! Every lane carries one trajectory. All implementations compute the same bits: they use the same fused multiply-adds
//! in the same order and the same polynomials for the transcendental functions, so a fit does not depend on the
//! instruction set it ran on.

mod portable;
mod transcendental;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::ops::{Add, Div, Mul, Neg, Sub};

pub(crate) use portable::Portable;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Avx2F32, Avx2F64, Avx512F32, Avx512F64};

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

/// Work that is generic over the lanes it runs on.
pub(crate) trait LaneKernel<R: Real> {
    type Output;
    fn run<L: Lanes<Real = R>>(self) -> Self::Output;
}

/// A scalar type together with the choice of lanes for this machine.
pub(crate) trait Dispatch: Real {
    /// Runs `kernel` on the widest lanes that this machine supports.
    fn dispatch<K: LaneKernel<Self>>(kernel: K) -> K::Output;
}

macro_rules! dispatch {
    ($real:ty, $count:literal, $avx512:ident, $avx2:ident) => {
        impl Dispatch for $real {
            fn dispatch<K: LaneKernel<Self>>(kernel: K) -> K::Output {
                #[cfg(target_arch = "x86_64")]
                match x86::instruction_set() {
                    x86::InstructionSet::Avx512 => return kernel.run::<$avx512>(),
                    x86::InstructionSet::Avx2 => return kernel.run::<$avx2>(),
                    x86::InstructionSet::Other => {}
                }
                kernel.run::<Portable<$real, $count>>()
            }
        }
    };
}
dispatch!(f32, 16, Avx512F32, Avx2F32);
dispatch!(f64, 8, Avx512F64, Avx2F64);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn each_function<L: Lanes>(a: &[f64], b: &[f64]) -> Vec<f64> {
        let (x, y) = (L::from_fn(|i| a[i]), L::from_fn(|i| b[i]));
        let unit = L::constant(1.0) / (L::constant(1.0) + x * x);
        let results = L::vectorize(
            #[inline(always)]
            || {
                let (softplus, derivative) = x.softplus_and_derivative();
                [
                    x + y,
                    x - y,
                    x * y,
                    x / y,
                    -x,
                    x.mul_add(y, x),
                    x.abs().sqrt(),
                    x.max(y),
                    x.min(y),
                    x.where_positive(x, y),
                    x.exp(),
                    x.sigmoid(),
                    x.tanh(),
                    x.softplus(),
                    softplus,
                    derivative,
                    unit.ln_1p_of_unit(),
                ]
            },
        );
        results.iter().flat_map(|lanes| lanes.lanes().iter().map(|lane| lane.to_f64())).collect()
    }

    fn bits(values: &[f64]) -> Vec<u64> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    proptest! {
        #[test]
        fn every_instruction_set_computes_the_same_bits(
            a in prop::collection::vec(-60.0..60.0f64, 16),
            b in prop::collection::vec(0.1..9.0f64, 16),
        ) {
            let single = bits(&each_function::<Portable<f32, 16>>(&a, &b));
            let double = bits(&each_function::<Portable<f64, 8>>(&a, &b));
            #[cfg(target_arch = "x86_64")]
            {
                if x86::supports_avx2() {
                    prop_assert_eq!(&single, &bits(&each_function::<Avx2F32>(&a, &b)));
                    prop_assert_eq!(&double, &bits(&each_function::<Avx2F64>(&a, &b)));
                }
                if x86::supports_avx512() {
                    prop_assert_eq!(&single, &bits(&each_function::<Avx512F32>(&a, &b)));
                    prop_assert_eq!(&double, &bits(&each_function::<Avx512F64>(&a, &b)));
                }
            }
            prop_assert_eq!(single.len(), 2 * double.len());
        }

        #[test]
        fn functions_agree_with_the_standard_library(x in -80.0..80.0f64) {
            type L = Portable<f64, 8>;
            let at = L::constant(x);
            let first = |lanes: L| lanes.lanes()[0];
            let close = |a: f64, b: f64, tolerance: f64| (a - b).abs() <= tolerance * b.abs().max(1e-300);
            prop_assert!(close(first(at.exp()), x.exp(), 2.0 * f64::EPSILON), "exp({x})");
            prop_assert!((first(at.tanh()) - x.tanh()).abs() < 6e-16);
            prop_assert!(close(first(at.sigmoid()), 1.0 / (1.0 + (-x).exp()), 1e-15));
            let softplus = x.max(0.0) + (-x.abs()).exp().ln_1p();
            prop_assert!(close(first(at.softplus()), softplus, 1e-15));
            let unit = 1.0 / (1.0 + x * x);
            prop_assert!(close(first(L::constant(unit).ln_1p_of_unit()), unit.ln_1p(), 1e-15));
        }

        #[test]
        fn single_precision_functions_are_good_to_three_units(x in -80.0..80.0f32) {
            type L = Portable<f32, 16>;
            let at = L::splat(x);
            let first = |lanes: L| f64::from(lanes.lanes()[0]);
            let x = f64::from(x);
            let close = |a: f64, b: f64| (a - b).abs() <= 3.0 * f64::from(f32::EPSILON) * b.abs();
            prop_assert!(close(first(at.exp()), x.exp()), "exp({x}) = {} not {}", first(at.exp()), x.exp());
            prop_assert!((first(at.tanh()) - x.tanh()).abs() < 2e-7);
            prop_assert!(close(first(at.softplus()), x.max(0.0) + (-x.abs()).exp().ln_1p()));
        }
    }

    #[test]
    fn exponentials_saturate_instead_of_overflowing() {
        type L = Portable<f32, 16>;
        for x in [-1e30f32, -200.0, 200.0, 1e30] {
            let at = L::splat(x);
            assert!(at.exp().lanes()[0].is_finite());
            assert_eq!(at.tanh().lanes()[0], x.signum());
            assert!(at.sigmoid().lanes()[0] <= 1.0 && at.sigmoid().lanes()[0] >= 0.0);
        }
    }
}
