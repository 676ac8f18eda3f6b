//! The task `fashion-mnist-resnet18`: pieces of clothing, and a residual network of 18 layers.

use burn::tensor::{Device, Tensor};
use lodecast::{Direction, Metric};
use rand_chacha::ChaCha8Rng;

use super::entry::TaskEntry;
use super::fashion_mnist;
use super::image_batches::LoadedImages;
use super::image_splits::ImageSplits;
use super::normalised_convolution::Normalised;
use super::residual::{ResidualNetwork, ResidualSizes, Stem};
use crate::error::Result;
use crate::optimizers::OptimizerKind;
use crate::run::length::Length;
use crate::run::task::{Evaluation, Split, Task};
use crate::run::variation::Variation;
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
#[derive(Debug)]
pub struct FashionMnistResnet18 {
    data: ImageSplits,
    device: Device,
}

impl FashionMnistResnet18 {
    /// Reads the data. A scale narrows all stages, and takes that part of the training images.
    ///
    /// # Errors
    /// If the data is missing or damaged, or the device is not there.
    pub fn open(settings: &TaskSettings) -> Result<Self> {
        Ok(Self { device: settings.device.open()?, data: fashion_mnist::open(settings)? })
    }
}

impl Task for FashionMnistResnet18 {
    type Model = ResidualNetwork;
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

    fn initial_model(&self, random: &mut ChaCha8Rng) -> ResidualNetwork {
        let [_, _, channels] = self.data.train.size();
        let ImageSplits { classes, scale, variation, .. } = self.data;
        let sizes = ResidualSizes { blocks: BLOCKS, stem: Stem::Small, channels, classes, scale, variation };
        ResidualNetwork::new(sizes, &self.device.clone().autodiff(), random)
    }

    fn load(&self, batch: &[u32], _random: &mut ChaCha8Rng) -> Result<LoadedImages> {
        Ok(self.data.train.load(batch.iter().map(|&index| index as usize)))
    }

    fn loss(&self, model: &ResidualNetwork, batch: LoadedImages, _random: &mut ChaCha8Rng) -> Tensor<1> {
        batch.loss(&self.device, |images| model.logits(images))
    }

    fn gathered_anew(&self, model: ResidualNetwork) -> Result<ResidualNetwork> {
        Ok(model.gathered_anew(self.data.spread_batches(&self.device)))
    }

    fn evaluate(&self, model: &ResidualNetwork, split: Split) -> Result<Evaluation> {
        Ok(self.data.evaluate(split, &self.device, |images| model.logits(images)))
    }
}
