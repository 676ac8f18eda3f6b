//! The task `mnist1d-cnn`: MNIST-1D digits and the small convolutional network of the data set's authors.

use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor, TensorData, activation, s};
use lodecast::{Direction, Metric};
use rand_chacha::ChaCha8Rng;

use super::classification::{self, Tally};
use super::entry::TaskEntry;
use super::strided_convolution::{StridedConvolution, uniform_weights};
use crate::data::mnist1d::{CLASSES, Digits, LENGTH, Templates};
use crate::error::{Error, Result};
use crate::optimizers::OptimizerKind;
use crate::run::length::Length;
use crate::run::task::{Evaluation, Split, Task};
use crate::run::variation::Variation;
use crate::settings::{Scale, TaskSettings};

const NAME: &str = "mnist1d-cnn";
pub(super) const ENTRY: TaskEntry = TaskEntry {
    name: NAME,
    describes: "three convolutions of 25 channels on one-dimensional digits",
    needs: None,
    open: |settings| Ok(Box::new(Mnist1dCnn::open(settings)?)),
};
const CHANNELS: usize = 25;
const KERNELS: [usize; 3] = [5, 3, 3];
/// Examples evaluated at a time: few enough that the activations stay in the processor's cache.
const EVALUATION_BATCH: usize = 125;

/// How many digits each split has, and the seed they are drawn with. It stays the same over all runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mnist1dSizes {
    /// Training digits.
    pub train: usize,
    /// Validation digits, which methods see.
    pub validation: usize,
    /// Test digits, for the final report only.
    pub test: usize,
    /// Seed of the generator.
    pub seed: u64,
}

impl Default for Mnist1dSizes {
    /// The 4,000 training digits of the original, and 1,000 for each other split.
    fn default() -> Self {
        Self { train: 4000, validation: 1000, test: 1000, seed: 42 }
    }
}

/// The task: three convolutions of 25 channels, then a linear layer, on generated digits.
#[derive(Debug)]
pub struct Mnist1dCnn {
    sizes: Mnist1dSizes,
    variation: Variation,
    device: Device,
    train: Examples,
    validation: Examples,
    test: Examples,
}

#[derive(Debug)]
struct Examples {
    /// (example, place, channel)
    signals: Tensor<3>,
    classes: Vec<u8>,
}

impl Examples {
    fn new(digits: Digits, device: &Device) -> Self {
        let values: Vec<f32> = digits.values.iter().map(|&value| value as f32).collect();
        let signals = Tensor::from_data(TensorData::new(values, [digits.len(), LENGTH, 1]), device);
        Self { signals, classes: digits.classes }
    }
}

impl Mnist1dCnn {
    /// The task with its default sizes.
    ///
    /// # Errors
    /// If a scale or data is asked for: the digits are drawn, not read, and few as they are.
    pub(super) fn open(settings: &TaskSettings) -> Result<Self> {
        let refuse = |name, value, remedy| Err(Error::Setting { name, value, remedy });
        if settings.scale != Scale::FULL {
            return refuse("scale", settings.scale.to_string(), "mnist1d-cnn is small as it is: leave the scale out");
        }
        if let Some(data) = &settings.data {
            return refuse("data", data.display().to_string(), "mnist1d-cnn draws its digits: leave the data out");
        }
        Self::varied(Mnist1dSizes::default(), settings.variation, &settings.device.open()?)
    }

    /// Draws the digits and puts them on `device`.
    ///
    /// # Errors
    /// If a split is empty.
    pub fn new(sizes: Mnist1dSizes, device: &Device) -> Result<Self> {
        Self::varied(sizes, Variation::default(), device)
    }

    /// The same with a variation. Another seed of the data is one of the templates, too.
    ///
    /// # Errors
    /// If a split is empty, or the variation out of its ranges.
    pub fn varied(sizes: Mnist1dSizes, variation: Variation, device: &Device) -> Result<Self> {
        variation.check()?;
        for (name, value) in [("train", sizes.train), ("validation", sizes.validation), ("test", sizes.test)] {
            if value == 0 {
                return Err(Error::Setting { name, value: "0".to_owned(), remedy: "take at least one digit" });
            }
        }
        let templates = variation.data_seed.map_or_else(Templates::default, Templates::draw);
        let seed = variation.data_seed.unwrap_or(sizes.seed);
        let [mut train, mut validation, mut test] = [(sizes.train, 0), (sizes.validation, 1), (sizes.test, 2)]
            .map(|(count, stream)| Digits::generate_from(&templates, count, seed, stream));
        let used = variation.used_examples(train.len());
        if used.len() < train.len() {
            train = train.select(&used);
        }
        for (example, class) in train.classes.iter_mut().enumerate() {
            *class = variation.noisy_class(example, u32::from(*class), CLASSES as u32) as u8;
        }
        let (mean, deviation) = train.mean_and_deviation();
        for digits in [&mut train, &mut validation, &mut test] {
            digits.standardise(mean, deviation);
        }
        let [train, validation, test] = [train, validation, test].map(|digits| Examples::new(digits, device));
        let sizes = Mnist1dSizes { train: train.classes.len(), seed, ..sizes };
        Ok(Self { sizes, variation, device: device.clone(), train, validation, test })
    }
}

/// The network: convolutions over (example, place, channel), then one linear layer.
#[derive(Module, Debug)]
pub struct Network {
    convolutions: Vec<StridedConvolution>,
    head_weight: Param<Tensor<2>>,
    head_bias: Param<Tensor<1>>,
}

impl Network {
    /// A fresh network with `channels` in each layer.
    fn new(channels: usize, device: &Device, random: &mut ChaCha8Rng) -> Self {
        let (mut inputs, mut places) = (1, LENGTH);
        let mut convolutions = Vec::with_capacity(KERNELS.len());
        for kernel in KERNELS {
            convolutions.push(StridedConvolution::new(inputs, channels, kernel, device, random));
            (inputs, places) = (channels, StridedConvolution::output_places(places, kernel));
        }
        let (head_weight, head_bias) = uniform_weights(places * channels, CLASSES, device, random);
        Self { convolutions, head_weight, head_bias }
    }

    fn logits(&self, signals: Tensor<3>) -> Tensor<2> {
        let features =
            self.convolutions.iter().fold(signals, |signals, layer| activation::relu(layer.forward(signals)));
        features.flatten::<2>(1, 2).matmul(self.head_weight.val()) + self.head_bias.val().unsqueeze()
    }
}

impl Task for Mnist1dCnn {
    type Model = Network;
    type Batch = (Tensor<3>, Tensor<1, Int>);

    fn name(&self) -> &str {
        NAME
    }

    fn description(&self) -> String {
        let Mnist1dSizes { train, validation, test, seed } = self.sizes;
        format!("{train} training, {validation} validation and {test} test digits of seed {seed}")
    }

    fn variation(&self) -> Variation {
        self.variation
    }

    fn metric(&self) -> Metric {
        Metric::new("val_accuracy", Direction::Max)
    }

    fn default_length(&self) -> Length {
        Length { epochs: 20, batch_size: 100, points_per_epoch: 5 }
    }

    fn peak_learning_rates(&self, optimizer: OptimizerKind) -> Vec<f64> {
        match optimizer {
            OptimizerKind::Sgd => vec![0.01, 0.02, 0.04, 0.08, 0.16, 0.32],
            OptimizerKind::Adam | OptimizerKind::AdamW => vec![0.001, 0.002, 0.004, 0.008, 0.016, 0.032],
        }
    }

    fn train_examples(&self) -> usize {
        self.sizes.train
    }

    fn initial_model(&self, random: &mut ChaCha8Rng) -> Network {
        Network::new(self.variation.width_of(CHANNELS), &self.device.clone().autodiff(), random)
    }

    fn load(&self, batch: &[u32], _random: &mut ChaCha8Rng) -> Result<(Tensor<3>, Tensor<1, Int>)> {
        let indices = batch.iter().map(|&index| i64::from(index)).collect();
        let classes = batch.iter().map(|&index| i64::from(self.train.classes[index as usize])).collect();
        let on_device =
            |values: Vec<i64>| Tensor::<1, Int>::from_data(TensorData::new(values, [batch.len()]), &self.device);
        Ok((self.train.signals.clone().select(0, on_device(indices)), on_device(classes)))
    }

    fn loss(
        &self,
        model: &Network,
        (signals, classes): (Tensor<3>, Tensor<1, Int>),
        _random: &mut ChaCha8Rng,
    ) -> Tensor<1> {
        let logits = model.logits(Tensor::from_inner(signals));
        classification::cross_entropy(logits, Tensor::from_inner(classes))
    }

    fn evaluate(&self, model: &Network, split: Split) -> Result<Evaluation> {
        let examples = match split {
            Split::Validation => &self.validation,
            Split::Test => &self.test,
        };
        let count = examples.classes.len();
        let mut tally = Tally::default();
        for start in (0..count).step_by(EVALUATION_BATCH) {
            let end = count.min(start + EVALUATION_BATCH);
            let logits = model.logits(examples.signals.clone().slice(s![start..end]));
            tally.add(logits, examples.classes[start..end].iter().map(|&class| usize::from(class)));
        }
        Ok(tally.evaluation())
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn varied(variation: Variation) -> Mnist1dCnn {
        let sizes = Mnist1dSizes { train: 1000, validation: 50, test: 60, ..Mnist1dSizes::default() };
        Mnist1dCnn::varied(sizes, variation, &Device::flex()).unwrap()
    }

    fn numbers(examples: &Examples) -> Vec<f32> {
        examples.signals.clone().into_data().iter::<f32>().collect()
    }

    #[test]
    fn the_network_has_the_published_size_and_others_at_other_widths() {
        let count = |width| {
            let task = varied(Variation { width, ..Variation::default() });
            task.initial_model(&mut ChaCha8Rng::seed_from_u64(1)).num_params()
        };
        // Table 1 of arXiv 2011.14439.
        assert_eq!(count(1.0), 5210);
        // Of 50 and 13 channels: 5 c + c, twice 3 c c + c, and 5 c 10 + 10.
        assert_eq!(count(2.0), 300 + 2 * (150 * 50 + 50) + 2510);
        assert_eq!(count(0.5), 78 + 2 * (39 * 13 + 13) + 660);
    }

    #[test]
    fn labels_are_wrong_in_training_only() {
        let (plain, noisy) =
            (varied(Variation::default()), varied(Variation { label_noise: 0.4, ..Variation::default() }));
        let changed = plain.train.classes.iter().zip(&noisy.train.classes).filter(|(plain, noisy)| plain != noisy);
        // Four standard deviations of a thousand draws.
        assert!((changed.count() as f64 / 1000.0 - 0.4).abs() < 0.062);
        assert_eq!(noisy.validation.classes, plain.validation.classes);
        assert_eq!(noisy.test.classes, plain.test.classes);
        assert_eq!(numbers(&noisy.train), numbers(&plain.train));
    }

    #[test]
    fn half_the_data_is_every_other_digit_and_another_set_is_another() {
        let (plain, half) =
            (varied(Variation::default()), varied(Variation { data_share: 0.5, ..Variation::default() }));
        assert_eq!(half.train_examples(), 500);
        let every_other: Vec<u8> = plain.train.classes.iter().copied().step_by(2).collect();
        assert_eq!(half.train.classes, every_other);
        let other = varied(Variation { data_seed: Some(7), ..Variation::default() });
        assert_ne!(numbers(&other.test), numbers(&plain.test));
        assert_eq!(Task::description(&other), "1000 training, 50 validation and 60 test digits of seed 7");
    }
}
