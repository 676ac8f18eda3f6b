//! Residual networks of basic blocks (He et al. 2016) with a projection in the first of every stage, over images laid out as
//! (example, row, column, channel).

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, activation};
use rand_chacha::ChaCha8Rng;

use super::convolution::Fan;
use super::normalised_convolution::{Normalised, NormalisedConvolution};
use super::pooling::{global_mean, max_pool_overlapping};
use super::strided_convolution::uniform_weights;
use crate::run::variation::Variation;
use crate::settings::Scale;

/// Channels of the four stages.
const WIDTHS: [usize; 4] = [64, 128, 256, 512];

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
}

impl ResidualNetwork {
    /// A fresh network, its weights drawn as torchvision draws them.
    pub(super) fn new(sizes: ResidualSizes, device: &Device, random: &mut ChaCha8Rng) -> Self {
        let widths = WIDTHS.map(|width| sizes.variation.width_of(sizes.scale.of(width)));
        let (kernel, stride) = match sizes.stem {
            Stem::Small => (3, 1),
            Stem::Large => (7, 2),
        };
        let stem = NormalisedConvolution::new([sizes.channels, widths[0]], kernel, stride, Fan::Out, device, random);
        let mut blocks = Vec::new();
        let mut inputs = widths[0];
        for (stage, (&outputs, count)) in widths.iter().zip(sizes.blocks).enumerate() {
            let stride = if stage > 0 { 2 } else { 1 };
            for block in 0..count {
                let place = if block == 0 { Place::First { stride } } else { Place::Later };
                blocks.push(BasicBlock::new([inputs, outputs], place, device, random));
                inputs = outputs;
            }
        }
        let (head_weight, head_bias) = uniform_weights(inputs, sizes.classes, device, random);
        let stem_is_pooled = sizes.stem == Stem::Large;
        Self { stem, blocks, head_weight, head_bias, stem_is_pooled }
    }

    /// Logits of `images`, (example, class).
    pub(super) fn logits(&self, images: Tensor<4>) -> Tensor<2> {
        let mut features = activation::relu(self.stem.forward(images));
        if self.stem_is_pooled {
            features = max_pool_overlapping(features);
        }
        for block in &self.blocks {
            features = block.forward(features);
        }
        global_mean(features).matmul(self.head_weight.val()) + self.head_bias.val().unsqueeze()
    }
}

impl Normalised for ResidualNetwork {
    fn layers(&mut self) -> Vec<&mut NormalisedConvolution> {
        let blocks = self.blocks.iter_mut();
        let of_blocks =
            blocks.flat_map(|block| [&mut block.first, &mut block.second].into_iter().chain(&mut block.projection));
        std::iter::once(&mut self.stem).chain(of_blocks).collect()
    }

    fn observe(&self, images: Tensor<4>) {
        self.logits(images);
    }
}

/// Where in its stage a block is.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// At its beginning, where the sides of the image are divided by the stride.
    First {
        stride: usize,
    },
    Later,
}

/// Two convolutions, and a way around them.
#[derive(Module, Debug)]
struct BasicBlock {
    first: NormalisedConvolution,
    second: NormalisedConvolution,
    /// In the first block of every stage, also where the shapes agree; else the inputs go around as they are.
    projection: Option<NormalisedConvolution>,
}

impl BasicBlock {
    fn new([inputs, outputs]: [usize; 2], place: Place, device: &Device, random: &mut ChaCha8Rng) -> Self {
        let mut layer = |inputs, kernel, stride| {
            NormalisedConvolution::new([inputs, outputs], kernel, stride, Fan::Out, device, random)
        };
        match place {
            Place::First { stride } => Self {
                first: layer(inputs, 3, stride),
                second: layer(outputs, 3, 1),
                projection: Some(layer(inputs, 1, stride)),
            },
            Place::Later => Self { first: layer(inputs, 3, 1), second: layer(outputs, 3, 1), projection: None },
        }
    }

    fn forward(&self, images: Tensor<4>) -> Tensor<4> {
        let inner = activation::relu(self.first.forward(images.clone()));
        let around = match &self.projection {
            Some(projection) => projection.forward(images),
            None => images,
        };
        activation::relu(self.second.forward(inner) + around)
    }
}

#[cfg(test)]
mod tests;
