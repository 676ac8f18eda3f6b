//! A decoder-only transformer: causal self-attention and perceptrons over embedded words (Vaswani et al. 2017), with
//! normalisation before each part (Radford et al. 2019) and the embedding for the output layer, too.

use burn::module::{Module, Param};
use burn::nn::{LayerNorm, LayerNormConfig};
use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use rand_chacha::ChaCha8Rng;

use super::dropout::dropout;
use super::initial::normal_weights;

/// Standard deviation of the first weights.
const DEVIATION: f64 = 0.02;
/// Score of a word that lies in the future.
const UNSEEN: f32 = -1e9;

/// Sizes of a decoder.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct DecoderSizes {
    pub(super) vocabulary: usize,
    /// Words that are seen at most.
    pub(super) context: usize,
    /// Length of a word's vector, a multiple of the heads.
    pub(super) width: usize,
    pub(super) heads: usize,
    pub(super) layers: usize,
}

/// The network.
#[derive(Module, Debug)]
pub struct Decoder {
    /// (word, component)
    words: Param<Tensor<2>>,
    /// (place, component)
    places: Param<Tensor<2>>,
    layers: Vec<Layer>,
    norm: LayerNorm,
}

#[derive(Module, Debug)]
struct Layer {
    attention_norm: LayerNorm,
    attention: Attention,
    perceptron_norm: LayerNorm,
    rise: Linear,
    fall: Linear,
}

#[derive(Module, Debug)]
struct Attention {
    /// Queries, keys and values beside each other.
    input: Linear,
    output: Linear,
    #[module(skip)]
    heads: usize,
}

/// `x W + b`, with biases that start at zero.
#[derive(Module, Debug)]
struct Linear {
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

impl Linear {
    fn new(shape: [usize; 2], deviation: f64, device: &Device, random: &mut ChaCha8Rng) -> Self {
        let bias = Param::from_data(TensorData::new(vec![0.0_f32; shape[1]], [shape[1]]), device);
        Self { weight: normal_weights(shape, deviation, device, random), bias }
    }

    /// Of (example, place, component).
    fn forward(&self, values: Tensor<3>) -> Tensor<3> {
        let [examples, places, width] = values.dims();
        // One product of matrices is faster than one an example.
        let rows = values.reshape([examples * places, width]).matmul(self.weight.val()) + self.bias.val().unsqueeze();
        let outputs = rows.dims()[1];
        rows.reshape([examples, places, outputs])
    }
}

impl Attention {
    /// Of (example, place, component), each place looking at those that `unseen` does not rule out.
    fn forward(&self, values: Tensor<3>, unseen: &Tensor<4>) -> Tensor<3> {
        let [examples, places, width] = values.dims();
        let each = width / self.heads;
        let all = self.input.forward(values).reshape([examples, places, 3 * self.heads, each]).swap_dims(1, 2);
        let part = |index: usize| all.clone().narrow(1, index * self.heads, self.heads);
        let (queries, keys, contents) = (part(0), part(1), part(2));
        let scores = queries.matmul(keys.swap_dims(2, 3)) / (each as f64).sqrt() + unseen.clone();
        let seen = activation::softmax(scores, 3).matmul(contents);
        self.output.forward(seen.swap_dims(1, 2).reshape([examples, places, width]))
    }
}

/// What is added to scores so that no place sees one after it.
fn unseen(places: usize, device: &Device) -> Tensor<4> {
    let score = |index: usize| if index % places > index / places { UNSEEN } else { 0.0 };
    let values: Vec<f32> = (0..places * places).map(score).collect();
    Tensor::from_data(TensorData::new(values, [1, 1, places, places]), device)
}

impl Decoder {
    pub(super) fn new(sizes: DecoderSizes, device: &Device, random: &mut ChaCha8Rng) -> Self {
        let DecoderSizes { vocabulary, context, width, heads, layers } = sizes;
        // What is added up over the layers starts smaller.
        let added = DEVIATION / (2.0 * layers as f64).sqrt();
        let norm = || LayerNormConfig::new(width).init(device);
        let layer = |_| Layer {
            attention_norm: norm(),
            attention: Attention {
                input: Linear::new([width, 3 * width], DEVIATION, device, random),
                output: Linear::new([width, width], added, device, random),
                heads,
            },
            perceptron_norm: norm(),
            rise: Linear::new([width, 4 * width], DEVIATION, device, random),
            fall: Linear::new([4 * width, width], added, device, random),
        };
        let layers = (0..layers).map(layer).collect();
        Self {
            words: normal_weights([vocabulary, width], DEVIATION, device, random),
            places: normal_weights([context, width], DEVIATION, device, random),
            layers,
            norm: norm(),
        }
    }

    /// Logits of the next word, (example and place, word), for words given as (example, place).
    ///
    /// Dropout is for training: it takes a probability and a generator.
    pub(super) fn logits(&self, words: Tensor<2, Int>, training: Option<(f64, &mut ChaCha8Rng)>) -> Tensor<2> {
        let [examples, places] = words.dims();
        let unseen = unseen(places, &words.device());
        let mut training = training;
        let mut thinned = |values: Tensor<3>| match &mut training {
            Some((probability, random)) => dropout(values, *probability, random),
            None => values,
        };
        let table = self.words.val();
        let width = table.dims()[1];
        let embedded = table.clone().select(0, words.flatten::<1>(0, 1)).reshape([examples, places, width]);
        let mut values = thinned(embedded + self.places.val().narrow(0, 0, places).unsqueeze());
        for layer in &self.layers {
            let attended = layer.attention.forward(layer.attention_norm.forward(values.clone()), &unseen);
            values = values + thinned(attended);
            let risen = activation::gelu(layer.rise.forward(layer.perceptron_norm.forward(values.clone())));
            values = values + thinned(layer.fall.forward(risen));
        }
        self.norm.forward(values).reshape([examples * places, width]).matmul(table.transpose())
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    const SIZES: DecoderSizes = DecoderSizes { vocabulary: 11, context: 5, width: 8, heads: 2, layers: 2 };

    fn words(values: [[i64; 5]; 1]) -> Tensor<2, Int> {
        Tensor::from_data(values, &Device::flex())
    }

    fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().iter::<f32>().collect()
    }

    #[test]
    fn no_place_sees_a_later_word() {
        let decoder = Decoder::new(SIZES, &Device::flex(), &mut ChaCha8Rng::seed_from_u64(1));
        let before = numbers(decoder.logits(words([[1, 2, 3, 4, 5]]), None));
        let after = numbers(decoder.logits(words([[1, 2, 3, 9, 10]]), None));
        assert_eq!(before[..3 * 11], after[..3 * 11]);
        assert_ne!(before[3 * 11..4 * 11], after[3 * 11..4 * 11]);
        // And it does see the earlier ones.
        let other = numbers(decoder.logits(words([[7, 2, 3, 4, 5]]), None));
        assert_ne!(before[4 * 11..], other[4 * 11..]);
    }

    #[test]
    fn attention_of_one_head_is_the_formula() {
        let mut random = ChaCha8Rng::seed_from_u64(2);
        let device = Device::flex();
        let attention = Attention {
            input: Linear::new([2, 6], 1.0, &device, &mut random),
            output: Linear::new([2, 2], 1.0, &device, &mut random),
            heads: 1,
        };
        let values = [[0.3_f32, -0.7], [1.1, 0.4], [-0.2, 0.9]];
        let found =
            numbers(attention.forward(Tensor::<2>::from_data(values, &device).unsqueeze(), &unseen(3, &device)));
        let (input, output) = (numbers(attention.input.weight.val()), numbers(attention.output.weight.val()));
        let times = |row: &[f32], weight: &[f32], outputs: usize| -> Vec<f32> {
            (0..outputs).map(|j| (0..row.len()).map(|i| row[i] * weight[i * outputs + j]).sum()).collect()
        };
        let rows: Vec<Vec<f32>> = values.iter().map(|row| times(row, &input, 6)).collect();
        for place in 0..3 {
            let score = |other: usize| -> f32 {
                let dot: f32 = (0..2).map(|k| rows[place][k] * rows[other][2 + k]).sum();
                (dot / 2.0_f32.sqrt()).exp()
            };
            let total: f32 = (0..=place).map(score).sum();
            let mixed: Vec<f32> =
                (0..2).map(|k| (0..=place).map(|other| score(other) / total * rows[other][4 + k]).sum()).collect();
            for (k, expected) in times(&mixed, &output, 2).into_iter().enumerate() {
                assert!((found[place * 2 + k] - expected).abs() < 1e-5, "{found:?} {expected}");
            }
        }
    }

    #[test]
    fn weights_are_counted() {
        let decoder = Decoder::new(SIZES, &Device::flex(), &mut ChaCha8Rng::seed_from_u64(1));
        let layer = 2 * 16 + (8 * 24 + 24) + (64 + 8) + (8 * 32 + 32) + (32 * 8 + 8);
        assert_eq!(decoder.num_params(), 11 * 8 + 5 * 8 + 2 * layer + 16);
    }
}
