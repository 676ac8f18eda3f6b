//! The task `fashion-mnist-resnet18`: pieces of clothing, and a residual network of 18 layers.

use std::marker::PhantomData;

use burn::tensor::{Device, Tensor};
use rand_chacha::ChaCha8Rng;

use super::entry::TaskEntry;
use super::fashion_mnist;
use super::image_splits::ImageSplits;
use super::normalised_convolution::Normalised;
use super::residual::{ResidualNetwork, ResidualSizes, Stem};
use super::small_images::{ImageNetwork, SmallImages};
use crate::error::Result;
use crate::run::length::Length;
use crate::settings::TaskSettings;

const NAME: &str = "fashion-mnist-resnet18";
pub(super) const ENTRY: TaskEntry = TaskEntry {
    name: NAME,
    describes: "a residual network of 18 layers on pieces of clothing",
    needs: Some("Fashion-MNIST: apt-get install dataset-fashion-mnist"),
    open: |settings| Ok(Box::new(FashionMnistResnet18::open(settings)?)),
};
const BLOCKS: [usize; 4] = [2, 2, 2, 2];

/// The task.
pub type FashionMnistResnet18 = SmallImages<ResidualNetwork>;

impl FashionMnistResnet18 {
    /// Reads the data. A scale narrows all stages, and takes that part of the training images.
    ///
    /// # Errors
    /// If the data is missing or damaged, or the device is not there.
    pub fn open(settings: &TaskSettings) -> Result<Self> {
        Ok(Self {
            name: NAME,
            device: settings.device.open()?,
            data: fashion_mnist::open(settings)?,
            augmentation: None,
            length: Length { epochs: 60, batch_size: 256, points_per_epoch: 2 },
            sgd_peaks: [0.02, 0.04, 0.08, 0.16, 0.32, 0.64],
            network: PhantomData,
        })
    }
}

impl ImageNetwork for ResidualNetwork {
    fn fresh(data: &ImageSplits, device: &Device, random: &mut ChaCha8Rng) -> Self {
        let [_, _, channels] = data.train.size();
        let &ImageSplits { classes, scale, variation, .. } = data;
        let sizes = ResidualSizes { blocks: BLOCKS, stem: Stem::Small, channels, classes, scale, variation };
        Self::new(sizes, device, random)
    }

    fn classify(&self, images: Tensor<4>, _random: Option<&mut ChaCha8Rng>) -> Tensor<2> {
        self.logits(images)
    }

    fn gathered_from(self, batches: impl Iterator<Item = Tensor<4>>) -> Self {
        self.gathered_anew(batches)
    }
}
