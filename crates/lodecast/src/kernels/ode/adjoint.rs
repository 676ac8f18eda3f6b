//! The reverse pass through an adaptive solve: the exact gradient of the steps that were taken.
//!
//! Step sizes count as constants. Each accepted step is undone in reverse order, stage by stage; a lane that rejected an
//! attempt passes it by.

use super::VectorField;
use super::runge_kutta::RungeKutta;
use super::solve::Solution;
use crate::kernels::lanes::Lanes;

/// Working memory of the reverse pass.
#[derive(Debug)]
pub(crate) struct Adjoint<L> {
    /// Adjoints of the derivatives at each stage, `STAGES x size`.
    derivatives: Vec<L>,
    /// Adjoint of a stage's state.
    stage: Vec<L>,
    /// Adjoint of the first derivative of the attempt after this one.
    carried: Vec<L>,
}

impl<L> Default for Adjoint<L> {
    fn default() -> Self {
        Self { derivatives: Vec::new(), stage: Vec::new(), carried: Vec::new() }
    }
}

/// Rows whose gradients are summed together: as many as stay in the cache after they were pulled back.
const ROWS_AT_ONCE: usize = 32;

impl<L: Lanes> Adjoint<L> {
    /// From the adjoint of the end state, in `state`, and those of the dense output (as [`Solution`] keeps it) to the
    /// adjoint of the start state, in `state`; adds gradients of the field's parameters to `sums`. `M` is the pair that was solved
    /// with.
    pub(crate) fn pull_back<M: RungeKutta, F: VectorField<L>>(
        &mut self,
        field: &F,
        solution: &mut Solution<L>,
        dense: &[L],
        state: &mut [L],
        sums: &mut [L],
    ) {
        let (size, row) = (field.size(), field.row());
        let (stages, terms) = (M::STAGES, M::DEGREE + 1);
        self.derivatives.resize(stages * size, L::zero());
        self.stage.resize(size, L::zero());
        self.carried.clear();
        self.carried.resize(size, L::zero());
        let Solution { attempts, rows: tape, fresh_rows, .. } = solution;
        let mut fresh = 0;
        // Gradients of rows from here on have been summed.
        let mut summed = attempts.len() * (stages - 1);
        for (index, attempt) in attempts.iter().enumerate().rev() {
            let first_row = index * (stages - 1);
            let dense = &dense[index * terms * size..][..terms * size];
            let derivatives = &mut self.derivatives[..];
            let (stage_adjoint, carried) = (&mut self.stage[..], &mut self.carried[..]);
            let (step, accepted) = (attempt.step, attempt.accepted);
            L::vectorize(
                #[inline(always)]
                || {
                    let zero = L::zero();
                    let rows = &mut tape[first_row * row..][..(stages - 1) * row];
                    // Only lanes that accepted the step have adjoints in `dense`.
                    for stage in 0..stages {
                        for i in 0..size {
                            let mut sum = zero;
                            for (power, &coefficient) in M::DENSE[stage].iter().enumerate() {
                                sum = L::constant(coefficient).mul_add(dense[(power + 1) * size + i], sum);
                            }
                            derivatives[stage * size + i] = step * sum;
                        }
                    }
                    for i in 0..size {
                        let last = &mut derivatives[(stages - 1) * size + i];
                        *last = *last + accepted.where_positive(carried[i], zero);
                    }
                    // `state` gathers the adjoint of the step's start; the end's own enters through the last stage.
                    for stage in (1..stages).rev() {
                        if stage == stages - 1 {
                            for (adjoint, &end) in stage_adjoint.iter_mut().zip(&*state) {
                                *adjoint = accepted.where_positive(end, zero);
                            }
                        } else {
                            stage_adjoint.fill(zero);
                        }
                        let (earlier, this) = derivatives.split_at_mut(stage * size);
                        field.pull_back(&mut rows[(stage - 1) * row..stage * row], &this[..size], stage_adjoint);
                        for i in 0..size {
                            let adjoint = accepted.where_positive(stage_adjoint[i], zero);
                            // The last stage's adjoint already contains the end's.
                            let keep =
                                if stage == stages - 1 { accepted.where_positive(zero, state[i]) } else { state[i] };
                            state[i] = keep + adjoint;
                            let scaled = step * adjoint;
                            for (earlier_stage, &weight) in M::WEIGHTS[stage].iter().enumerate().take(stage) {
                                let sum = &mut earlier[earlier_stage * size + i];
                                *sum = L::constant(weight).mul_add(scaled, *sum);
                            }
                        }
                    }
                    for i in 0..size {
                        state[i] = state[i] + dense[i];
                        carried[i] = accepted.where_positive(derivatives[i], carried[i]);
                    }
                    if summed - first_row >= ROWS_AT_ONCE || index == 0 {
                        field.add_gradients(&tape[first_row * row..summed * row], sums);
                        summed = first_row;
                    }
                },
            );
            if let Some(number) = attempt.fresh_row {
                fresh = fresh.max(number + 1);
                let fresh_row = &mut fresh_rows[number * row..][..row];
                L::vectorize(
                    #[inline(always)]
                    || {
                        let zero = L::zero();
                        for i in 0..size {
                            derivatives[i] = attempt.fresh.where_positive(carried[i], zero);
                            carried[i] = attempt.fresh.where_positive(zero, carried[i]);
                        }
                        field.pull_back(fresh_row, &derivatives[..size], state);
                    },
                );
            }
        }
        L::vectorize(
            #[inline(always)]
            || field.add_gradients(&fresh_rows[..fresh * row], sums),
        );
    }
}
