//! Residual networks of basic blocks (He et al. 2016), over images laid out as (example, row, column, channel).

use burn::module::{Module, Param};
use burn::nn::{BatchNorm, BatchNormConfig};
use burn::tensor::{Device, Tensor, activation};
use rand_chacha::ChaCha8Rng;

use super::convolution::{Convolution, Fan};
use super::dropout::dropout;
use super::pooling::{global_mean, max_pool_overlapping};
use super::strided_convolution::uniform_weights;
use crate::run::variation::Variation;
use crate::settings::Scale;

/// Channels of the four stages.
const WIDTHS: [usize; 4] = [64, 128, 256, 512];
/// Share of a new batch in the running statistics.
const MOMENTUM: f64 = 0.1;

/// What a residual network is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ResidualSizes {
    /// Blocks of each stage: 2-2-2-2 is ResNet-18, 3-4-6-3 is ResNet-34.
    pub(super) blocks: [usize; 4],
    /// How the images come in.
    pub(super) stem: Stem,
    /// Channels of the images.
    pub(super) channels: usize,
    /// Classes.
    pub(super) classes: usize,
    /// Probability with which features are dropped before the last layer, in training.
    pub(super) dropout: f64,
    /// Narrows all stages.
    pub(super) scale: Scale,
    /// Widens or narrows them again.
    pub(super) variation: Variation,
}

/// The first layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stem {
    /// 3 by 3, which keeps the size: for images of some 30 pixels a side.
    Small,
    /// 7 by 7 and a pooling, which leave a quarter of each side: for photographs.
    Large,
}

/// The network.
#[derive(Module, Debug)]
pub struct ResidualNetwork {
    stem: NormalisedConvolution,
    blocks: Vec<BasicBlock>,
    head_weight: Param<Tensor<2>>,
    head_bias: Param<Tensor<1>>,
    #[module(skip)]
    stem_is_pooled: bool,
    #[module(skip)]
    dropout: f64,
}

impl ResidualNetwork {
    /// A fresh network, its weights drawn as torchvision draws them.
    pub(super) fn new(sizes: ResidualSizes, device: &Device, random: &mut ChaCha8Rng) -> Self {
        let widths = WIDTHS.map(|width| sizes.variation.width_of(sizes.scale.of(width)));
        let (kernel, stride) = match sizes.stem {
            Stem::Small => (3, 1),
            Stem::Large => (7, 2),
        };
        let stem = NormalisedConvolution::new([sizes.channels, widths[0]], kernel, stride, device, random);
        let mut blocks = Vec::new();
        let mut inputs = widths[0];
        for (stage, (&outputs, count)) in widths.iter().zip(sizes.blocks).enumerate() {
            for block in 0..count {
                let stride = if stage > 0 && block == 0 { 2 } else { 1 };
                blocks.push(BasicBlock::new([inputs, outputs], stride, device, random));
                inputs = outputs;
            }
        }
        let (head_weight, head_bias) = uniform_weights(inputs, sizes.classes, device, random);
        let stem_is_pooled = sizes.stem == Stem::Large;
        Self { stem, blocks, head_weight, head_bias, stem_is_pooled, dropout: sizes.dropout }
    }

    /// Logits of `images`. Dropout is for training: it needs a generator.
    pub(super) fn logits(&self, images: Tensor<4>, random: Option<&mut ChaCha8Rng>) -> Tensor<2> {
        let mut features = activation::relu(self.stem.forward(images));
        if self.stem_is_pooled {
            features = max_pool_overlapping(features);
        }
        for block in &self.blocks {
            features = block.forward(features);
        }
        let mut pooled = global_mean(features);
        if let Some(random) = random.filter(|_| self.dropout > 0.0) {
            pooled = dropout(pooled, self.dropout, random);
        }
        pooled.matmul(self.head_weight.val()) + self.head_bias.val().unsqueeze()
    }

    /// The network with the statistics of its activations gathered anew: their mean over `batches`.
    ///
    /// Nothing is shared with this network.
    pub(super) fn gathered_anew(&self, batches: impl Iterator<Item = Tensor<4>>) -> Self {
        // A clone would share its running statistics with the original.
        let mut network = self.valid().train();
        for (known, batch) in batches.enumerate() {
            network.set_momentum(1.0 / (known + 1) as f64);
            network.logits(batch, None);
        }
        network.set_momentum(MOMENTUM);
        network
    }

    fn set_momentum(&mut self, momentum: f64) {
        self.stem.norm.momentum = momentum;
        for block in &mut self.blocks {
            let parts = [&mut block.first, &mut block.second].into_iter().chain(block.shortcut.as_mut());
            parts.for_each(|part| part.norm.momentum = momentum);
        }
    }
}

/// A convolution without bias and the normalisation of its outputs.
#[derive(Module, Debug)]
struct NormalisedConvolution {
    convolution: Convolution,
    norm: BatchNorm,
}

impl NormalisedConvolution {
    fn new(channels: [usize; 2], kernel: usize, stride: usize, device: &Device, random: &mut ChaCha8Rng) -> Self {
        Self {
            convolution: Convolution::new(channels, kernel, stride, Fan::Out, device, random),
            norm: BatchNormConfig::new(channels[1]).with_momentum(MOMENTUM).init(device),
        }
    }

    fn forward(&self, images: Tensor<4>) -> Tensor<4> {
        let outputs = self.convolution.forward(images);
        let shape = outputs.dims();
        // The framework normalises the second axis: places are examples to it.
        self.norm.forward(outputs.reshape([shape[0] * shape[1] * shape[2], shape[3]])).reshape(shape)
    }
}

/// Two convolutions, and a way around them.
#[derive(Module, Debug)]
struct BasicBlock {
    first: NormalisedConvolution,
    second: NormalisedConvolution,
    /// Where size or channels change; else the inputs go around as they are.
    shortcut: Option<NormalisedConvolution>,
}

impl BasicBlock {
    fn new([inputs, outputs]: [usize; 2], stride: usize, device: &Device, random: &mut ChaCha8Rng) -> Self {
        Self {
            first: NormalisedConvolution::new([inputs, outputs], 3, stride, device, random),
            second: NormalisedConvolution::new([outputs, outputs], 3, 1, device, random),
            shortcut: (stride > 1 || inputs != outputs)
                .then(|| NormalisedConvolution::new([inputs, outputs], 1, stride, device, random)),
        }
    }

    fn forward(&self, images: Tensor<4>) -> Tensor<4> {
        let inner = activation::relu(self.first.forward(images.clone()));
        let around = match &self.shortcut {
            Some(shortcut) => shortcut.forward(images),
            None => images,
        };
        activation::relu(self.second.forward(inner) + around)
    }
}

#[cfg(test)]
mod tests;
