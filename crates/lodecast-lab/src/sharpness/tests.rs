use burn::module::{Module, Param};
use burn::tensor::{Device, Int, activation};
use lodecast::{Direction, Metric};
use rand::SeedableRng;

use super::*;
use crate::optimizers::OptimizerKind;
use crate::run::length::Length;
use crate::run::task::{Evaluation, Split};

#[test]
fn lanczos_finds_the_eigenvalues_of_known_matrices() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    // The second difference on a line of 30 has the eigenvalues 2 - 2 cos(k pi / 31).
    let product = |v: &[f32]| -> Vec<f32> {
        let at = |index: usize| v.get(index).copied().unwrap_or(0.0);
        (0..30).map(|i| 2.0 * at(i) - at(i + 1) - if i > 0 { at(i - 1) } else { 0.0 }).collect()
    };
    let values = symmetric_eigenvalues(30, 4, 30, &mut random, product);
    for (k, value) in (27..=30).rev().zip(&values) {
        let expected = 2.0 - 2.0 * (std::f64::consts::PI * f64::from(k) / 31.0).cos();
        assert!((value - expected).abs() < 1e-5, "{k}: {value} is not {expected}");
    }
    // A multiple of the identity is exhausted after one product.
    let mut calls = 0;
    let values = symmetric_eigenvalues(50, 1, 20, &mut random, |v| {
        calls += 1;
        v.iter().map(|value| -3.0 * value).collect()
    });
    assert!((values[0] + 3.0).abs() < 1e-5 && calls == 1, "{values:?} {calls}");
    assert!(symmetric_eigenvalues(5, 1, 5, &mut random, |v| vec![f32::NAN; v.len()])[0].is_nan());
}

/// A perceptron 3-6-4 on 20 examples; every number is a sine.
struct Sines {
    device: Device,
}

#[derive(Module, Debug)]
struct Perceptron {
    first: Param<Tensor<2>>,
    first_bias: Param<Tensor<1>>,
    second: Param<Tensor<2>>,
    second_bias: Param<Tensor<1>>,
}

impl Task for Sines {
    type Model = Perceptron;
    type Batch = Vec<u32>;

    fn name(&self) -> &'static str {
        "sines"
    }

    fn description(&self) -> String {
        String::new()
    }

    fn metric(&self) -> Metric {
        Metric::new("val_accuracy", Direction::Max)
    }

    fn default_length(&self) -> Length {
        Length { epochs: 1, batch_size: 20, points_per_epoch: 1 }
    }

    fn peak_learning_rates(&self, _optimizer: OptimizerKind) -> Vec<f64> {
        Vec::new()
    }

    fn train_examples(&self) -> usize {
        20
    }

    fn initial_model(&self, _random: &mut ChaCha8Rng) -> Perceptron {
        let device = self.device.clone().autodiff();
        let all: Vec<f32> = (0..52).map(|i| (0.8 * (1.7 * f64::from(i) + 0.3).sin()) as f32).collect();
        let matrix = |part: &[f32], shape: [usize; 2]| Param::from_data(TensorData::new(part.to_vec(), shape), &device);
        let vector = |part: &[f32]| Param::from_data(TensorData::new(part.to_vec(), [part.len()]), &device);
        Perceptron {
            first: matrix(&all[..18], [3, 6]),
            first_bias: vector(&all[18..24]),
            second: matrix(&all[24..48], [6, 4]),
            second_bias: vector(&all[48..]),
        }
    }

    fn load(&self, batch: &[u32], _random: &mut ChaCha8Rng) -> Result<Vec<u32>> {
        Ok(batch.to_vec())
    }

    fn loss(&self, model: &Perceptron, batch: Vec<u32>, _random: &mut ChaCha8Rng) -> Tensor<1> {
        let inputs: Vec<f32> =
            batch.iter().flat_map(|e| (0..3).map(move |i| (1.5 * (0.9 * f64::from(3 * e + i)).cos()) as f32)).collect();
        let classes: Vec<i64> = batch.iter().map(|&e| i64::from((e * e + e / 3) % 4)).collect();
        let count = batch.len();
        let inputs = Tensor::<2>::from_inner(Tensor::from_data(TensorData::new(inputs, [count, 3]), &self.device));
        let classes = Tensor::<1, Int>::from_inner(Tensor::from_data(TensorData::new(classes, [count]), &self.device));
        let hidden = (inputs.matmul(model.first.val()) + model.first_bias.val().unsqueeze()).tanh();
        let logits = hidden.matmul(model.second.val()) + model.second_bias.val().unsqueeze();
        activation::log_softmax(logits, 1).gather(1, classes.unsqueeze_dim(1)).mean().neg()
    }

    fn evaluate(&self, _model: &Perceptron, _split: Split) -> Result<Evaluation> {
        Ok(Evaluation { loss: 0.0, metric: 0.0 })
    }
}

// PyTorch 2.15.0 in double precision: eigvalsh(torch.autograd.functional.hessian(loss, weights)).
const EXACT: [f64; 4] =
    [1.389_561_687_744_911_5, 1.239_063_007_600_454_7, 1.115_855_361_443_459, 0.942_898_211_267_261_7];

#[test]
fn differences_of_gradients_give_the_exact_eigenvalues() {
    let task = Sines { device: Device::flex() };
    let model = task.initial_model(&mut ChaCha8Rng::seed_from_u64(0));
    let all = Sharpness { eigenvalues: 4, iterations: 52, examples: 20 };
    let values = top_eigenvalues(&task, &model, &all).unwrap();
    for (value, exact) in values.iter().zip(EXACT) {
        assert!((value / exact - 1.0).abs() < 1e-3, "{values:?}");
    }
    assert_eq!(top_eigenvalues(&task, &model, &all).unwrap(), values, "equal input gives equal bits");
    let error = top_eigenvalues(&task, &model, &Sharpness { eigenvalues: 3, iterations: 2, examples: 20 }).unwrap_err();
    assert!(error.to_string().starts_with("eigenvalues = 3"), "{error}");
}
