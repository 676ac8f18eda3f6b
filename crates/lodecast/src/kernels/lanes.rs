//! Lane vectors: 64 bytes of `f32` or `f64` that compute in step, on the widest vector unit the machine has.
//!
//! Every lane carries one trajectory. All implementations compute the same bits: they use the same fused multiply-adds
//! in the same order and the same polynomials for the transcendental functions, so a fit does not depend on the
//! instruction set it ran on.

mod dispatch;
mod portable;
mod transcendental;
mod vector;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(crate) use dispatch::{Dispatch, LaneKernel};
#[cfg(test)]
pub(crate) use portable::Portable;
pub(crate) use vector::{Lanes, Real};

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "x86_64")]
    use super::x86::{Avx2F32, Avx2F64, Avx512F32, Avx512F64};
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
