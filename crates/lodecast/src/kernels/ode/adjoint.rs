//! The reverse pass through an adaptive solve: the exact gradient of the steps that were taken.
//!
//! Step sizes count as constants. Each accepted step is undone in reverse order, stage by stage; a lane that rejected an
//! attempt passes it by.

use super::VectorField;
use super::solve::Solution;
use super::tsit5::{DEGREE, DENSE, STAGES, WEIGHTS};
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

impl<L: Lanes> Adjoint<L> {
    /// From the adjoint of the end state, in `state`, and those of the dense output (as [`Solution`] keeps it) to the
    /// adjoint of the start state, in `state`; adds gradients of the field's parameters to `sums`.
    pub(crate) fn pull_back<F: VectorField<L>>(
        &mut self,
        field: &F,
        solution: &mut Solution<L>,
        dense: &[L],
        state: &mut [L],
        sums: &mut [L],
    ) {
        let (size, row) = (field.size(), field.row());
        self.derivatives.resize(STAGES * size, L::zero());
        self.stage.resize(size, L::zero());
        self.carried.clear();
        self.carried.resize(size, L::zero());
        for (index, attempt) in solution.attempts.iter().enumerate().rev() {
            let rows = &mut solution.rows[index * STAGES * row..][..STAGES * row];
            let dense = &dense[index * (DEGREE + 1) * size..][..(DEGREE + 1) * size];
            let fresh = attempt.fresh.lanes().iter().any(|&lane| lane > L::Real::default());
            let derivatives = &mut self.derivatives[..];
            let (stage_adjoint, carried) = (&mut self.stage[..], &mut self.carried[..]);
            let (step, accepted) = (attempt.step, attempt.accepted);
            L::vectorize(
                #[inline(always)]
                || {
                    let zero = L::zero();
                    // Only lanes that accepted the step have adjoints in `dense`.
                    for stage in 0..STAGES {
                        for i in 0..size {
                            let mut sum = zero;
                            for (power, &coefficient) in DENSE[stage].iter().enumerate() {
                                sum = L::constant(coefficient).mul_add(dense[(power + 1) * size + i], sum);
                            }
                            derivatives[stage * size + i] = step * sum;
                        }
                    }
                    for i in 0..size {
                        let last = &mut derivatives[(STAGES - 1) * size + i];
                        *last = *last + accepted.where_positive(carried[i], zero);
                    }
                    // `state` gathers the adjoint of the step's start; the end's own enters through the last stage.
                    for (stage, weights) in WEIGHTS.iter().enumerate().skip(1).rev() {
                        if stage == STAGES - 1 {
                            for (adjoint, &end) in stage_adjoint.iter_mut().zip(&*state) {
                                *adjoint = accepted.where_positive(end, zero);
                            }
                        } else {
                            stage_adjoint.fill(zero);
                        }
                        let (earlier, this) = derivatives.split_at_mut(stage * size);
                        field.pull_back(&mut rows[stage * row..(stage + 1) * row], &this[..size], stage_adjoint);
                        for i in 0..size {
                            let adjoint = accepted.where_positive(stage_adjoint[i], zero);
                            // The last stage's adjoint already contains the end's.
                            let keep =
                                if stage == STAGES - 1 { accepted.where_positive(zero, state[i]) } else { state[i] };
                            state[i] = keep + adjoint;
                            let scaled = step * adjoint;
                            for (earlier_stage, &weight) in weights.iter().enumerate().take(stage) {
                                let sum = &mut earlier[earlier_stage * size + i];
                                *sum = L::constant(weight).mul_add(scaled, *sum);
                            }
                        }
                    }
                    for i in 0..size {
                        state[i] = state[i] + dense[i];
                        carried[i] = accepted.where_positive(derivatives[i], carried[i]);
                    }
                    field.add_gradients(&rows[row..], sums);
                },
            );
            if fresh {
                let fresh = attempt.fresh;
                L::vectorize(
                    #[inline(always)]
                    || {
                        let zero = L::zero();
                        for i in 0..size {
                            derivatives[i] = fresh.where_positive(carried[i], zero);
                            carried[i] = fresh.where_positive(zero, carried[i]);
                        }
                        field.pull_back(&mut rows[..row], &derivatives[..size], state);
                        field.add_gradients(&rows[..row], sums);
                    },
                );
            }
        }
    }
}
