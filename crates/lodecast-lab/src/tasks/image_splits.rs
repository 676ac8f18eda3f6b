//! A set of small images in memory: for training, validation and the test, the first's statistics applied to all.

use burn::tensor::{Device, Tensor};

use super::image_batches::{ImageBatches, Standardisation};
use crate::data::images::Images;
use crate::run::task::{Evaluation, Split};
use crate::run::variation::Variation;
use crate::settings::{Scale, TaskSettings};

/// Seed of every split, the same for all runs.
pub(super) const SPLIT_SEED: u64 = 42;
/// Few enough that the activations stay in the processor's cache.
const EVALUATION_BATCH: usize = 50;
/// Batches and their size from which running statistics are gathered anew.
const GATHERED: (usize, usize) = (10, 100);

/// The three splits of a data set.
#[derive(Debug)]
pub struct ImageSplits {
    name: &'static str,
    pub(super) classes: usize,
    pub(super) scale: Scale,
    pub(super) variation: Variation,
    pub(super) train: ImageBatches,
    validation: ImageBatches,
    test: ImageBatches,
}

impl ImageSplits {
    /// The splits of the data set called `name`, at the scale and the variation of the settings.
    pub(super) fn new(
        name: &'static str,
        classes: usize,
        settings: &TaskSettings,
        [mut train, validation, test]: [Images; 3],
    ) -> Self {
        let &TaskSettings { scale, variation, .. } = settings;
        let used = variation.used_examples(train.len());
        if used.len() < train.len() {
            train = train.select(&used);
        }
        for (example, class) in train.classes.iter_mut().enumerate() {
            *class = variation.noisy_class(example, u32::from(*class), classes as u32) as u8;
        }
        let standardisation = Standardisation::new(train.channel_statistics());
        let [train, validation, test] =
            [train, validation, test].map(|images| ImageBatches::new(images, standardisation.clone()));
        Self { name, classes, scale, variation, train, validation, test }
    }

    /// The splits in words.
    pub(super) fn description(&self) -> String {
        let [train, validation, test] = [&self.train, &self.validation, &self.test].map(ImageBatches::len);
        format!(
            "{} at scale {}: {train} training, {validation} validation and {test} test images, split by seed {SPLIT_SEED}",
            self.name, self.scale
        )
    }

    /// Batches (example, row, column, channel) of training images as they are, spread over all of them: what running statistics
    /// are gathered anew from.
    pub(super) fn spread_batches(&self, device: &Device) -> impl Iterator<Item = Tensor<4>> {
        let (batches, size) = GATHERED;
        let count = self.train.len().min(batches * size);
        let examples: Vec<usize> = (0..count).map(|index| index * self.train.len() / count).collect();
        let starts = (0..count).step_by(size);
        starts.map(move |start| {
            let batch = &examples[start..count.min(start + size)];
            let (images, _) = self.train.load(batch.iter().copied()).on_device(device);
            Tensor::from_inner(images)
        })
    }

    /// How well `logits` of held-out images fit their classes.
    pub(super) fn evaluate(
        &self,
        split: Split,
        device: &Device,
        logits: impl Fn(Tensor<4>) -> Tensor<2>,
    ) -> Evaluation {
        let held_out = match split {
            Split::Validation => &self.validation,
            Split::Test => &self.test,
        };
        held_out.evaluate(EVALUATION_BATCH, device, logits)
    }
}
