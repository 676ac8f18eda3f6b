//! The task `fashion-mnist-cnn`: pieces of clothing, and a convolutional network of 64-64-pool-128-128-pool channels.

use std::marker::PhantomData;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, activation};
use rand_chacha::ChaCha8Rng;

use super::convolution::{Convolution, Fan};
use super::dropout::dropout;
use super::entry::TaskEntry;
use super::fashion_mnist;
use super::image_splits::ImageSplits;
use super::pooling::max_pool_sliding;
use super::small_images::{ImageNetwork, SmallImages};
use super::strided_convolution::uniform_weights;
use crate::error::Result;
use crate::run::length::Length;
use crate::run::variation::Variation;
use crate::settings::{Scale, TaskSettings};

const NAME: &str = "fashion-mnist-cnn";
pub(super) const ENTRY: TaskEntry = TaskEntry {
    name: NAME,
    describes: "four convolutions and two dense layers on pieces of clothing",
    needs: Some("Fashion-MNIST: apt-get install dataset-fashion-mnist"),
    open: |settings| Ok(Box::new(FashionMnistCnn::open(settings)?)),
};
const WIDTHS: [usize; 4] = [64, 64, 128, 128];
/// Convolutions after which the image is pooled, which takes a row and a column of it.
const POOLED_AFTER: [usize; 2] = [1, 3];
const DENSE: usize = 256;
/// After each pooling and after the first dense layer.
const DROPOUT: f64 = 0.25;

/// The task.
pub type FashionMnistCnn = SmallImages<Network>;

impl FashionMnistCnn {
    /// Reads the data. A scale narrows all layers but the last, and takes that part of the training images.
    ///
    /// # Errors
    /// If the data is missing or damaged, or the device is not there.
    pub fn open(settings: &TaskSettings) -> Result<Self> {
        Ok(Self {
            name: NAME,
            device: settings.device.open()?,
            data: fashion_mnist::open(settings)?,
            augmentation: None,
            length: Length { epochs: 8, batch_size: 64, points_per_epoch: 10 },
            sgd_peaks: [0.005, 0.01, 0.02, 0.04, 0.08, 0.16],
            network: PhantomData,
        })
    }
}

/// The network: four convolutions of 3 by 3, two poolings, two dense layers.
#[derive(Module, Debug)]
pub struct Network {
    convolutions: Vec<Convolution>,
    dense_weight: Param<Tensor<2>>,
    dense_bias: Param<Tensor<1>>,
    head_weight: Param<Tensor<2>>,
    head_bias: Param<Tensor<1>>,
}

impl Network {
    /// A fresh network for images of `height` by `width` with `inputs` channels.
    fn new(
        [height, width, inputs]: [usize; 3],
        classes: usize,
        scale: Scale,
        variation: Variation,
        device: &Device,
        random: &mut ChaCha8Rng,
    ) -> Self {
        let mut inputs = inputs;
        let mut convolutions = Vec::with_capacity(WIDTHS.len());
        for outputs in WIDTHS.map(|width| variation.width_of(scale.of(width))) {
            convolutions.push(Convolution::new([inputs, outputs], 3, 1, Fan::In, device, random).with_bias(device));
            inputs = outputs;
        }
        let pooled = |side: usize| side - POOLED_AFTER.len();
        let dense = variation.width_of(scale.of(DENSE));
        let (dense_weight, dense_bias) =
            uniform_weights(pooled(height) * pooled(width) * inputs, dense, device, random);
        let (head_weight, head_bias) = uniform_weights(dense, classes, device, random);
        Self { convolutions, dense_weight, dense_bias, head_weight, head_bias }
    }

    /// Logits of `images`, (example, class). Dropout is for training: it needs a generator.
    fn logits(&self, images: Tensor<4>, mut random: Option<&mut ChaCha8Rng>) -> Tensor<2> {
        let mut features = images;
        for (index, layer) in self.convolutions.iter().enumerate() {
            features = activation::relu(layer.forward(features));
            if POOLED_AFTER.contains(&index) {
                features = dropped(max_pool_sliding(features), &mut random);
            }
        }
        let flat = features.flatten::<2>(1, 3);
        let dense = activation::relu(flat.matmul(self.dense_weight.val()) + self.dense_bias.val().unsqueeze());
        dropped(dense, &mut random).matmul(self.head_weight.val()) + self.head_bias.val().unsqueeze()
    }
}

fn dropped<const D: usize>(values: Tensor<D>, random: &mut Option<&mut ChaCha8Rng>) -> Tensor<D> {
    match random {
        Some(random) => dropout(values, DROPOUT, random),
        None => values,
    }
}

impl ImageNetwork for Network {
    fn fresh(data: &ImageSplits, device: &Device, random: &mut ChaCha8Rng) -> Self {
        Self::new(data.train.size(), data.classes, data.scale, data.variation, device, random)
    }

    fn classify(&self, images: Tensor<4>, random: Option<&mut ChaCha8Rng>) -> Tensor<2> {
        self.logits(images, random)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn the_full_network_has_the_published_size() {
        let count = |scale, width| {
            let mut random = ChaCha8Rng::seed_from_u64(1);
            let variation = Variation { width, ..Variation::default() };
            Network::new([28, 28, 1], 10, scale, variation, &Device::flex(), &mut random).num_params()
        };
        // 28 -> 27 -> 26 places a side; 9*64 + 9*64*64 + 9*64*128 + 9*128*128 and biases 64+64+128+128;
        // 26*26*128*256 + 256; 256*10 + 10
        assert_eq!(count(Scale::FULL, 1.0), 258_624 + 384 + 22_151_424 + 2570);
        // The same with 8, 8, 16, 16 and 32.
        let eighth = Scale::new(0.125).unwrap();
        assert_eq!(count(eighth, 1.0), 80 + 584 + 1168 + 2320 + (26 * 26 * 16 * 32 + 32) + 330);
        // Twice as wide: a quarter of the widths.
        assert_eq!(count(eighth, 2.0), count(Scale::new(0.25).unwrap(), 1.0));
    }

    fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().iter::<f32>().collect()
    }

    fn network_and_images() -> (Network, Tensor<4>) {
        let (device, mut random) = (Device::flex(), ChaCha8Rng::seed_from_u64(1));
        let scale = Scale::new(0.0625).unwrap();
        let network = Network::new([6, 7, 1], 10, scale, Variation::default(), &device, &mut random);
        let pixels: Vec<f32> = (0..3 * 6 * 7).map(|i| (0.9 * i as f32).cos()).collect();
        (network, Tensor::from_data(TensorData::new(pixels, [3, 6, 7, 1]), &device))
    }

    #[test]
    fn only_training_drops_values_and_does_so_in_three_places() {
        let (network, images) = network_and_images();
        let logits = network.logits(images.clone(), None);
        assert_eq!(logits.dims(), [3, 10]);
        assert_eq!(numbers(network.logits(images.clone(), None)), numbers(logits.clone()));
        let trained = |seed| {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let logits = numbers(network.logits(images.clone(), Some(&mut random)));
            (logits, random.get_word_pos())
        };
        let (dropped, drawn) = trained(2);
        assert_ne!(dropped, numbers(logits));
        assert_eq!(trained(2).0, dropped);
        assert_ne!(trained(3).0, dropped);
        // A number a value: after poolings to 5 by 6 places of 4 channels and 4 by 5 of 8, and of 16 dense values.
        assert_eq!(drawn, 3 * (5 * 6 * 4 + 4 * 5 * 8 + 16));
    }
}
