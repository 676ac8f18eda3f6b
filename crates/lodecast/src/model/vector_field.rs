//! The vector field of the latent ODE: `dh/dt = s tanh(MLP(h))`, or `s tanh(MLP(h, u, u^2))` under a control `u`.

use crate::kernels::lanes::{Lanes, Real};
use crate::kernels::network::matrix::{Columns, add_rows};
use crate::kernels::network::mlp::{Activation, Mlp, MlpShape};
use crate::kernels::ode::VectorField;

/// Inputs that a control adds: itself and its square.
pub(crate) const CONTROL_INPUTS: usize = 2;

/// The field, packed for lanes. A tape row is that of the perceptron, then one entry for the gradient of the scale.
#[derive(Clone, Debug)]
pub(crate) struct NeuralField<R> {
    mlp: Mlp<R>,
    scale: R,
    state: usize,
}

impl<R: Real> NeuralField<R> {
    /// Packs `[scale, perceptron]`; the perceptron has `state` inputs, or two more under a control.
    pub(crate) fn new(shape: MlpShape, parameters: &[f64]) -> Self {
        let state = shape.outputs;
        Self {
            mlp: Mlp::new(shape, Activation::Softplus, state, &parameters[1..]),
            scale: R::from_f64(parameters[0]),
            state,
        }
    }
}

impl<L: Lanes> VectorField<L> for NeuralField<L::Real> {
    fn size(&self) -> usize {
        self.state
    }

    fn row(&self) -> usize {
        self.mlp.row() + 1
    }

    #[inline(always)]
    fn evaluate<const REVERSIBLE: bool>(&self, row: &mut [L], control: L, derivative: &mut [L]) {
        if self.mlp.shape().inputs > self.state {
            row[self.state] = control;
            row[self.state + 1] = control * control;
        }
        self.mlp.forward::<L, REVERSIBLE>(row);
        let Columns { offset, size } = self.mlp.output();
        let scale = L::splat(self.scale);
        for (output, derivative) in row[offset..offset + size].iter_mut().zip(derivative) {
            *output = output.tanh();
            *derivative = scale * *output;
        }
    }

    #[inline(always)]
    fn pull_back(&self, row: &mut [L], derivative: &[L], state: &mut [L]) {
        let Columns { offset, size } = self.mlp.output();
        let (scale, one) = (L::splat(self.scale), L::constant(1.0));
        let mut scale_adjoint = L::zero();
        for (output, &adjoint) in row[offset..offset + size].iter_mut().zip(derivative) {
            scale_adjoint = output.mul_add(adjoint, scale_adjoint);
            *output = scale * adjoint * (one - *output * *output);
        }
        row[offset + size] = scale_adjoint;
        self.mlp.backward(row, state);
    }

    #[inline(always)]
    fn add_gradients(&self, tape: &[L], sums: &mut [L]) {
        let stride = self.mlp.row() + 1;
        let (scale, mlp) = sums.split_at_mut(1);
        add_rows(scale, tape, stride, Columns { offset: stride - 1, size: 1 });
        self.mlp.add_gradients(tape, stride, mlp);
    }
}
