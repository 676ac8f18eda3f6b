//! Batches of images as the networks take them: standardised, on the device, made when they are needed.

use burn::tensor::{Device, Int, Tensor, TensorData};

use super::classification;
use crate::data::images::{ImageShape, Images};
use crate::task::Evaluation;

/// Mean and deviation of each channel, as fractions of the brightest value.
pub(super) type ChannelStatistics = Vec<(f32, f32)>;

/// Images with the table that standardises their bytes.
#[derive(Debug)]
pub(super) struct ImageBatches {
    images: Images,
    /// What each byte of each channel becomes: `table[channel][byte]`.
    table: Vec<[f32; 256]>,
}

impl ImageBatches {
    pub(super) fn new(images: Images, statistics: &ChannelStatistics) -> Self {
        let table = statistics
            .iter()
            .map(|(mean, deviation)| std::array::from_fn(|byte| (byte as f32 / 255.0 - mean) / deviation))
            .collect();
        Self { images, table }
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
        let count = self.len();
        let batches =
            (0..count).step_by(batch).map(|start| logits(self.images(start..count.min(start + batch), device)));
        classification::evaluate(Tensor::cat(batches.collect(), 0), &self.images.classes)
    }

    /// The images at `indices`, as (example, row, column, channel).
    pub(super) fn images(&self, indices: impl ExactSizeIterator<Item = usize>, device: &Device) -> Tensor<4> {
        let shape = self.images.shape;
        let count = indices.len();
        let mut values = Vec::with_capacity(count * shape.values());
        for index in indices {
            self.extend_standardised(&mut values, self.images.image(index));
        }
        Tensor::from_data(TensorData::new(values, [count, shape.height, shape.width, shape.channels]), device)
    }

    /// The classes at `indices`.
    pub(super) fn classes_at(&self, indices: &[u32], device: &Device) -> Tensor<1, Int> {
        let classes: Vec<i64> = indices.iter().map(|&index| i64::from(self.images.classes[index as usize])).collect();
        Tensor::from_data(TensorData::new(classes, [indices.len()]), device)
    }

    fn extend_standardised(&self, values: &mut Vec<f32>, pixels: &[u8]) {
        match &self.table[..] {
            [only] => values.extend(pixels.iter().map(|&byte| only[usize::from(byte)])),
            tables => {
                for pixel in pixels.chunks_exact(tables.len()) {
                    values.extend(pixel.iter().zip(tables).map(|(&byte, table)| table[usize::from(byte)]));
                }
            }
        }
    }
}
