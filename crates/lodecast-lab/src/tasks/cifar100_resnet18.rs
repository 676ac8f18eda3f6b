//! The task `cifar100-resnet18`: small photographs of a hundred classes, and a residual network of 18 layers with swish.

use burn::tensor::{Device, Tensor};
use lodecast::{Direction, Metric};
use rand_chacha::ChaCha8Rng;

use super::augmentation::Augmentation;
use super::cifar100;
use super::entry::TaskEntry;
use super::image_batches::LoadedImages;
use super::image_splits::ImageSplits;
use super::normalised_convolution::Normalised;
use super::swish_residual::SwishResidualNetwork;
use crate::error::Result;
use crate::optimizers::OptimizerKind;
use crate::run::length::Length;
use crate::run::task::{Evaluation, Split, Task};
use crate::run::variation::Variation;
use crate::settings::TaskSettings;

const NAME: &str = "cifar100-resnet18";
pub(super) const ENTRY: TaskEntry = TaskEntry {
    name: NAME,
    describes: "a residual network of 18 layers on small photographs of 100 classes",
    needs: Some("CIFAR-100 in its binary version"),
    open: |settings| Ok(Box::new(Cifar100Resnet18::open(settings)?)),
};

/// The task.
#[derive(Debug)]
pub struct Cifar100Resnet18 {
    data: ImageSplits,
    device: Device,
}

impl Cifar100Resnet18 {
    /// Reads the data. A scale narrows all stages, and takes that part of the training images.
    ///
    /// # Errors
    /// If the data is missing or damaged, or the device is not there.
    pub fn open(settings: &TaskSettings) -> Result<Self> {
        Ok(Self { device: settings.device.open()?, data: cifar100::open(settings)? })
    }
}

impl Task for Cifar100Resnet18 {
    type Model = SwishResidualNetwork;
    type Batch = LoadedImages;

    fn name(&self) -> &str {
        NAME
    }

    fn description(&self) -> String {
        self.data.description()
    }

    fn variation(&self) -> Variation {
        self.data.variation
    }

    fn metric(&self) -> Metric {
        Metric::new("val_accuracy", Direction::Max)
    }

    fn default_length(&self) -> Length {
        Length { epochs: 60, batch_size: 256, points_per_epoch: 2 }
    }

    fn peak_learning_rates(&self, optimizer: OptimizerKind) -> Vec<f64> {
        match optimizer {
            OptimizerKind::Sgd => vec![0.02, 0.04, 0.08, 0.16, 0.32, 0.64],
            OptimizerKind::Adam | OptimizerKind::AdamW => vec![0.0005, 0.001, 0.002, 0.004, 0.008, 0.016],
        }
    }

    fn train_examples(&self) -> usize {
        self.data.train.len()
    }

    fn initial_model(&self, random: &mut ChaCha8Rng) -> SwishResidualNetwork {
        let [_, _, channels] = self.data.train.size();
        let ImageSplits { classes, scale, variation, .. } = self.data;
        let device = self.device.clone().autodiff();
        SwishResidualNetwork::new([channels, classes], scale, variation, &device, random)
    }

    fn load(&self, batch: &[u32], random: &mut ChaCha8Rng) -> Result<LoadedImages> {
        let indices = batch.iter().map(|&index| index as usize);
        Ok(self.data.train.load_augmented(indices, &Augmentation::SMALL_PHOTOGRAPHS, random))
    }

    fn loss(&self, model: &SwishResidualNetwork, batch: LoadedImages, random: &mut ChaCha8Rng) -> Tensor<1> {
        batch.loss(&self.device, |images| model.logits(images, Some(random)))
    }

    fn gathered_anew(&self, model: SwishResidualNetwork) -> Result<SwishResidualNetwork> {
        Ok(model.gathered_anew(self.data.spread_batches(&self.device)))
    }

    fn evaluate(&self, model: &SwishResidualNetwork, split: Split) -> Result<Evaluation> {
        Ok(self.data.evaluate(split, &self.device, |images| model.logits(images, None)))
    }
}
