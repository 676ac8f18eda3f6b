//! Lanes in AVX-512 registers, or in pairs of AVX2 registers.
//!
//! These are the only intrinsics of the engine. A value of one of these types is only ever made inside work that
//! [`super::Dispatch`] started after it had asked the processor (tests ask by themselves), which is what makes the
//! intrinsics below sound.
#![allow(clippy::wildcard_imports)]

use std::arch::x86_64::*;
use std::ops::{Add, Div, Mul, Neg, Sub};
use std::sync::atomic::{AtomicU8, Ordering};

use super::transcendental;
use super::vector::Lanes;

/// The vector unit to use.
#[derive(Clone, Copy)]
pub(super) enum InstructionSet {
    Avx512,
    Avx2,
    Other,
}

/// The best instruction set of this processor; `LODECAST_SIMD=avx2` or `portable` asks for a lesser one.
pub(super) fn instruction_set() -> InstructionSet {
    static CACHE: AtomicU8 = AtomicU8::new(0);
    let cached = match CACHE.load(Ordering::Relaxed) {
        0 => {
            let limit = std::env::var("LODECAST_SIMD").unwrap_or_default();
            let choice = if limit == "portable" {
                3
            } else if limit != "avx2" && supports_avx512() {
                1
            } else if supports_avx2() {
                2
            } else {
                3
            };
            CACHE.store(choice, Ordering::Relaxed);
            choice
        }
        known => known,
    };
    match cached {
        1 => InstructionSet::Avx512,
        2 => InstructionSet::Avx2,
        _ => InstructionSet::Other,
    }
}

pub(super) fn supports_avx512() -> bool {
    is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq") && supports_avx2()
}

pub(super) fn supports_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}

/// Lanes of AVX-512; `$m` names the intrinsic of an operation.
macro_rules! avx512 {
    ($name:ident, $register:ty, $real:ty, $count:literal,
     $splat:ident, $add:ident, $sub:ident, $mul:ident, $div:ident, $fma:ident, $sqrt:ident, $abs:ident, $max:ident,
     $min:ident, $compare:ident, $blend:ident, $scale:ident) => {
        #[derive(Clone, Copy)]
        #[repr(transparent)]
        pub(crate) struct $name($register);

        impl Add for $name {
            type Output = Self;
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                // SAFETY: the processor has AVX-512, see the module's head; so for all below.
                Self(unsafe { $add(self.0, other.0) })
            }
        }
        impl Sub for $name {
            type Output = Self;
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                // SAFETY: as in `add`.
                Self(unsafe { $sub(self.0, other.0) })
            }
        }
        impl Mul for $name {
            type Output = Self;
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                // SAFETY: as in `add`.
                Self(unsafe { $mul(self.0, other.0) })
            }
        }
        impl Div for $name {
            type Output = Self;
            #[inline(always)]
            fn div(self, other: Self) -> Self {
                // SAFETY: as in `add`.
                Self(unsafe { $div(self.0, other.0) })
            }
        }
        impl Neg for $name {
            type Output = Self;
            #[inline(always)]
            fn neg(self) -> Self {
                Self::splat(-0.0) - self
            }
        }

        impl Lanes for $name {
            type Real = $real;
            const COUNT: usize = $count;
            const WIDE: bool = true;

            #[inline(always)]
            fn vectorize<R>(work: impl FnOnce() -> R) -> R {
                #[target_feature(enable = "avx512f,avx512dq,avx2,fma")]
                fn inner<R>(work: impl FnOnce() -> R) -> R {
                    work()
                }
                // SAFETY: the processor has the features, see the module's head.
                unsafe { inner(work) }
            }
            #[inline(always)]
            fn splat(value: $real) -> Self {
                // SAFETY: as in `add`.
                Self(unsafe { $splat(value) })
            }
            #[inline(always)]
            fn mul_add(self, factor: Self, addend: Self) -> Self {
                // SAFETY: as in `add`.
                Self(unsafe { $fma(self.0, factor.0, addend.0) })
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                // SAFETY: as in `add`.
                Self(unsafe { $sqrt(self.0) })
            }
            #[inline(always)]
            fn abs(self) -> Self {
                // SAFETY: as in `add`.
                Self(unsafe { $abs(self.0) })
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                // SAFETY: as in `add`.
                Self(unsafe { $max(self.0, other.0) })
            }
            #[inline(always)]
            fn min(self, other: Self) -> Self {
                // SAFETY: as in `add`.
                Self(unsafe { $min(self.0, other.0) })
            }
            #[inline(always)]
            fn where_positive(self, yes: Self, no: Self) -> Self {
                // SAFETY: as in `add`.
                Self(unsafe { $blend($compare::<_CMP_GT_OQ>(self.0, Self::zero().0), no.0, yes.0) })
            }
            #[inline(always)]
            fn exp2_of_integer(self) -> Self {
                // SAFETY: as in `add`.
                Self(unsafe { $scale(Self::splat(1.0).0, self.0) })
            }
            #[inline(always)]
            fn lanes(&self) -> &[$real] {
                // SAFETY: the register type is as large and at least as aligned as its array of scalars.
                unsafe { &*std::ptr::from_ref(self).cast::<[$real; $count]>() }
            }
            #[inline(always)]
            fn lanes_mut(&mut self) -> &mut [$real] {
                // SAFETY: as in `lanes`; every bit pattern is a value of both.
                unsafe { &mut *std::ptr::from_mut(self).cast::<[$real; $count]>() }
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
avx512!(
    Avx512F32,
    __m512,
    f32,
    16,
    _mm512_set1_ps,
    _mm512_add_ps,
    _mm512_sub_ps,
    _mm512_mul_ps,
    _mm512_div_ps,
    _mm512_fmadd_ps,
    _mm512_sqrt_ps,
    _mm512_abs_ps,
    _mm512_max_ps,
    _mm512_min_ps,
    _mm512_cmp_ps_mask,
    _mm512_mask_blend_ps,
    _mm512_scalef_ps
);
avx512!(
    Avx512F64,
    __m512d,
    f64,
    8,
    _mm512_set1_pd,
    _mm512_add_pd,
    _mm512_sub_pd,
    _mm512_mul_pd,
    _mm512_div_pd,
    _mm512_fmadd_pd,
    _mm512_sqrt_pd,
    _mm512_abs_pd,
    _mm512_max_pd,
    _mm512_min_pd,
    _mm512_cmp_pd_mask,
    _mm512_mask_blend_pd,
    _mm512_scalef_pd
);

/// Lanes of AVX2: two registers.
macro_rules! avx2 {
    ($name:ident, $register:ty, $real:ty, $count:literal, $mantissa:literal, $round:expr,
     $splat:ident, $add:ident, $sub:ident, $mul:ident, $div:ident, $fma:ident, $sqrt:ident, $and_not:ident, $max:ident,
     $min:ident, $compare:ident, $blend:ident, $to_bits:ident, $from_bits:ident, $shift:ident, $add_integer:ident,
     $splat_integer:ident, $bias:expr) => {
        #[derive(Clone, Copy)]
        #[repr(C, align(64))]
        pub(crate) struct $name($register, $register);

        impl Add for $name {
            type Output = Self;
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                // SAFETY: the processor has AVX2 and FMA, see the module's head; so for all below.
                unsafe { Self($add(self.0, other.0), $add(self.1, other.1)) }
            }
        }
        impl Sub for $name {
            type Output = Self;
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                // SAFETY: as in `add`.
                unsafe { Self($sub(self.0, other.0), $sub(self.1, other.1)) }
            }
        }
        impl Mul for $name {
            type Output = Self;
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                // SAFETY: as in `add`.
                unsafe { Self($mul(self.0, other.0), $mul(self.1, other.1)) }
            }
        }
        impl Div for $name {
            type Output = Self;
            #[inline(always)]
            fn div(self, other: Self) -> Self {
                // SAFETY: as in `add`.
                unsafe { Self($div(self.0, other.0), $div(self.1, other.1)) }
            }
        }
        impl Neg for $name {
            type Output = Self;
            #[inline(always)]
            fn neg(self) -> Self {
                Self::splat(-0.0) - self
            }
        }

        impl Lanes for $name {
            type Real = $real;
            const COUNT: usize = $count;
            const WIDE: bool = false;

            #[inline(always)]
            fn vectorize<R>(work: impl FnOnce() -> R) -> R {
                #[target_feature(enable = "avx2,fma")]
                fn inner<R>(work: impl FnOnce() -> R) -> R {
                    work()
                }
                // SAFETY: the processor has the features, see the module's head.
                unsafe { inner(work) }
            }
            #[inline(always)]
            fn splat(value: $real) -> Self {
                // SAFETY: as in `add`.
                unsafe { Self($splat(value), $splat(value)) }
            }
            #[inline(always)]
            fn mul_add(self, factor: Self, addend: Self) -> Self {
                // SAFETY: as in `add`.
                unsafe { Self($fma(self.0, factor.0, addend.0), $fma(self.1, factor.1, addend.1)) }
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                // SAFETY: as in `add`.
                unsafe { Self($sqrt(self.0), $sqrt(self.1)) }
            }
            #[inline(always)]
            fn abs(self) -> Self {
                let sign = Self::splat(-0.0);
                // SAFETY: as in `add`.
                unsafe { Self($and_not(sign.0, self.0), $and_not(sign.1, self.1)) }
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                // SAFETY: as in `add`.
                unsafe { Self($max(self.0, other.0), $max(self.1, other.1)) }
            }
            #[inline(always)]
            fn min(self, other: Self) -> Self {
                // SAFETY: as in `add`.
                unsafe { Self($min(self.0, other.0), $min(self.1, other.1)) }
            }
            #[inline(always)]
            fn where_positive(self, yes: Self, no: Self) -> Self {
                let zero = Self::zero();
                // SAFETY: as in `add`.
                unsafe {
                    Self(
                        $blend(no.0, yes.0, $compare::<_CMP_GT_OQ>(self.0, zero.0)),
                        $blend(no.1, yes.1, $compare::<_CMP_GT_OQ>(self.1, zero.1)),
                    )
                }
            }
            #[inline(always)]
            fn exp2_of_integer(self) -> Self {
                // Adding 1.5 * 2^mantissa puts the whole number into the low bits, from where it becomes the exponent.
                let shifted = self + Self::splat($round);
                // SAFETY: as in `add`.
                unsafe {
                    let bias = $splat_integer($bias);
                    let exponent = |half| $from_bits($shift::<$mantissa>($add_integer($to_bits(half), bias)));
                    Self(exponent(shifted.0), exponent(shifted.1))
                }
            }
            #[inline(always)]
            fn lanes(&self) -> &[$real] {
                // SAFETY: two registers are as large and at least as aligned as their array of scalars.
                unsafe { &*std::ptr::from_ref(self).cast::<[$real; $count]>() }
            }
            #[inline(always)]
            fn lanes_mut(&mut self) -> &mut [$real] {
                // SAFETY: as in `lanes`; every bit pattern is a value of both.
                unsafe { &mut *std::ptr::from_mut(self).cast::<[$real; $count]>() }
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
avx2!(
    Avx2F32,
    __m256,
    f32,
    16,
    23,
    12_582_912.0,
    _mm256_set1_ps,
    _mm256_add_ps,
    _mm256_sub_ps,
    _mm256_mul_ps,
    _mm256_div_ps,
    _mm256_fmadd_ps,
    _mm256_sqrt_ps,
    _mm256_andnot_ps,
    _mm256_max_ps,
    _mm256_min_ps,
    _mm256_cmp_ps,
    _mm256_blendv_ps,
    _mm256_castps_si256,
    _mm256_castsi256_ps,
    _mm256_slli_epi32,
    _mm256_add_epi32,
    _mm256_set1_epi32,
    127
);
avx2!(
    Avx2F64,
    __m256d,
    f64,
    8,
    52,
    6_755_399_441_055_744.0,
    _mm256_set1_pd,
    _mm256_add_pd,
    _mm256_sub_pd,
    _mm256_mul_pd,
    _mm256_div_pd,
    _mm256_fmadd_pd,
    _mm256_sqrt_pd,
    _mm256_andnot_pd,
    _mm256_max_pd,
    _mm256_min_pd,
    _mm256_cmp_pd,
    _mm256_blendv_pd,
    _mm256_castpd_si256,
    _mm256_castsi256_pd,
    _mm256_slli_epi64,
    _mm256_add_epi64,
    _mm256_set1_epi64x,
    1023
);
