//! The task `cifar100-resnet18`: small photographs of a hundred classes, and a residual network of 18 layers with swish.

use std::marker::PhantomData;

use burn::tensor::{Device, Tensor};
use rand_chacha::ChaCha8Rng;

use super::augmentation::Augmentation;
use super::cifar100;
use super::entry::TaskEntry;
use super::image_splits::ImageSplits;
use super::normalised_convolution::Normalised;
use super::small_images::{ImageNetwork, SmallImages};
use super::swish_residual::SwishResidualNetwork;
use crate::error::Result;
use crate::run::length::Length;
use crate::settings::TaskSettings;

const NAME: &str = "cifar100-resnet18";
pub(super) const ENTRY: TaskEntry = TaskEntry {
    name: NAME,
    describes: "a residual network of 18 layers on small photographs of 100 classes",
    needs: Some("CIFAR-100 in its binary version"),
    open: |settings| Ok(Box::new(Cifar100Resnet18::open(settings)?)),
};

/// The task.
pub type Cifar100Resnet18 = SmallImages<SwishResidualNetwork>;

impl Cifar100Resnet18 {
    /// Reads the data. A scale narrows all stages, and takes that part of the training images.
    ///
    /// # Errors
    /// If the data is missing or damaged, or the device is not there.
    pub fn open(settings: &TaskSettings) -> Result<Self> {
        Ok(Self {
            name: NAME,
            device: settings.device.open()?,
            data: cifar100::open(settings)?,
            augmentation: Some(Augmentation::SMALL_PHOTOGRAPHS),
            length: Length { epochs: 60, batch_size: 256, points_per_epoch: 2 },
            sgd_peaks: [0.02, 0.04, 0.08, 0.16, 0.32, 0.64],
            network: PhantomData,
        })
    }
}

impl ImageNetwork for SwishResidualNetwork {
    fn fresh(data: &ImageSplits, device: &Device, random: &mut ChaCha8Rng) -> Self {
        let [_, _, channels] = data.train.size();
        Self::new([channels, data.classes], data.scale, data.variation, device, random)
    }

    fn classify(&self, images: Tensor<4>, random: Option<&mut ChaCha8Rng>) -> Tensor<2> {
        self.logits(images, random)
    }

    fn gathered_from(self, batches: impl Iterator<Item = Tensor<4>>) -> Self {
        self.gathered_anew(batches)
    }
}
