//! A rule that moves all weights at once, as one vector.

use burn::tensor::Tensor;

/// An update rule written as arithmetic on all weights at once.
pub(crate) trait VectorUpdate: Send {
    /// One step from `weights` under their `gradient`: the weights to take the next gradient at, and the rate that was used.
    fn step(&mut self, rate: f64, weights: Tensor<1>, gradient: Tensor<1>) -> (Tensor<1>, f64);

    /// The weights that the run has arrived at, if they are not those that gradients are taken at.
    fn arrived(&self, weights: &Tensor<1>) -> Option<Tensor<1>>;
}
