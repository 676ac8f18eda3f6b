use burn::tensor::{Int, TensorData};
use rand::SeedableRng;

use super::*;
use crate::run::weights::{gradient, weights, with_weights};
use crate::tasks::classification::cross_entropy;

fn sizes(blocks: [usize; 4], stem: Stem, classes: usize) -> ResidualSizes {
    ResidualSizes {
        blocks,
        stem,
        channels: 3,
        classes,
        dropout: 0.0,
        scale: Scale::FULL,
        variation: Variation::default(),
    }
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
    // torchvision 0.29.2's resnet18() and resnet34().
    assert_eq!(trained(sizes([2, 2, 2, 2], Stem::Large, 1000)), 11_689_512);
    assert_eq!(trained(sizes([3, 4, 6, 3], Stem::Large, 1000)), 21_797_672);
    // ResNet-18 with a stem of 3 by 3 instead of 7 by 7, and 100 classes instead of 1000.
    let small = 11_689_512 - (49 - 9) * 3 * 64 - 900 * (512 + 1);
    assert_eq!(trained(sizes([2, 2, 2, 2], Stem::Small, 100)), small);
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
        weights: 5175,
        loss: 1.611_515_738_929_539,
        first_logits: [-0.557_482_797_5, 0.528_002_037_4, 0.421_422_486_5, -0.636_597_971_7, -0.257_378_199_0],
        gradient_length: 43.973_312_760_3,
        first_gradient: 10.310_519_314_6,
        stem_means: [0.006_348_470_9, 0.010_237_729_4],
        evaluated: [-0.514_912_608_9, 0.561_805_412_3, 0.370_141_540_5, -0.657_186_811_5, -0.200_791_735_7],
    };
    let large = Expected {
        weights: 5415,
        loss: 1.540_136_877_256_8,
        first_logits: [-0.688_525_498_6, 0.236_078_173_3, 0.627_690_752_9, -0.397_827_168_6, -0.525_175_072_2],
        gradient_length: 46.941_394_238_7,
        first_gradient: -1.503_299_756_0,
        stem_means: [0.006_237_047_9, 0.019_423_499_7],
        evaluated: [-0.709_845_860_3, 0.258_561_324_3, 0.643_217_454_1, -0.424_311_379_5, -0.533_877_083_9],
    };
    for (stem, size, expected) in [(Stem::Small, 8, small), (Stem::Large, 32, large)] {
        let (network, images) = sines(stem, size);
        assert_eq!(weights(&network).shape().num_elements(), expected.weights);
        let logits = network.logits(images.clone(), None);
        assert_close(&numbers(logits.clone().narrow(0, 0, 1)), &expected.first_logits);
        let classes = Tensor::<1, Int>::from_data([0, 1, 2, 3], &Device::flex().autodiff());
        let loss = cross_entropy(logits, classes);
        assert_close(&numbers(loss.clone()), &[expected.loss]);
        let gradient = numbers(gradient(loss.backward(), &network));
        let length = gradient.iter().map(|value| value * value).sum::<f64>().sqrt();
        assert_close(&[length, gradient[0]], &[expected.gradient_length, expected.first_gradient]);

        let evaluated = network.valid();
        assert_close(&numbers(evaluated.stem.norm.running_mean.value()), &expected.stem_means);
        assert_close(&numbers(evaluated.logits(images.inner().narrow(0, 0, 1), None)), &expected.evaluated);
    }
}

#[test]
fn statistics_gathered_anew_are_means_over_the_batches_and_nobody_elses() {
    let (network, images) = sines(Stem::Small, 8);
    network.logits(images.clone(), None);
    let before = numbers(network.valid().stem.norm.running_mean.value());
    let halves = [images.clone().narrow(0, 0, 2), images.clone().narrow(0, 2, 2)];
    let gathered = network.gathered_anew(halves.into_iter());
    assert_eq!(numbers(network.valid().stem.norm.running_mean.value()), before);

    // The first layer's inputs are the same in every batch: its mean over halves is that over the whole.
    let of_whole = network.stem.convolution.forward(images.clone()).mean_dims(&[0, 1, 2]).reshape([2]);
    assert_close(&numbers(gathered.valid().stem.norm.running_mean.value()), &numbers(of_whole));
    // And it goes on with its usual momentum.
    assert_eq!(gathered.stem.norm.momentum, MOMENTUM);
    assert_eq!(numbers(weights(&gathered)), numbers(weights(&network)));
    // One batch alone: what it is normalised by in training and in evaluation is the same.
    let once = network.gathered_anew(std::iter::once(images.clone()));
    let [trained, evaluated] = [network.logits(images.clone(), None), once.valid().logits(images.inner(), None)];
    assert_close(&numbers(evaluated), &numbers(trained));
}
