//! A convolution with batch normalisation, and what networks of such layers do with their running statistics.

use burn::module::Module;
use burn::nn::{BatchNorm, BatchNormConfig};
use burn::tensor::{Device, Tensor};
use rand_chacha::ChaCha8Rng;

use super::convolution::{Convolution, Fan};

/// Share of a new batch in the running statistics.
const MOMENTUM: f64 = 0.1;

/// A convolution without bias and the normalisation of its outputs.
#[derive(Module, Debug)]
pub(super) struct NormalisedConvolution {
    pub(super) convolution: Convolution,
    pub(super) norm: BatchNorm,
}

impl NormalisedConvolution {
    /// A layer of `[input, output]` channels.
    pub(super) fn new(
        channels: [usize; 2],
        kernel: usize,
        stride: usize,
        fan: Fan,
        device: &Device,
        random: &mut ChaCha8Rng,
    ) -> Self {
        Self {
            convolution: Convolution::new(channels, kernel, stride, fan, device, random),
            norm: BatchNormConfig::new(channels[1]).with_momentum(MOMENTUM).init(device),
        }
    }

    pub(super) fn forward(&self, images: Tensor<4>) -> Tensor<4> {
        let outputs = self.convolution.forward(images);
        let shape = outputs.dims();
        // The framework normalises the second axis: places are examples to it.
        self.norm.forward(outputs.reshape([shape[0] * shape[1] * shape[2], shape[3]])).reshape(shape)
    }
}

/// A network of such layers.
pub(super) trait Normalised: Module {
    /// Every layer that keeps running statistics.
    fn layers(&mut self) -> Vec<&mut NormalisedConvolution>;

    /// Lets `images` pass as in training, without dropout. A network that records gradients takes up their statistics.
    fn observe(&self, images: Tensor<4>);

    /// The network with the statistics of its activations gathered anew: their mean over `batches`.
    ///
    /// Nothing is shared with this network.
    fn gathered_anew(&self, batches: impl Iterator<Item = Tensor<4>>) -> Self {
        // A clone would share its running statistics with the original.
        let mut network = self.valid().train();
        let set_momentum = |network: &mut Self, momentum| {
            network.layers().into_iter().for_each(|layer| layer.norm.momentum = momentum);
        };
        for (known, batch) in batches.enumerate() {
            set_momentum(&mut network, 1.0 / (known + 1) as f64);
            network.observe(batch);
        }
        set_momentum(&mut network, MOMENTUM);
        network
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;
    use rand::SeedableRng;

    use super::*;

    fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().iter::<f32>().collect()
    }

    fn assert_close(values: &[f32], expected: &[f32]) {
        assert_eq!(values.len(), expected.len());
        for (value, expected) in values.iter().zip(expected) {
            assert!((value - expected).abs() < 1e-4 * (1.0 + expected.abs()), "{values:?}, not {expected:?}");
        }
    }

    #[derive(Module, Debug)]
    struct OneLayer {
        layer: NormalisedConvolution,
    }

    impl Normalised for OneLayer {
        fn layers(&mut self) -> Vec<&mut NormalisedConvolution> {
            vec![&mut self.layer]
        }

        fn observe(&self, images: Tensor<4>) {
            self.layer.forward(images);
        }
    }

    #[test]
    fn statistics_gathered_anew_are_means_over_the_batches_and_nobody_elses() {
        let device = Device::flex().autodiff();
        let layer = NormalisedConvolution::new([3, 2], 3, 1, Fan::Out, &device, &mut ChaCha8Rng::seed_from_u64(1));
        let network = OneLayer { layer };
        let pixels: Vec<f32> = (0..4 * 8 * 8 * 3).map(|i| (0.5 + (0.9 * f64::from(i)).cos()) as f32).collect();
        let images = Tensor::<4>::from_data(TensorData::new(pixels, [4, 8, 8, 3]), &device);
        network.observe(images.clone());
        let running_mean = |network: &OneLayer| numbers(network.valid().layer.norm.running_mean.value());
        let before = running_mean(&network);
        let halves = [images.clone().narrow(0, 0, 2), images.clone().narrow(0, 2, 2)];
        let gathered = network.gathered_anew(halves.into_iter());
        assert_eq!(running_mean(&network), before);

        // The layer's inputs are the same in every batch: its mean over halves is that over the whole.
        let of_whole = network.layer.convolution.forward(images.clone()).mean_dims(&[0, 1, 2]).reshape([2]);
        assert_close(&running_mean(&gathered), &numbers(of_whole));
        // And it goes on with its usual momentum.
        assert_eq!(gathered.layer.norm.momentum, MOMENTUM);
        // One batch alone: what it is normalised by in training and in evaluation is the same.
        let once = network.gathered_anew(std::iter::once(images.clone()));
        let [trained, evaluated] = [network.layer.forward(images.clone()), once.valid().layer.forward(images.inner())];
        assert_close(&numbers(evaluated), &numbers(trained));
    }
}
