//! A task of small images in memory: whatever the network, it learns to tell their classes.

use std::marker::PhantomData;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use lodecast::{Direction, Metric};
use rand_chacha::ChaCha8Rng;

use super::augmentation::Augmentation;
use super::image_batches::LoadedImages;
use super::image_splits::ImageSplits;
use crate::error::Result;
use crate::optimizers::OptimizerKind;
use crate::run::length::Length;
use crate::run::task::{Evaluation, Split, Task};
use crate::run::variation::Variation;

/// A network that tells classes of small images.
pub trait ImageNetwork: Module {
    /// A fresh network for these images, at their scale and variation.
    fn fresh(data: &ImageSplits, device: &Device, random: &mut ChaCha8Rng) -> Self;

    /// Logits of `images` (example, row, column, channel): (example, class). Dropout is for training: it needs a generator.
    fn classify(&self, images: Tensor<4>, random: Option<&mut ChaCha8Rng>) -> Tensor<2>;

    /// See [`Task::gathered_anew`].
    #[must_use]
    fn gathered_from(self, _batches: impl Iterator<Item = Tensor<4>>) -> Self {
        self
    }
}

/// A task of small images.
#[derive(Debug)]
pub struct SmallImages<N> {
    pub(super) name: &'static str,
    pub(super) data: ImageSplits,
    pub(super) device: Device,
    /// How training images are changed, if they are.
    pub(super) augmentation: Option<Augmentation>,
    pub(super) length: Length,
    /// Peak learning rates worth sweeping with SGD; with Adam they are the same for all.
    pub(super) sgd_peaks: [f64; 6],
    pub(super) network: PhantomData<fn() -> N>,
}

impl<N: ImageNetwork> Task for SmallImages<N> {
    type Model = N;
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
        self.length
    }

    fn peak_learning_rates(&self, optimizer: OptimizerKind) -> Vec<f64> {
        match optimizer {
            OptimizerKind::Sgd => self.sgd_peaks.to_vec(),
            OptimizerKind::Adam | OptimizerKind::AdamW => vec![0.0005, 0.001, 0.002, 0.004, 0.008, 0.016],
        }
    }

    fn train_examples(&self) -> usize {
        self.data.train.len()
    }

    fn initial_model(&self, random: &mut ChaCha8Rng) -> N {
        N::fresh(&self.data, &self.device.clone().autodiff(), random)
    }

    fn load(&self, batch: &[u32], random: &mut ChaCha8Rng) -> Result<LoadedImages> {
        let indices = batch.iter().map(|&index| index as usize);
        Ok(match &self.augmentation {
            Some(augmentation) => self.data.train.load_augmented(indices, augmentation, random),
            None => self.data.train.load(indices),
        })
    }

    fn loss(&self, model: &N, batch: LoadedImages, random: &mut ChaCha8Rng) -> Tensor<1> {
        batch.loss(&self.device, |images| model.classify(images, Some(random)))
    }

    fn gathered_anew(&self, model: N) -> Result<N> {
        Ok(model.gathered_from(self.data.spread_batches(&self.device)))
    }

    fn evaluate(&self, model: &N, split: Split) -> Result<Evaluation> {
        Ok(self.data.evaluate(split, &self.device, |images| model.classify(images, None)))
    }
}
