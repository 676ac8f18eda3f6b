//! Ordinary differential equations in lanes: adaptive solve, dense output and the exact reverse pass.
//!
//! Each lane solves its own initial value problem `dy/dt = f(y, u(t))` with its own step size, accepts and rejects by
//! itself, and ends its steps at the joints of its own control `u`. What the lanes share is the work of evaluating `f`.

mod adjoint;
mod bogacki_shampine;
mod control;
mod dense_output;
mod runge_kutta;
mod solve;
mod step_control;
#[cfg(test)]
mod tests;
mod tsit5;

pub(crate) use adjoint::Adjoint;
pub(crate) use bogacki_shampine::BogackiShampine;
pub(crate) use control::Control;
pub(crate) use dense_output::{DenseReader, Projection};
pub(crate) use solve::{Problem, Solution, Statistics};
pub(crate) use step_control::Tolerances;
pub(crate) use tsit5::Tsit5;

use crate::kernels::lanes::Lanes;

/// The right-hand side of a differential equation, with its reverse pass.
///
/// An evaluation leaves what the reverse pass needs in a row of the solver's tape.
pub(crate) trait VectorField<L: Lanes> {
    /// Size of the state.
    fn size(&self) -> usize;

    /// Length of a tape row. Its first `size()` entries are the state.
    fn row(&self) -> usize;

    /// Evaluates the state in `row` under `control`, and writes `derivative`. For the reverse pass it leaves what that needs
    /// in the rest of the row.
    fn evaluate<const REVERSIBLE: bool>(&self, row: &mut [L], control: L, derivative: &mut [L]);

    /// Reverse of [`Self::evaluate`]: from the adjoint of the derivative, adds that of the state to `state`.
    fn pull_back(&self, row: &mut [L], derivative: &[L], state: &mut [L]);

    /// Adds the parameters' gradients of all pulled-back rows in `tape`.
    fn add_gradients(&self, tape: &[L], sums: &mut [L]);
}
