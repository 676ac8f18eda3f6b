//! A network's trained weights as one vector, for what works on all of them at once.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Gradients, Tensor};

/// All weights that are trained, one after the other, without gradient recording.
pub(crate) fn weights<M: Module>(model: &M) -> Tensor<1> {
    let mut visitor = Weights { parts: Vec::new() };
    model.visit(&mut visitor);
    Tensor::cat(visitor.parts, 0)
}

/// The gradient of [`weights`]; zero where a weight had no part in the loss.
pub(crate) fn gradient<M: Module>(gradients: Gradients, model: &M) -> Tensor<1> {
    let mut visitor = Gradient { gradients: GradientsParams::from_grads(gradients, model), parts: Vec::new() };
    model.visit(&mut visitor);
    Tensor::cat(visitor.parts, 0)
}

/// The network with other [`weights`].
pub(crate) fn with_weights<M: Module>(model: M, weights: Tensor<1>) -> M {
    model.map(&mut Replacement { weights, used: 0 })
}

/// The network with all [`weights`] zero.
pub(crate) fn without_weights<M: Module>(model: M) -> M {
    let zeros = weights(&model).zeros_like();
    with_weights(model, zeros)
}

struct Weights {
    parts: Vec<Tensor<1>>,
}

impl ModuleVisitor for Weights {
    // Running statistics are visited like weights, but are not trained.
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let value = param.val();
        if value.is_require_grad() {
            let count = value.shape().num_elements();
            self.parts.push(value.inner().reshape([count]));
        }
    }
}

struct Gradient {
    gradients: GradientsParams,
    parts: Vec<Tensor<1>>,
}

impl ModuleVisitor for Gradient {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let value = param.val();
        if value.is_require_grad() {
            let count = value.shape().num_elements();
            let part = self.gradients.remove::<D>(param.id).unwrap_or_else(|| value.inner().zeros_like());
            self.parts.push(part.reshape([count]));
        }
    }
}

struct Replacement {
    weights: Tensor<1>,
    used: usize,
}

impl ModuleMapper for Replacement {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, value, mapper) = param.consume();
        if !value.is_require_grad() {
            return Param::from_mapped_value(id, value, mapper);
        }
        let shape = value.shape();
        let count = shape.num_elements();
        let part = self.weights.clone().narrow(0, self.used, count).reshape(shape);
        self.used += count;
        Param::from_mapped_value(id, Tensor::from_inner(part).require_grad(), mapper)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[derive(Module, Debug)]
    struct Two {
        matrix: Param<Tensor<2>>,
        vector: Param<Tensor<1>>,
        unused: Param<Tensor<1>>,
    }

    #[test]
    fn weights_come_out_as_they_went_in_and_gradients_beside_them() {
        let device = Device::flex().autodiff();
        let model = Two {
            matrix: Param::from_data([[1.0_f32, 2.0], [3.0, 4.0]], &device),
            vector: Param::from_data([5.0_f32, 6.0], &device),
            unused: Param::from_data([7.0_f32], &device),
        };
        let numbers = |tensor: Tensor<1>| tensor.into_data().iter::<f32>().collect::<Vec<f32>>();
        assert_eq!(numbers(weights(&model)), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        let doubled = with_weights(model.clone(), weights(&model) * 2.0);
        assert_eq!(numbers(weights(&doubled)), [2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0]);
        assert_eq!(numbers(weights(&without_weights(model))), [0.0; 7]);
        // Half the sum of squares has the weights themselves for its gradient.
        let loss =
            doubled.matrix.val().powf_scalar(2.0).sum() * 0.5 + doubled.vector.val().powf_scalar(2.0).sum() * 0.5;
        assert_eq!(numbers(gradient(loss.backward(), &doubled)), [2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 0.0]);
    }
}
