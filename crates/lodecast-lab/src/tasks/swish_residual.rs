//! The residual network of 18 layers of the paper's CIFAR-100: swish, pooled stages and residuals that are let in by a learned
//! factor, over images laid out as (example, row, column, channel).

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData, activation};
use rand_chacha::ChaCha8Rng;

use super::convolution::Fan;
use super::dropout::dropout;
use super::normalised_convolution::{Normalised, NormalisedConvolution};
use super::pooling::{global_mean, max_pool_halving};
use super::strided_convolution::uniform_weights;
use crate::run::variation::Variation;
use crate::settings::Scale;

/// Channels of the convolutions before the first stage.
const STEM_WIDTHS: [usize; 3] = [32, 32, 64];
/// Channels of the stages.
const STAGE_WIDTHS: [usize; 4] = [64, 128, 256, 512];
const BLOCKS_A_STAGE: usize = 2;
/// Before the last layer.
const DROPOUT: f64 = 0.3;

/// The network.
#[derive(Module, Debug)]
pub struct SwishResidualNetwork {
    stem: Vec<NormalisedConvolution>,
    stages: Vec<Vec<SwishBlock>>,
    head_weight: Param<Tensor<2>>,
    head_bias: Param<Tensor<1>>,
}

impl SwishResidualNetwork {
    /// A fresh network for images of `channels`; its widths are narrowed by `scale`, and changed by `variation`.
    pub(super) fn new(
        [channels, classes]: [usize; 2],
        scale: Scale,
        variation: Variation,
        device: &Device,
        random: &mut ChaCha8Rng,
    ) -> Self {
        let of_width = |width| variation.width_of(scale.of(width));
        let mut inputs = channels;
        let mut stem = Vec::with_capacity(STEM_WIDTHS.len());
        for outputs in STEM_WIDTHS.map(of_width) {
            stem.push(convolution([inputs, outputs], 3, device, random));
            inputs = outputs;
        }
        let mut stages = Vec::with_capacity(STAGE_WIDTHS.len());
        for outputs in STAGE_WIDTHS.map(of_width) {
            let mut blocks = Vec::with_capacity(BLOCKS_A_STAGE);
            for _ in 0..BLOCKS_A_STAGE {
                blocks.push(SwishBlock::new([inputs, outputs], device, random));
                inputs = outputs;
            }
            stages.push(blocks);
        }
        let (head_weight, head_bias) = uniform_weights(inputs, classes, device, random);
        Self { stem, stages, head_weight, head_bias }
    }

    /// Logits of `images`, (example, class). Dropout is for training: it needs a generator.
    pub(super) fn logits(&self, images: Tensor<4>, random: Option<&mut ChaCha8Rng>) -> Tensor<2> {
        let mut features = images;
        for layer in &self.stem {
            features = activation::silu(layer.forward(features));
        }
        for (stage, blocks) in self.stages.iter().enumerate() {
            if stage > 0 {
                features = max_pool_halving(features);
            }
            for block in blocks {
                features = block.forward(features);
            }
        }
        let mut means = global_mean(features);
        if let Some(random) = random {
            means = dropout(means, DROPOUT, random);
        }
        means.matmul(self.head_weight.val()) + self.head_bias.val().unsqueeze()
    }
}

impl Normalised for SwishResidualNetwork {
    fn layers(&mut self) -> Vec<&mut NormalisedConvolution> {
        let blocks = self.stages.iter_mut().flatten();
        let of_blocks =
            blocks.flat_map(|block| [&mut block.first, &mut block.second].into_iter().chain(&mut block.shortcut));
        self.stem.iter_mut().chain(of_blocks).collect()
    }

    fn observe(&self, images: Tensor<4>) {
        self.logits(images, None);
    }
}

/// Normal weights of He et al. 2015 from the inputs, which is what "Kaiming normal" means where the paper's code is at home.
fn convolution(channels: [usize; 2], kernel: usize, device: &Device, random: &mut ChaCha8Rng) -> NormalisedConvolution {
    NormalisedConvolution::new(channels, kernel, 1, Fan::In, device, random)
}

/// Two convolutions beside a way around them, let in by a factor: a fresh block is the swish of its shortcut.
#[derive(Module, Debug)]
struct SwishBlock {
    first: NormalisedConvolution,
    second: NormalisedConvolution,
    /// Where the channels change; else the inputs go around as they are.
    shortcut: Option<NormalisedConvolution>,
    /// What the residual is multiplied by: one number, zero at first.
    gamma: Param<Tensor<1>>,
}

impl SwishBlock {
    fn new([inputs, outputs]: [usize; 2], device: &Device, random: &mut ChaCha8Rng) -> Self {
        Self {
            first: convolution([inputs, outputs], 3, device, random),
            second: convolution([outputs, outputs], 3, device, random),
            shortcut: (inputs != outputs).then(|| convolution([inputs, outputs], 1, device, random)),
            gamma: Param::from_data(TensorData::zeros::<f32, _>([1]), device),
        }
    }

    fn forward(&self, images: Tensor<4>) -> Tensor<4> {
        let inner = activation::silu(self.first.forward(images.clone()));
        let residual = self.second.forward(inner);
        let around = match &self.shortcut {
            Some(shortcut) => shortcut.forward(images),
            None => images,
        };
        activation::silu(around + residual * self.gamma.val().unsqueeze())
    }
}

#[cfg(test)]
mod tests;
