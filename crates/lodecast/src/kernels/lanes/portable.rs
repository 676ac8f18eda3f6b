//! Lanes as a plain array: what runs where no vector unit is known, and what the others are tested against.

use std::ops::{Add, Div, Mul, Neg, Sub};

use super::transcendental;
use super::vector::Lanes;

/// `N` lanes in an array that is aligned like a 64-byte vector.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Portable<R, const N: usize>([R; N]);

macro_rules! portable {
    ($real:ty, $bits:ty, $mantissa:literal, $bias:literal, $count:literal) => {
        impl Portable<$real, $count> {
            #[inline(always)]
            fn map2(self, other: Self, f: impl Fn($real, $real) -> $real) -> Self {
                Self(std::array::from_fn(|i| f(self.0[i], other.0[i])))
            }
        }

        impl Add for Portable<$real, $count> {
            type Output = Self;
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                self.map2(other, |a, b| a + b)
            }
        }

        impl Sub for Portable<$real, $count> {
            type Output = Self;
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                self.map2(other, |a, b| a - b)
            }
        }

        impl Mul for Portable<$real, $count> {
            type Output = Self;
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                self.map2(other, |a, b| a * b)
            }
        }

        impl Div for Portable<$real, $count> {
            type Output = Self;
            #[inline(always)]
            fn div(self, other: Self) -> Self {
                self.map2(other, |a, b| a / b)
            }
        }

        impl Neg for Portable<$real, $count> {
            type Output = Self;
            #[inline(always)]
            fn neg(self) -> Self {
                Self(self.0.map(|a| -a))
            }
        }

        impl Lanes for Portable<$real, $count> {
            type Real = $real;
            const COUNT: usize = $count;
            const WIDE: bool = false;

            #[inline(always)]
            fn vectorize<R>(work: impl FnOnce() -> R) -> R {
                work()
            }
            #[inline(always)]
            fn splat(value: $real) -> Self {
                Self([value; $count])
            }
            #[inline(always)]
            fn mul_add(self, factor: Self, addend: Self) -> Self {
                Self(std::array::from_fn(|i| self.0[i].mul_add(factor.0[i], addend.0[i])))
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                Self(self.0.map(<$real>::sqrt))
            }
            #[inline(always)]
            fn abs(self) -> Self {
                Self(self.0.map(<$real>::abs))
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                self.map2(other, |a, b| if a > b { a } else { b })
            }
            #[inline(always)]
            fn min(self, other: Self) -> Self {
                self.map2(other, |a, b| if a < b { a } else { b })
            }
            #[inline(always)]
            fn where_positive(self, yes: Self, no: Self) -> Self {
                Self(std::array::from_fn(|i| if self.0[i] > 0.0 { yes.0[i] } else { no.0[i] }))
            }
            #[inline(always)]
            fn exp2_of_integer(self) -> Self {
                Self(self.0.map(|n| <$real>::from_bits(((n as i64 + $bias) as $bits) << $mantissa)))
            }
            #[inline(always)]
            fn lanes(&self) -> &[$real] {
                &self.0
            }
            #[inline(always)]
            fn lanes_mut(&mut self) -> &mut [$real] {
                &mut self.0
            }
            #[inline(always)]
            fn exp(self) -> Self {
                transcendental::exp(self)
            }
            #[inline(always)]
            fn ln_1p_of_unit(self) -> Self {
                transcendental::ln_1p_of_unit(self)
            }
        }
    };
}
portable!(f32, u32, 23, 127, 16);
portable!(f64, u64, 52, 1023, 8);
