//! Two-dimensional convolution as a single matrix product, over images laid out as (example, row, column, channel).
//!
//! For the same reason as in one dimension: the framework's own backward pass is slow on the CPU backend.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData, s};
use rand_chacha::ChaCha8Rng;

use super::initial::normal_weights;

/// A convolution with a square window, padded so that a stride of 1 keeps the size.
#[derive(Module, Debug)]
pub(super) struct Convolution {
    /// (row and column in the window, and channel; output channel)
    weight: Param<Tensor<2>>,
    bias: Option<Param<Tensor<1>>>,
    #[module(skip)]
    kernel: usize,
    #[module(skip)]
    stride: usize,
}

/// What keeps its size from layer to layer with the first weights of He et al. 2015.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fan {
    /// Values, from inputs to outputs.
    In,
    /// Gradients, from outputs to inputs, as residual networks are started.
    Out,
}

impl Convolution {
    /// A layer of `[input, output]` channels.
    pub(super) fn new(
        [inputs, outputs]: [usize; 2],
        kernel: usize,
        stride: usize,
        fan: Fan,
        device: &Device,
        random: &mut ChaCha8Rng,
    ) -> Self {
        let channels = match fan {
            Fan::In => inputs,
            Fan::Out => outputs,
        };
        let deviation = (2.0 / (kernel * kernel * channels) as f64).sqrt();
        let weight = normal_weights([kernel * kernel * inputs, outputs], deviation, device, random);
        Self { weight, bias: None, kernel, stride }
    }

    /// The same with a bias, zero at first.
    pub(super) fn with_bias(mut self, device: &Device) -> Self {
        let outputs = self.weight.val().dims()[1];
        self.bias = Some(Param::from_data(TensorData::zeros::<f32, _>([outputs]), device));
        self
    }

    pub(super) fn forward(&self, images: Tensor<4>) -> Tensor<4> {
        let outputs =
            if self.stride == 1 && self.kernel > 1 { self.along_rows(images) } else { self.by_windows(images) };
        match &self.bias {
            Some(bias) => outputs + bias.val().unsqueeze(),
            None => outputs,
        }
    }

    /// A stride of 1: over the padded images as one long list of places, what a window sees at a tap is the list moved
    /// by a constant. So the rows of windows need no copies, and their columns only that of whole places. Windows that reach
    /// over an edge are computed, too, and left out at the end.
    fn along_rows(&self, images: Tensor<4>) -> Tensor<4> {
        let [examples, height, width, channels] = images.dims();
        let (kernel, padding) = (self.kernel, (self.kernel - 1) / 2);
        let (rows, columns) = (height + 2 * padding, width + 2 * padding);
        let places = examples * rows * columns;
        // One image more: the last windows reach beyond the last place.
        let padded = images.pad([(0, 1), (padding, padding), (padding, padding), (0, 0)], 0.0);
        let flat = padded.reshape([places + rows * columns, channels]);
        let seen = places + (kernel - 1) * columns;
        let taps = (0..kernel).map(|tap| flat.clone().slice(s![tap..tap + seen]));
        let gathered = Tensor::cat(taps.collect(), 1);
        let weight = self.weight.val();
        let outputs = (0..kernel).map(|tap| {
            let part = tap * kernel * channels..(tap + 1) * kernel * channels;
            gathered.clone().slice(s![tap * columns..tap * columns + places]).matmul(weight.clone().slice(s![part]))
        });
        let outputs = outputs.reduce(|sum, output| sum + output).expect("a kernel has rows");
        let channels = outputs.dims()[1];
        outputs.reshape([examples, rows, columns, channels]).slice(s![.., 0..=rows - kernel, 0..=columns - kernel])
    }

    /// Any stride: every window copied into a row of one matrix.
    fn by_windows(&self, images: Tensor<4>) -> Tensor<4> {
        let [examples, height, width, channels] = images.dims();
        let padding = (self.kernel - 1) / 2;
        let size = |places: usize| (places + 2 * padding - self.kernel) / self.stride + 1;
        let span = |output: usize| self.stride * (output - 1) + 1;
        let (rows, columns) = (size(height), size(width));
        let stride = self.stride.cast_signed();
        let padded = if padding > 0 {
            images.pad([(0, 0), (padding, padding), (padding, padding), (0, 0)], 0.0)
        } else {
            images
        };
        // First the columns of the windows, then their rows: two short gathers instead of one of kernel x kernel parts.
        let gathered = if self.kernel > 1 || self.stride > 1 {
            let taps =
                (0..self.kernel).map(|tap| padded.clone().slice(s![.., .., tap..tap + span(columns);stride, ..]));
            let columns_gathered = Tensor::cat(taps.collect(), 3);
            let taps = (0..self.kernel).map(|tap| columns_gathered.clone().slice(s![.., tap..tap + span(rows);stride]));
            Tensor::cat(taps.collect(), 3)
        } else {
            padded
        };
        let windows = gathered.reshape([examples * rows * columns, self.kernel * self.kernel * channels]);
        let outputs = windows.matmul(self.weight.val());
        let channels = outputs.dims()[1];
        outputs.reshape([examples, rows, columns, channels])
    }
}

/// The largest value of every 2 by 2 square. A last odd row or column is left out.
pub(super) fn max_pool(images: Tensor<4>) -> Tensor<4> {
    let [examples, height, width, channels] = images.dims();
    let (rows, columns) = (height / 2, width / 2);
    let even = if (2 * rows, 2 * columns) == (height, width) {
        images
    } else {
        images.slice(s![.., 0..2 * rows, 0..2 * columns])
    };
    let pairs_of_rows = even.reshape([examples * rows, 2, 2 * columns * channels]);
    let higher = pairs_of_rows.clone().narrow(1, 0, 1).max_pair(pairs_of_rows.narrow(1, 1, 1));
    let pairs = higher.reshape([examples * rows * columns, 2, channels]);
    let highest = pairs.clone().narrow(1, 0, 1).max_pair(pairs.narrow(1, 1, 1));
    highest.reshape([examples, rows, columns, channels])
}

/// The largest value of every 3 by 3 square around every other place. Values must not be negative.
pub(super) fn max_pool_overlapping(images: Tensor<4>) -> Tensor<4> {
    let [_, height, width, _] = images.dims();
    // As good as nothing, where no value is below zero.
    let padded = images.pad([(0, 0), (1, 1), (1, 1), (0, 0)], 0.0);
    let largest = |parts: [Tensor<4>; 3]| {
        let [first, second, third] = parts;
        first.max_pair(second).max_pair(third)
    };
    let end = |places: usize, tap: usize| tap + 2 * ((places - 1) / 2) + 1;
    let higher = largest([0, 1, 2].map(|tap| padded.clone().slice(s![.., tap..end(height, tap);2])));
    largest([0, 1, 2].map(|tap| higher.clone().slice(s![.., .., tap..end(width, tap);2])))
}

#[cfg(test)]
mod tests {
    use burn::tensor::ops::ConvOptions;
    use rand::{RngExt, SeedableRng};

    use super::*;

    fn random_images(shape: [usize; 4], random: &mut ChaCha8Rng) -> Tensor<4> {
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| random.random_range(-1.0..1.0)).collect();
        Tensor::from_data(TensorData::new(values, shape), &Device::flex())
    }

    #[test]
    fn equals_the_convolution_of_the_framework() {
        let device = Device::flex();
        let mut random = ChaCha8Rng::seed_from_u64(3);
        for (channels, kernel, stride, size) in [(1, 3, 1, 28), (4, 3, 2, 9), (4, 1, 2, 8), (4, 1, 1, 5), (3, 7, 2, 16)]
        {
            let layer =
                Convolution::new([channels, 6], kernel, stride, Fan::In, &device, &mut random).with_bias(&device);
            let images = random_images([2, size, size + 2, channels], &mut random);
            let weight = layer.weight.val().reshape([kernel, kernel, channels, 6]).permute([3, 2, 0, 1]);
            let padding = (kernel - 1) / 2;
            let options = ConvOptions::new([stride; 2], [padding; 2], [1; 2], 1);
            let expected = burn::tensor::module::conv2d(images.clone().permute([0, 3, 1, 2]), weight, None, options);
            let difference = layer.forward(images).permute([0, 3, 1, 2]) - expected;
            let difference = difference.abs().max().into_scalar::<f32>();
            assert!(difference < 1e-5, "kernel {kernel}, stride {stride}: {difference}");
        }
    }

    #[test]
    fn overlapping_pooling_equals_that_of_the_framework() {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        for (height, width) in [(7, 6), (8, 9), (1, 2)] {
            let images = random_images([2, height, width, 3], &mut random).abs();
            let by_channel = images.clone().permute([0, 3, 1, 2]);
            let options = burn::tensor::ops::MaxPoolOptions {
                kernel_size: [3, 3],
                stride: [2, 2],
                padding: [(1, 1), (1, 1)],
                dilation: [1, 1],
                ceil_mode: false,
            };
            let expected = burn::tensor::module::max_pool2d(by_channel, options);
            let difference = max_pool_overlapping(images).permute([0, 3, 1, 2]) - expected;
            assert_eq!(difference.abs().max().into_scalar::<f32>(), 0.0, "{height} by {width}");
        }
    }

    #[test]
    fn pooling_takes_the_largest_of_four() {
        let mut random = ChaCha8Rng::seed_from_u64(4);
        let images = random_images([2, 7, 6, 3], &mut random);
        let expected = images.clone().slice(s![.., 0..6]).reshape([2, 3, 2, 3, 2, 3]).max_dim(2).max_dim(4);
        let difference = (max_pool(images) - expected.reshape([2, 3, 3, 3])).abs().max().into_scalar::<f32>();
        assert_eq!(difference, 0.0);
    }
}
