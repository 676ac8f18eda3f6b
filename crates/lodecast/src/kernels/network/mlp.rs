//! Multi-layer perceptron with one activation on its hidden layers and none on its output.

use super::matrix::{Columns, Matrix, add_outer_products, add_rows};
use crate::kernels::lanes::{Lanes, Real};

/// Activation of hidden layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activation {
    /// `max(x, 0)`.
    Relu,
    /// `ln(1 + exp(x))`.
    Softplus,
}

/// Sizes of a perceptron: `depth` hidden layers of `width` between `inputs` and `outputs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MlpShape {
    pub(crate) inputs: usize,
    pub(crate) width: usize,
    pub(crate) depth: usize,
    pub(crate) outputs: usize,
}

impl MlpShape {
    /// `(outputs, inputs)` of each layer.
    pub(crate) fn layers(self) -> impl Iterator<Item = (usize, usize)> {
        (0..=self.depth).map(move |layer| {
            let inputs = if layer == 0 { self.inputs } else { self.width };
            let outputs = if layer == self.depth { self.outputs } else { self.width };
            (outputs, inputs)
        })
    }

    /// Number of weights and biases.
    pub(crate) fn parameters(self) -> usize {
        self.layers().map(|(outputs, inputs)| outputs * (inputs + 1)).sum()
    }
}

#[derive(Clone, Debug)]
struct Layer<R> {
    weight: Matrix<R>,
    transpose: Matrix<R>,
    bias: Vec<R>,
}

/// The perceptron, packed for lanes.
///
/// One evaluation uses one tape row: `[input | values, derivatives of hidden layer 1 | ... | output]`. The reverse pass
/// puts adjoints of the pre-activations where the derivatives were, and expects the output's adjoint in its place.
#[derive(Clone, Debug)]
pub(crate) struct Mlp<R> {
    shape: MlpShape,
    activation: Activation,
    layers: Vec<Layer<R>>,
}

impl<R: Real> Mlp<R> {
    /// Packs the parameters: for each layer its row-major weight, then its bias. The reverse pass gives adjoints of the
    /// first `adjoint_inputs` inputs only.
    pub(crate) fn new(shape: MlpShape, activation: Activation, adjoint_inputs: usize, mut parameters: &[f64]) -> Self {
        let mut layers = Vec::with_capacity(shape.depth + 1);
        for (index, (outputs, inputs)) in shape.layers().enumerate() {
            let (weight, rest) = parameters.split_at(outputs * inputs);
            let (bias, rest) = rest.split_at(outputs);
            let needed = if index == 0 { adjoint_inputs } else { inputs };
            layers.push(Layer {
                weight: Matrix::new(outputs, inputs, weight),
                transpose: Matrix::transposed(outputs, inputs, needed, weight),
                bias: bias.iter().map(|&value| R::from_f64(value)).collect(),
            });
            parameters = rest;
        }
        Self { shape, activation, layers }
    }

    pub(crate) fn shape(&self) -> MlpShape {
        self.shape
    }

    /// Length of a tape row.
    pub(crate) fn row(&self) -> usize {
        self.shape.inputs + 2 * self.shape.width * self.shape.depth + self.shape.outputs
    }

    /// Where the output lies in a row.
    pub(crate) fn output(&self) -> Columns {
        Columns { offset: self.row() - self.shape.outputs, size: self.shape.outputs }
    }

    /// Where the values of the layer before `layer` lie: the input, or a hidden layer's values.
    fn values(&self, layer: usize) -> Columns {
        let MlpShape { inputs, width, .. } = self.shape;
        if layer == 0 {
            Columns { offset: 0, size: inputs }
        } else {
            Columns { offset: inputs + 2 * width * (layer - 1), size: width }
        }
    }

    /// Where the adjoints of the pre-activations of `layer` lie after the reverse pass.
    fn adjoints(&self, layer: usize) -> Columns {
        let MlpShape { inputs, width, depth, .. } = self.shape;
        if layer == depth { self.output() } else { Columns { offset: inputs + 2 * width * layer + width, size: width } }
    }

    /// Evaluates the row's input; leaves the values of hidden layers and the output in the row, and where the pass is to be
    /// reversible the derivatives of hidden layers, too.
    #[inline(always)]
    pub(crate) fn forward<L: Lanes<Real = R>, const REVERSIBLE: bool>(&self, row: &mut [L]) {
        let width = self.shape.width;
        for (index, layer) in self.layers.iter().enumerate() {
            let from = self.values(index);
            let to = if index == self.shape.depth { self.output() } else { self.values(index + 1) };
            let (before, after) = row.split_at_mut(to.offset);
            let x = &before[from.offset..from.offset + from.size];
            let result = &mut after[..to.size];
            for (result, &bias) in result.iter_mut().zip(&layer.bias) {
                *result = L::splat(bias);
            }
            layer.weight.multiply_add(x, result);
            if index < self.shape.depth {
                let (values, derivatives) = after.split_at_mut(width);
                if REVERSIBLE {
                    for (value, derivative) in values.iter_mut().zip(derivatives) {
                        (*value, *derivative) = match self.activation {
                            Activation::Softplus => value.softplus_and_derivative(),
                            Activation::Relu => {
                                (value.max(L::zero()), value.where_positive(L::constant(1.0), L::zero()))
                            }
                        };
                    }
                } else {
                    for value in values {
                        *value = match self.activation {
                            Activation::Softplus => value.softplus(),
                            Activation::Relu => value.max(L::zero()),
                        };
                    }
                }
            }
        }
    }

    /// Turns the output's adjoint, which the row holds in the output's place, into adjoints of all pre-activations, and
    /// adds the input's adjoint to `input_adjoint`.
    #[inline(always)]
    pub(crate) fn backward<L: Lanes<Real = R>>(&self, row: &mut [L], input_adjoint: &mut [L]) {
        for index in (0..self.layers.len()).rev() {
            let transpose = &self.layers[index].transpose;
            let from = self.adjoints(index);
            if index == 0 {
                transpose.multiply_add(&row[from.offset..from.offset + from.size], input_adjoint);
                return;
            }
            let to = self.adjoints(index - 1);
            // The values of the hidden layer are still needed for weight gradients; its derivatives are at `to`.
            let (before, after) = row.split_at_mut(to.offset + to.size);
            let derivatives = &mut before[to.offset..];
            let adjoint = &after[from.offset - to.offset - to.size..][..from.size];
            transpose.multiply_scale(adjoint, derivatives);
        }
    }

    /// Adds the weight gradients of all rows of `tape` to `sums`, in the order of the parameters.
    #[inline(always)]
    pub(crate) fn add_gradients<L: Lanes<Real = R>>(&self, tape: &[L], stride: usize, mut sums: &mut [L]) {
        for (index, (outputs, inputs)) in self.shape.layers().enumerate() {
            let (weight, rest) = sums.split_at_mut(outputs * inputs);
            let (bias, rest) = rest.split_at_mut(outputs);
            let adjoints = self.adjoints(index);
            add_outer_products(weight, (tape, stride, adjoints), (tape, stride, self.values(index)));
            add_rows(bias, tape, stride, adjoints);
            sums = rest;
        }
    }
}
