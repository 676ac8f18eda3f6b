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
}
