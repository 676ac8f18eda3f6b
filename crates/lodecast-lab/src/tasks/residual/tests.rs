use burn::tensor::{Int, TensorData};
use rand::SeedableRng;

use super::*;
use crate::run::weights::{gradient, weights, with_weights};
use crate::tasks::classification::cross_entropy;

fn sizes(blocks: [usize; 4], stem: Stem, classes: usize) -> ResidualSizes {
    ResidualSizes { blocks, stem, channels: 3, classes, scale: Scale::FULL, variation: Variation::default() }
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().iter::<f32>().map(f64::from).collect()
}

#[test]
fn the_networks_have_the_published_sizes() {
    let trained = |sizes| {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let network = ResidualNetwork::new(sizes, &Device::flex().autodiff(), &mut random);
        weights(&network).shape().num_elements()
    };
    // torchvision 0.29.2's resnet18() and resnet34() have no projection in the first stage: 64*64 and a normalisation of 64.
    let projection = 64 * 64 + 2 * 64;
    assert_eq!(trained(sizes([2, 2, 2, 2], Stem::Large, 1000)), 11_689_512 + projection);
    assert_eq!(trained(sizes([3, 4, 6, 3], Stem::Large, 1000)), 21_797_672 + projection);
    // For Fashion-MNIST: a stem of 3 by 3 over one channel instead of 7 by 7 over three, and 10 classes instead of 1000.
    let clothing = ResidualSizes { channels: 1, ..sizes([2, 2, 2, 2], Stem::Small, 10) };
    assert_eq!(trained(clothing), 11_689_512 + projection - (49 * 3 - 9) * 64 - 990 * (512 + 1));
    // Half as wide is as narrow as half the scale.
    let halves = |scale: f64, width: f64| ResidualSizes {
        scale: Scale::new(scale).unwrap(),
        variation: Variation { width, ..Variation::default() },
        ..sizes([1, 1, 1, 1], Stem::Small, 10)
    };
    assert_eq!(trained(halves(0.5, 0.5)), trained(halves(0.25, 1.0)));
    assert!(trained(halves(0.25, 2.0)) > trained(halves(0.25, 1.0)));
}

/// A network of widths 2-4-8-16 whose every weight is a sine, and four images that are cosines.
fn sines(stem: Stem, size: usize) -> (ResidualNetwork, Tensor<4>) {
    let device = Device::flex().autodiff();
    let sizes = ResidualSizes { scale: Scale::new(1.0 / 32.0).unwrap(), ..sizes([2, 1, 1, 1], stem, 5) };
    let network = ResidualNetwork::new(sizes, &device, &mut ChaCha8Rng::seed_from_u64(1));
    let count = weights(&network).shape().num_elements();
    let all: Vec<f32> = (0..count).map(|i| (0.5 * (1.7 * i as f64 + 0.3).sin()) as f32).collect();
    let network = with_weights(network, Tensor::from_data(TensorData::new(all, [count]), &Device::flex()));
    let pixels: Vec<f32> = (0..4 * size * size * 3).map(|i| (0.5 + (0.9 * i as f64).cos()) as f32).collect();
    (network, Tensor::from_data(TensorData::new(pixels, [4, size, size, 3]), &device))
}

/// Of the same network in PyTorch 2.15.0, in double precision, from `conv2d`, `batch_norm` (its running variance that of the
/// batch, as in burn) and `max_pool2d`.
struct Expected {
    weights: usize,
    loss: f64,
    first_logits: [f64; 5],
    gradient_length: f64,
    first_gradient: f64,
    stem_means: [f64; 2],
    evaluated: [f64; 5],
}

fn assert_close(values: &[f64], expected: &[f64]) {
    assert_eq!(values.len(), expected.len());
    for (value, expected) in values.iter().zip(expected) {
        assert!((value - expected).abs() < 1e-4 * (1.0 + expected.abs()), "{values:?}, not {expected:?}");
    }
}

#[test]
fn values_gradients_and_running_statistics_are_those_of_torch() {
    let small = Expected {
        weights: 5183,
        loss: 1.705_889_975_1,
        first_logits: [-0.352_653_785_3, 0.411_286_181_1, 0.246_669_876_5, -0.474_850_296_4, -0.124_306_212_5],
        gradient_length: 2.837_001_730_7,
        first_gradient: -0.478_630_636_2,
        stem_means: [0.006_348_472_7, 0.010_237_727_3],
        evaluated: [-0.105_047_188_3, 0.410_455_252_8, -0.000_722_612_4, -0.410_269_054_1, 0.106_444_406_0],
    };
    let large = Expected {
        weights: 5423,
        loss: 1.622_190_702_3,
        first_logits: [-0.358_339_665_1, 0.752_205_528_5, 0.164_504_561_9, -0.794_596_564_3, 0.040_254_227_4],
        gradient_length: 34.777_893_217_4,
        first_gradient: 0.568_624_905_6,
        stem_means: [0.006_237_041_5, 0.019_423_497_9],
        evaluated: [-0.192_631_027_3, 0.620_485_777_7, 0.032_738_661_8, -0.628_922_166_5, 0.129_327_645_2],
    };
    for (stem, size, expected) in [(Stem::Small, 8, small), (Stem::Large, 32, large)] {
        let (network, images) = sines(stem, size);
        assert_eq!(weights(&network).shape().num_elements(), expected.weights);
        let logits = network.logits(images.clone());
        assert_close(&numbers(logits.clone().narrow(0, 0, 1)), &expected.first_logits);
        let classes = Tensor::<1, Int>::from_data([0, 1, 2, 3], &Device::flex().autodiff());
        let loss = cross_entropy(logits, classes);
        assert_close(&numbers(loss.clone()), &[expected.loss]);
        let gradient = numbers(gradient(loss.backward(), &network));
        let length = gradient.iter().map(|value| value * value).sum::<f64>().sqrt();
        // In single precision one gradient is as exact as all of them together.
        let share = expected.first_gradient / expected.gradient_length;
        assert_close(&[length, gradient[0] / length], &[expected.gradient_length, share]);

        let evaluated = network.valid();
        assert_close(&numbers(evaluated.stem.norm.running_mean.value()), &expected.stem_means);
        assert_close(&numbers(evaluated.logits(images.inner().narrow(0, 0, 1))), &expected.evaluated);
    }
}

#[test]
fn only_the_first_block_of_every_stage_has_a_projection() {
    let sizes = ResidualSizes { scale: Scale::new(1.0 / 32.0).unwrap(), ..sizes([2, 3, 1, 2], Stem::Small, 5) };
    let network = ResidualNetwork::new(sizes, &Device::flex(), &mut ChaCha8Rng::seed_from_u64(1));
    let projected: Vec<bool> = network.blocks.iter().map(|block| block.projection.is_some()).collect();
    assert_eq!(projected, [true, false, true, false, false, true, true, false]);
}

#[test]
fn statistics_are_gathered_anew_in_every_layer() {
    let (network, images) = sines(Stem::Small, 8);
    let mut gathered = network.gathered_anew(std::iter::once(images.clone()));
    // The stem, five blocks of two, and a projection in each of four stages.
    assert_eq!(gathered.layers().len(), 1 + 2 * 5 + 4);
    assert_eq!(numbers(weights(&gathered)), numbers(weights(&network)));
    // One batch alone: what it is normalised by in training and in evaluation is the same.
    let [trained, evaluated] = [network.logits(images.clone()), gathered.valid().logits(images.inner())];
    assert_close(&numbers(evaluated), &numbers(trained));
}
