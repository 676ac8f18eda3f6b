//! The tasks `fashion-mnist-resnet18` and `cifar100-resnet18`: small images, and a residual network of 18 layers.

use burn::tensor::{Device, Tensor};
use lodecast::{Direction, Metric};
use rand_chacha::ChaCha8Rng;

use super::augmentation::Augmentation;
use super::entry::TaskEntry;
use super::image_batches::LoadedImages;
use super::image_splits::ImageSplits;
use super::residual::{ResidualNetwork, ResidualSizes, Stem};
use super::{cifar100, fashion_mnist};
use crate::error::Result;
use crate::optimizers::OptimizerKind;
use crate::run::length::Length;
use crate::run::task::{Evaluation, Split, Task};
use crate::run::variation::Variation;
use crate::settings::TaskSettings;

pub(super) const FASHION_MNIST: TaskEntry = TaskEntry {
    name: "fashion-mnist-resnet18",
    describes: "a residual network of 18 layers on pieces of clothing",
    needs: Some("Fashion-MNIST: apt-get install dataset-fashion-mnist"),
    open: |settings| Ok(Box::new(SmallImageResnet18::fashion_mnist(settings)?)),
};
pub(super) const CIFAR100: TaskEntry = TaskEntry {
    name: "cifar100-resnet18",
    describes: "a residual network of 18 layers on small photographs of 100 classes",
    needs: Some("CIFAR-100 in its binary version"),
    open: |settings| Ok(Box::new(SmallImageResnet18::cifar100(settings)?)),
};
const BLOCKS: [usize; 4] = [2, 2, 2, 2];
const DROPOUT: f64 = 0.3;
/// Batches and their size from which running statistics are gathered anew.
const GATHERED: (usize, usize) = (10, 100);

/// A task of small images and a residual network.
#[derive(Debug)]
pub struct SmallImageResnet18 {
    name: &'static str,
    data: ImageSplits,
    device: Device,
}

impl SmallImageResnet18 {
    /// The task `fashion-mnist-resnet18`. A scale narrows all stages, and takes that part of the training images.
    ///
    /// # Errors
    /// If the data is missing or damaged, or the device is not there.
    pub fn fashion_mnist(settings: &TaskSettings) -> Result<Self> {
        Ok(Self { name: FASHION_MNIST.name, device: settings.device.open()?, data: fashion_mnist::open(settings)? })
    }

    /// The task `cifar100-resnet18`. A scale narrows all stages, and takes that part of the training images.
    ///
    /// # Errors
    /// If the data is missing or damaged, or the device is not there.
    pub fn cifar100(settings: &TaskSettings) -> Result<Self> {
        Ok(Self { name: CIFAR100.name, device: settings.device.open()?, data: cifar100::open(settings)? })
    }
}

impl Task for SmallImageResnet18 {
    type Model = ResidualNetwork;
    type Batch = LoadedImages;

    fn name(&self) -> &str {
        self.name
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

    fn initial_model(&self, random: &mut ChaCha8Rng) -> ResidualNetwork {
        let [_, _, channels] = self.data.train.size();
        let ImageSplits { classes, scale, variation, .. } = self.data;
        let (blocks, stem, dropout) = (BLOCKS, Stem::Small, DROPOUT);
        let sizes = ResidualSizes { blocks, stem, channels, classes, dropout, scale, variation };
        ResidualNetwork::new(sizes, &self.device.clone().autodiff(), random)
    }

    fn load(&self, batch: &[u32], random: &mut ChaCha8Rng) -> Result<LoadedImages> {
        let indices = batch.iter().map(|&index| index as usize);
        Ok(self.data.train.load_augmented(indices, &Augmentation::SMALL_IMAGES, random))
    }

    fn loss(&self, model: &ResidualNetwork, batch: LoadedImages, random: &mut ChaCha8Rng) -> Tensor<1> {
        batch.loss(&self.device, |images| model.logits(images, Some(random)))
    }

    fn gathered_anew(&self, model: ResidualNetwork) -> Result<ResidualNetwork> {
        let (batches, size) = GATHERED;
        let count = self.train_examples().min(batches * size);
        let examples: Vec<usize> = (0..count).map(|index| index * self.train_examples() / count).collect();
        let batches = examples.chunks(size).map(|batch| {
            let (images, _) = self.data.train.load(batch.iter().copied()).on_device(&self.device);
            Tensor::from_inner(images)
        });
        Ok(model.gathered_anew(batches))
    }

    fn evaluate(&self, model: &ResidualNetwork, split: Split) -> Result<Evaluation> {
        Ok(self.data.evaluate(split, &self.device, |images| model.logits(images, None)))
    }
}
