//! Covariances of one input with many others under a squared exponential, eight at a time.

use super::lanes::{Dispatch, LaneKernel, Lanes};

/// Inputs, laid out so that a lane carries one of them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SquaredExponential {
    /// Variance at no distance.
    signal: f64,
    /// One a feature.
    inverse_lengths: Vec<f64>,
    /// Blocks of as many inputs as there are lanes: their first features, then their second ones, ..., each over its length.
    blocks: Vec<f64>,
    count: usize,
}

/// Lanes of a vector of `f64`.
const LANES: usize = 8;

impl SquaredExponential {
    /// From `inputs`, one row of features each.
    pub(crate) fn new(signal: f64, inverse_lengths: &[f64], inputs: &[f64]) -> Self {
        let features = inverse_lengths.len();
        let count = inputs.len() / features.max(1);
        let mut blocks = vec![0.0; count.div_ceil(LANES) * LANES * features];
        for (row, input) in inputs.chunks_exact(features.max(1)).enumerate() {
            let block = row / LANES * LANES * features;
            for (feature, (value, inverse)) in input.iter().zip(inverse_lengths).enumerate() {
                blocks[block + feature * LANES + row % LANES] = value * inverse;
            }
        }
        Self { signal, inverse_lengths: inverse_lengths.to_vec(), blocks, count }
    }

    /// Covariances of `input` with each of the inputs.
    pub(crate) fn covariances(&self, input: &[f64], covariances: &mut Vec<f64>) {
        covariances.clear();
        f64::dispatch(Covariances { of: self, input, found: covariances });
        covariances.truncate(self.count);
    }
}

struct Covariances<'a> {
    of: &'a SquaredExponential,
    input: &'a [f64],
    found: &'a mut Vec<f64>,
}

impl LaneKernel<f64> for Covariances<'_> {
    type Output = ();

    fn run<L: Lanes<Real = f64>>(self) {
        const { assert!(L::COUNT == LANES) };
        let Self { of: SquaredExponential { signal, inverse_lengths, blocks, .. }, input, found } = self;
        L::vectorize(
            #[inline(always)]
            || {
                for block in blocks.chunks_exact(LANES * inverse_lengths.len()) {
                    let mut distance = L::zero();
                    for ((row, value), inverse) in block.chunks_exact(LANES).zip(input).zip(inverse_lengths) {
                        let apart = L::load(row) - L::splat(value * inverse);
                        distance = apart.mul_add(apart, distance);
                    }
                    let covariance = L::splat(*signal) * (L::splat(-0.5) * distance).exp();
                    found.extend_from_slice(covariance.lanes());
                }
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn covariances_are_what_the_formula_says(
            inputs in prop::collection::vec(-3.0..3.0f64, 0..60), input in prop::collection::vec(-3.0..3.0f64, 3),
            inverse_lengths in prop::collection::vec(0.1..3.0f64, 3), signal in 0.01..9.0f64,
        ) {
            let count = inputs.len() / 3;
            let inputs = &inputs[..3 * count];
            let mut found = vec![f64::NAN; 2];
            SquaredExponential::new(signal, &inverse_lengths, inputs).covariances(&input, &mut found);
            prop_assert_eq!(found.len(), count);
            for (found, row) in found.iter().zip(inputs.chunks_exact(3)) {
                let distance: f64 = (0..3).map(|k| ((row[k] - input[k]) * inverse_lengths[k]).powi(2)).sum();
                let expected = signal * (-0.5 * distance).exp();
                prop_assert!((found - expected).abs() <= 1e-12 * expected + 1e-300, "{} {}", found, expected);
            }
        }
    }
}
