//! The gated recurrent unit over a single window: its lanes are hidden units instead of windows.

use crate::kernels::lanes::{Lanes, Real};

/// Reset gate, update gate and candidate.
const GATES: usize = 3;

/// The unit's weights, packed in blocks of as many hidden units as there are lanes; the last block is filled up with zeros.
#[derive(Clone, Debug)]
pub(crate) struct WindowGru<R> {
    inputs: usize,
    hidden: usize,
    /// `blocks x inputs x GATES x lanes`.
    input_weight: Vec<R>,
    /// `blocks x hidden x GATES x lanes`.
    recurrent_weight: Vec<R>,
    /// `blocks x (GATES + 1) x lanes`: the last is the recurrent bias of the candidate.
    bias: Vec<R>,
}

/// Lanes of this scalar type in a vector.
const fn lanes<R>() -> usize {
    64 / size_of::<R>()
}

impl<R: Real> WindowGru<R> {
    /// Packs the parameters of [`super::gru::Gru::new`].
    pub(crate) fn new(inputs: usize, hidden: usize, parameters: &[f64]) -> Self {
        let (input_weight, rest) = parameters.split_at(GATES * hidden * inputs);
        let (recurrent_weight, bias) = rest.split_at(GATES * hidden * hidden);
        let pack = |columns: usize, gates: usize, weights: &[f64]| -> Vec<R> {
            let mut packed = Vec::new();
            for first in (0..hidden).step_by(lanes::<R>()) {
                for column in 0..columns {
                    for gate in 0..gates {
                        packed.extend((first..first + lanes::<R>()).map(|unit| {
                            let weight = weights.get((gate * hidden + unit) * columns + column);
                            R::from_f64(weight.copied().filter(|_| unit < hidden).unwrap_or(0.0))
                        }));
                    }
                }
            }
            packed
        };
        Self {
            inputs,
            hidden,
            input_weight: pack(inputs, GATES, input_weight),
            recurrent_weight: pack(hidden, GATES, recurrent_weight),
            bias: pack(1, GATES + 1, bias),
        }
    }

    /// Reads `inputs` (`steps x inputs`) from the state `start` on; returns the last state, the same to the bit as
    /// [`super::gru::Gru::forward`] does.
    pub(crate) fn forward<L: Lanes<Real = R>>(&self, inputs: &[R], start: &[R]) -> Vec<R> {
        let mut state = start.to_vec();
        let mut after = state.clone();
        let chunk = GATES * L::COUNT;
        let blocks = self.bias.len() / ((GATES + 1) * L::COUNT);
        L::vectorize(
            #[inline(always)]
            || {
                for input in inputs.chunks_exact(self.inputs) {
                    for block in 0..blocks {
                        let bias = &self.bias[block * (GATES + 1) * L::COUNT..];
                        let input_weight = &self.input_weight[block * self.inputs * chunk..];
                        let recurrent_weight = &self.recurrent_weight[block * self.hidden * chunk..];
                        let [mut reset, mut update, mut candidate] = load::<L>(bias);
                        let [_, _, mut recurrent] = load::<L>(&bias[L::COUNT..]);
                        for (&x, weights) in input.iter().zip(input_weight.chunks_exact(chunk)) {
                            let (x, [to_reset, to_update, to_candidate]) = (L::splat(x), load::<L>(weights));
                            reset = to_reset.mul_add(x, reset);
                            update = to_update.mul_add(x, update);
                            candidate = to_candidate.mul_add(x, candidate);
                        }
                        for (&h, weights) in state.iter().zip(recurrent_weight.chunks_exact(chunk)) {
                            let (h, [to_reset, to_update, to_candidate]) = (L::splat(h), load::<L>(weights));
                            reset = to_reset.mul_add(h, reset);
                            update = to_update.mul_add(h, update);
                            recurrent = to_candidate.mul_add(h, recurrent);
                        }
                        let first = block * L::COUNT;
                        let last = self.hidden.min(first + L::COUNT);
                        let mut before = L::zero();
                        before.lanes_mut()[..last - first].copy_from_slice(&state[first..last]);
                        let candidate = reset.sigmoid().mul_add(recurrent, candidate).tanh();
                        let now = (-update).sigmoid().mul_add(candidate - before, before);
                        after[first..last].copy_from_slice(&now.lanes()[..last - first]);
                    }
                    state.copy_from_slice(&after);
                }
            },
        );
        state
    }
}

/// The vectors of the three gates that begin here.
#[inline(always)]
fn load<L: Lanes>(weights: &[L::Real]) -> [L; GATES] {
    let mut vectors = [L::zero(); GATES];
    for (vector, weights) in vectors.iter_mut().zip(weights.chunks_exact(L::COUNT)) {
        vector.lanes_mut().copy_from_slice(weights);
    }
    vectors
}

#[cfg(test)]
mod tests {
    use super::super::gru::{Gru, GruTape, gru_parameters};
    use super::*;
    use crate::kernels::lanes::{Dispatch, LaneKernel};
    use proptest::prelude::*;

    struct Compared {
        inputs: usize,
        hidden: usize,
        steps: usize,
    }

    impl<R: Dispatch> LaneKernel<R> for Compared {
        type Output = (Vec<f64>, Vec<f64>);

        fn run<L: Lanes<Real = R>>(self) -> Self::Output {
            let Self { inputs, hidden, steps } = self;
            let value = |k: usize| ((k * 37 % 101) as f64 / 50.0 - 1.0) / 3.0;
            let parameters: Vec<f64> = (0..gru_parameters(inputs, hidden)).map(value).collect();
            let real = |count: usize, shift: usize| -> Vec<R> {
                (0..count).map(|k| R::from_f64(3.0 * value(k + shift))).collect()
            };
            let (points, start) = (real(steps * inputs, 5), real(hidden, 11));
            let broadcast = |values: &[R]| -> Vec<L> { values.iter().map(|&value| L::splat(value)).collect() };
            let mut tape = GruTape::default();
            let active = vec![L::constant(1.0); steps];
            let gru = Gru::new(inputs, hidden, &parameters);
            let wide = gru.forward(&broadcast(&points), &active, &broadcast(&start), &mut tape);
            let wide = wide.iter().map(|value| value.lanes()[0].to_f64()).collect();
            let single = WindowGru::new(inputs, hidden, &parameters).forward::<L>(&points, &start);
            (wide, single.into_iter().map(Real::to_f64).collect())
        }
    }

    proptest! {
        #[test]
        fn reads_a_window_as_the_unit_over_many_windows_does(
            inputs in 1usize..8, hidden in 1usize..40, steps in 0usize..12,
        ) {
            let (wide, single) = f32::dispatch(Compared { inputs, hidden, steps });
            prop_assert_eq!(wide, single);
            let (wide, single) = f64::dispatch(Compared { inputs, hidden, steps });
            prop_assert_eq!(wide, single);
        }
    }
}
