//! Gated recurrent unit (Cho et al. 2014), the encoder of metric points (method section 2).

use super::matrix::{Columns, Matrix, add_outer_products, add_rows};
use crate::kernels::lanes::{Lanes, Real};

/// Number of values and biases of a unit with `inputs` and `hidden` sizes.
pub(crate) fn gru_parameters(inputs: usize, hidden: usize) -> usize {
    3 * hidden * (inputs + hidden) + 3 * hidden + hidden
}

/// The unit, packed for lanes. Gates are in the order reset, update, candidate.
#[derive(Clone, Debug)]
pub(crate) struct Gru<R> {
    inputs: usize,
    hidden: usize,
    input_weight: Matrix<R>,
    gate_weight: Matrix<R>,
    gate_transpose: Matrix<R>,
    candidate_weight: Matrix<R>,
    candidate_transpose: Matrix<R>,
    bias: Vec<R>,
    candidate_bias: Vec<R>,
}

/// What a forward pass over `steps` inputs leaves for the reverse pass.
#[derive(Debug)]
pub(crate) struct GruTape<L> {
    /// State before each step, and after the last: `(steps + 1) x hidden`.
    states: Vec<L>,
    /// `steps x 4 hidden`: reset gate, weight of the candidate, candidate, recurrent part of the candidate; after the
    /// reverse pass the adjoints of their pre-activations.
    gates: Vec<L>,
}

impl<L> Default for GruTape<L> {
    fn default() -> Self {
        Self { states: Vec::new(), gates: Vec::new() }
    }
}

impl<R: Real> Gru<R> {
    /// Packs `[input weight (3h x i), recurrent weight (3h x h), bias (3h), recurrent bias of the candidate (h)]`.
    pub(crate) fn new(inputs: usize, hidden: usize, parameters: &[f64]) -> Self {
        let (input_weight, rest) = parameters.split_at(3 * hidden * inputs);
        let (recurrent, rest) = rest.split_at(3 * hidden * hidden);
        let (bias, candidate_bias) = rest.split_at(3 * hidden);
        let (gates, candidate) = recurrent.split_at(2 * hidden * hidden);
        let real = |values: &[f64]| values.iter().map(|&value| R::from_f64(value)).collect();
        Self {
            inputs,
            hidden,
            input_weight: Matrix::new(3 * hidden, inputs, input_weight),
            gate_weight: Matrix::new(2 * hidden, hidden, gates),
            gate_transpose: Matrix::transposed(2 * hidden, hidden, hidden, gates),
            candidate_weight: Matrix::new(hidden, hidden, candidate),
            candidate_transpose: Matrix::transposed(hidden, hidden, hidden, candidate),
            bias: real(bias),
            candidate_bias: real(&candidate_bias[..hidden]),
        }
    }

    /// Reads `inputs` (`steps x inputs`) from the state `start` on; `active` (one a step) is 1 where a lane has an input
    /// and 0 where it is to keep its state. Returns the last state.
    pub(crate) fn forward<'t, L: Lanes<Real = R>>(
        &self,
        inputs: &[L],
        active: &[L],
        start: &[L],
        tape: &'t mut GruTape<L>,
    ) -> &'t [L] {
        let (hidden, steps) = (self.hidden, active.len());
        tape.states.resize((steps + 1) * hidden, L::zero());
        tape.gates.resize(steps * 4 * hidden, L::zero());
        L::vectorize(
            #[inline(always)]
            || {
                tape.states[..hidden].copy_from_slice(start);
                let steps = inputs.chunks_exact(self.inputs).zip(active).zip(tape.gates.chunks_exact_mut(4 * hidden));
                for (step, ((input, &active), gates)) in steps.enumerate() {
                    let (before, after) = tape.states.split_at_mut((step + 1) * hidden);
                    let state = &before[step * hidden..];
                    for (gate, &bias) in gates.iter_mut().zip(self.bias.iter().chain(&self.candidate_bias)) {
                        *gate = L::splat(bias);
                    }
                    self.input_weight.multiply_add(input, gates);
                    self.gate_weight.multiply_add(state, gates);
                    self.candidate_weight.multiply_add(state, &mut gates[3 * hidden..]);
                    let (reset, rest) = gates.split_at_mut(hidden);
                    let (weight, rest) = rest.split_at_mut(hidden);
                    let (candidate, recurrent) = rest.split_at_mut(hidden);
                    let after = &mut after[..hidden];
                    for i in 0..hidden {
                        reset[i] = reset[i].sigmoid();
                        weight[i] = active * (-weight[i]).sigmoid();
                        candidate[i] = reset[i].mul_add(recurrent[i], candidate[i]).tanh();
                        after[i] = weight[i].mul_add(candidate[i] - state[i], state[i]);
                    }
                }
            },
        );
        &tape.states[steps * hidden..]
    }

    /// Reverse pass: `adjoint` is that of the last state and becomes that of the first; weight gradients are added to
    /// `sums`, in the order of the parameters.
    pub(crate) fn backward<L: Lanes<Real = R>>(
        &self,
        inputs: &[L],
        tape: &mut GruTape<L>,
        adjoint: &mut [L],
        sums: &mut [L],
    ) {
        /// Steps whose adjoints and states stay in the cache until their gradients have been summed.
        const CHUNK: usize = 32;
        let hidden = self.hidden;
        let mut last = inputs.len() / self.inputs;
        while last > 0 {
            let first = last.saturating_sub(CHUNK);
            for step in (first..last).rev() {
                let state = &tape.states[step * hidden..][..hidden];
                let gates = &mut tape.gates[step * 4 * hidden..][..4 * hidden];
                self.backward_step(state, gates, adjoint);
            }
            self.add_gradients(
                &inputs[first * self.inputs..last * self.inputs],
                &tape.states[first * hidden..last * hidden],
                &tape.gates[first * 4 * hidden..last * 4 * hidden],
                sums,
            );
            last = first;
        }
    }

    fn backward_step<L: Lanes<Real = R>>(&self, state: &[L], gates: &mut [L], adjoint: &mut [L]) {
        L::vectorize(
            #[inline(always)]
            || {
                let hidden = self.hidden;
                let one = L::constant(1.0);
                let (reset, rest) = gates.split_at_mut(hidden);
                let (weight, rest) = rest.split_at_mut(hidden);
                let (candidate, recurrent) = rest.split_at_mut(hidden);
                for i in 0..hidden {
                    let (r, w, n) = (reset[i], weight[i], candidate[i]);
                    let weighted = w * adjoint[i];
                    let candidate_adjoint = weighted * (one - n * n);
                    // w is 0 in idle lanes and 1 - update gate in active ones: one formula serves both.
                    weight[i] = -(n - state[i]) * weighted * (one - w);
                    reset[i] = candidate_adjoint * recurrent[i] * r * (one - r);
                    candidate[i] = candidate_adjoint;
                    recurrent[i] = candidate_adjoint * r;
                    adjoint[i] = adjoint[i] - weighted;
                }
                self.gate_transpose.multiply_add(&gates[..2 * hidden], adjoint);
                self.candidate_transpose.multiply_add(&gates[3 * hidden..], adjoint);
            },
        );
    }

    fn add_gradients<L: Lanes<Real = R>>(&self, inputs: &[L], states: &[L], gates: &[L], sums: &mut [L]) {
        L::vectorize(
            #[inline(always)]
            || {
                let hidden = self.hidden;
                let gate = |offset: usize, size: usize| (gates, 4 * hidden, Columns { offset, size });
                let input = (inputs, self.inputs, Columns { offset: 0, size: self.inputs });
                let state = (states, hidden, Columns { offset: 0, size: hidden });
                let (input_weight, rest) = sums.split_at_mut(3 * hidden * self.inputs);
                let (recurrent, rest) = rest.split_at_mut(3 * hidden * hidden);
                let (bias, candidate_bias) = rest.split_at_mut(3 * hidden);
                let (gate_weight, candidate_weight) = recurrent.split_at_mut(2 * hidden * hidden);
                add_outer_products(input_weight, gate(0, 3 * hidden), input);
                add_outer_products(gate_weight, gate(0, 2 * hidden), state);
                add_outer_products(candidate_weight, gate(3 * hidden, hidden), state);
                add_rows(bias, gates, 4 * hidden, Columns { offset: 0, size: 3 * hidden });
                add_rows(candidate_bias, gates, 4 * hidden, Columns { offset: 3 * hidden, size: hidden });
            },
        );
    }
}
