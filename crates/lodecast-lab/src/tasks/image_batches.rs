//! Batches of images as the networks take them: standardised, on the device, made when they are needed.

use burn::tensor::{Device, Int, Tensor, TensorData};
use rand_chacha::ChaCha8Rng;

use super::augmentation::Augmentation;
use super::classification::{Tally, cross_entropy};
use crate::data::images::{ImageShape, Images};
use crate::run::task::Evaluation;

/// Mean and deviation of each channel, as fractions of the brightest value.
pub(super) type ChannelStatistics = Vec<(f32, f32)>;

/// What bytes become: centred and scaled by the statistics of their channel.
#[derive(Clone, Debug)]
pub(super) struct Standardisation {
    /// What each byte of each channel becomes: `table[channel][byte]`.
    table: Vec<[f32; 256]>,
    statistics: ChannelStatistics,
}

impl Standardisation {
    pub(super) fn new(statistics: ChannelStatistics) -> Self {
        let table = statistics
            .iter()
            .map(|(mean, deviation)| std::array::from_fn(|byte| (byte as f32 / 255.0 - mean) / deviation))
            .collect();
        Self { table, statistics }
    }

    /// Appends the pixels of an image, channel by channel.
    pub(super) fn extend(&self, values: &mut Vec<f32>, pixels: &[u8]) {
        match &self.table[..] {
            [only] => values.extend(pixels.iter().map(|&byte| only[usize::from(byte)])),
            tables => {
                for pixel in pixels.chunks_exact(tables.len()) {
                    values.extend(pixel.iter().zip(tables).map(|(&byte, table)| table[usize::from(byte)]));
                }
            }
        }
    }

    /// The same for pixels that lie between the bytes.
    fn extend_from_floats(&self, values: &mut Vec<f32>, pixels: &[f32]) {
        for pixel in pixels.chunks_exact(self.statistics.len()) {
            let pixel = pixel.iter().zip(&self.statistics);
            values.extend(pixel.map(|(value, (mean, deviation))| (value / 255.0 - mean) / deviation));
        }
    }
}

/// Images with their classes, ready to be put on the device.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadedImages {
    /// Standardised, one image after the other: rows, columns, channels.
    pub(super) values: Vec<f32>,
    /// Height, width and channels.
    pub(super) size: [usize; 3],
    pub(super) classes: Vec<i64>,
}

impl LoadedImages {
    /// The images as (example, row, column, channel), and their classes.
    pub(super) fn on_device(self, device: &Device) -> (Tensor<4>, Tensor<1, Int>) {
        let count = self.classes.len();
        let [height, width, channels] = self.size;
        let images = TensorData::new(self.values, [count, height, width, channels]);
        (Tensor::from_data(images, device), Tensor::from_data(TensorData::new(self.classes, [count]), device))
    }

    /// Mean cross-entropy of the `logits` of the images, for the backward pass.
    pub(super) fn loss(self, device: &Device, logits: impl FnOnce(Tensor<4>) -> Tensor<2>) -> Tensor<1> {
        let (images, classes) = self.on_device(device);
        cross_entropy(logits(Tensor::from_inner(images)), Tensor::from_inner(classes))
    }
}

/// Images in memory.
#[derive(Debug)]
pub(super) struct ImageBatches {
    images: Images,
    standardisation: Standardisation,
}

impl ImageBatches {
    pub(super) fn new(images: Images, standardisation: Standardisation) -> Self {
        Self { images, standardisation }
    }

    pub(super) fn len(&self) -> usize {
        self.images.len()
    }

    /// Height, width and channels.
    pub(super) fn size(&self) -> [usize; 3] {
        let ImageShape { height, width, channels } = self.images.shape;
        [height, width, channels]
    }

    /// How well `logits` of the images fit their classes, `batch` images at a time.
    pub(super) fn evaluate(
        &self,
        batch: usize,
        device: &Device,
        logits: impl Fn(Tensor<4>) -> Tensor<2>,
    ) -> Evaluation {
        let mut tally = Tally::default();
        for start in (0..self.len()).step_by(batch) {
            let indices = start..self.len().min(start + batch);
            let (images, _) = self.load(indices.clone()).on_device(device);
            tally.add(logits(images), self.images.classes[indices].iter().map(|&class| usize::from(class)));
        }
        tally.evaluation()
    }

    /// The images at `indices` as they are.
    pub(super) fn load(&self, indices: impl ExactSizeIterator<Item = usize> + Clone) -> LoadedImages {
        self.loaded(indices, |values, pixels| self.standardisation.extend(values, pixels))
    }

    /// The images at `indices`, each changed at random.
    pub(super) fn load_augmented(
        &self,
        indices: impl ExactSizeIterator<Item = usize> + Clone,
        augmentation: &Augmentation,
        random: &mut ChaCha8Rng,
    ) -> LoadedImages {
        let mut changed = Vec::new();
        self.loaded(indices, |values, pixels| {
            augmentation.apply(self.images.shape, pixels, random, &mut changed);
            self.standardisation.extend_from_floats(values, &changed);
        })
    }

    fn loaded(
        &self,
        indices: impl ExactSizeIterator<Item = usize> + Clone,
        mut extend: impl FnMut(&mut Vec<f32>, &[u8]),
    ) -> LoadedImages {
        let mut values = Vec::with_capacity(indices.len() * self.images.shape.values());
        indices.clone().for_each(|index| extend(&mut values, self.images.image(index)));
        let classes = indices.map(|index| i64::from(self.images.classes[index])).collect();
        LoadedImages { values, size: self.size(), classes }
    }
}
