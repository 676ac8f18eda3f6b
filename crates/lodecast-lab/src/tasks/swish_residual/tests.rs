use burn::tensor::Int;
use rand::SeedableRng;

use super::*;
use crate::run::weights::{gradient, weights, with_weights};
use crate::tasks::classification::cross_entropy;

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().iter::<f32>().map(f64::from).collect()
}

fn assert_close(values: &[f64], expected: &[f64]) {
    assert_eq!(values.len(), expected.len());
    for (value, expected) in values.iter().zip(expected) {
        assert!((value - expected).abs() < 1e-4 * (1.0 + expected.abs()), "{values:?}, not {expected:?}");
    }
}

fn network(scale: f64, width: f64, classes: usize) -> SwishResidualNetwork {
    let variation = Variation { width, ..Variation::default() };
    let device = Device::flex().autodiff();
    let scale = Scale::new(scale).unwrap();
    SwishResidualNetwork::new([3, classes], scale, variation, &device, &mut ChaCha8Rng::seed_from_u64(1))
}

fn cosines(shape: [usize; 4]) -> Tensor<4> {
    let values: Vec<f32> = (0..shape.iter().product::<usize>()).map(|i| (0.9 * i as f64).cos() as f32).collect();
    Tensor::from_data(TensorData::new(values, shape), &Device::flex().autodiff())
}

fn swish(value: f64) -> f64 {
    value / (1.0 + (-value).exp())
}

#[test]
fn the_full_network_has_the_size_that_follows_from_its_widths() {
    let trained = |network: &SwishResidualNetwork| weights(network).shape().num_elements();
    // Convolutions have no bias; each normalisation has two weights a channel, each block one gamma.
    // Stem: 9*3*32 + 9*32*32 + 9*32*64, and 2*(32 + 32 + 64).
    let stem = 864 + 9216 + 18_432 + 256;
    // Stage of 64: four times 9*64*64 + 2*64, and two gammas.
    let first = 4 * (36_864 + 128) + 2;
    // Each other stage of w channels: 9*w/2*w + 3*9*w*w, the 1 by 1 w/2*w, five normalisations 2*w, two gammas.
    let stage = |w: usize| 9 * w * w / 2 + 27 * w * w + w * w / 2 + 10 * w + 2;
    let full = stem + first + stage(128) + stage(256) + stage(512) + 512 * 100 + 100;
    assert_eq!(full, 11_247_052);
    assert_eq!(trained(&network(1.0, 1.0, 100)), full);
    // Half as wide is as narrow as half the scale.
    assert_eq!(trained(&network(0.125, 0.5, 10)), trained(&network(0.0625, 1.0, 10)));
    assert!(trained(&network(0.125, 2.0, 10)) > trained(&network(0.125, 1.0, 10)));
}

#[test]
fn convolutions_start_with_kaiming_normal_weights() {
    let network = network(0.25, 1.0, 100);
    let block = &network.stages[3][0];
    // What is summed up in an output: nine places or one, of 64 channels of the stage before or 128 of this one.
    let shortcut = block.shortcut.as_ref().unwrap();
    for (layer, fan_in, outputs) in [(&block.first, 9 * 64, 128), (&block.second, 9 * 128, 128), (shortcut, 64, 128)] {
        let values = numbers(weights(&layer.convolution));
        assert_eq!(values.len(), fan_in * outputs);
        let variance = values.iter().map(|value| value * value).sum::<f64>() / values.len() as f64;
        // Of 8,192 draws or more: four standard deviations are 6 %.
        assert!((variance * fan_in as f64 / 2.0 - 1.0).abs() < 0.06, "{variance} of {fan_in} inputs");
    }
}

#[test]
fn a_fresh_block_is_the_swish_of_its_shortcut() {
    let network = network(0.0625, 1.0, 10);
    let gammas: Vec<f64> = network.stages.iter().flatten().flat_map(|block| numbers(block.gamma.val())).collect();
    assert_eq!(gammas, [0.0; 8]);
    // The first stage keeps its channels: what goes around are the inputs.
    let same = &network.stages[0][0];
    assert!(same.shortcut.is_none());
    let images = cosines([2, 3, 4, 4]);
    let expected: Vec<f64> = numbers(images.clone()).into_iter().map(swish).collect();
    assert_close(&numbers(same.forward(images.clone())), &expected);
    // The second widens them: what goes around is a convolution of 1 by 1 with its normalisation, without swish.
    let wider = &network.stages[1][0];
    let around = wider.shortcut.as_ref().unwrap().forward(images.clone());
    assert_eq!(around.dims(), [2, 3, 4, 8]);
    let expected: Vec<f64> = numbers(around).into_iter().map(swish).collect();
    assert_close(&numbers(wider.forward(images)), &expected);
}

#[test]
fn a_block_of_known_weights_has_the_values_worked_out_by_hand() {
    let device = Device::flex().autodiff();
    let block = SwishBlock::new([1, 1], &device, &mut ChaCha8Rng::seed_from_u64(1));
    // Of both windows the middle alone: 2 and then 3. Normalisations scale by 1 and 2 and move by 0.5 and -1; gamma is 0.25.
    let middle = |value: f32| [0.0, 0.0, 0.0, 0.0, value, 0.0, 0.0, 0.0, 0.0];
    let all = [&middle(2.0)[..], &[1.0, 0.5], &middle(3.0), &[2.0, -1.0], &[0.25]].concat();
    let count = all.len();
    let block = with_weights(block, Tensor::from_data(TensorData::new(all, [count]), &Device::flex()));
    let images = Tensor::<4>::from_data([[[[1.0], [3.0]]]], &device);
    // 2 and 6 are normalised to -1 and 1 (by 1e-5 less) and moved: -0.5 and 1.5. Their swishes are three times
    // a = -0.188770 and b = 1.226361, which are normalised to -1 and 1 again: -3 and 1. A quarter goes to the inputs.
    let expected = [swish(1.0 - 0.75), swish(3.0 + 0.25)];
    let outputs = block.forward(images);
    assert_close(&numbers(outputs.clone()), &expected);
    // And what gamma learns is the sum of what swish passes on, times the residual.
    let slope = |x: f64| swish(x) + (1.0 - swish(x)) / (1.0 + (-x).exp());
    let gradients = numbers(gradient(outputs.sum().backward(), &block));
    let expected = slope(0.25) * -3.0 + slope(3.25);
    assert_close(&gradients[count - 1..], &[expected]);
}

#[test]
fn values_and_gradients_are_those_of_torch() {
    // Widths 1-1-2 and 2-4-8-16; every weight, each gamma among them, is a sine.
    let network = network(1.0 / 32.0, 1.0, 5);
    let count = weights(&network).shape().num_elements();
    assert_eq!(count, 11_347);
    let sines: Vec<f32> = (0..count).map(|i| (0.5 * (1.7 * i as f64 + 0.3).sin()) as f32).collect();
    let network = with_weights(network, Tensor::from_data(TensorData::new(sines, [count]), &Device::flex()));
    let images = cosines([4, 16, 16, 3]);
    let logits = network.logits(images.clone(), None);
    // Of the same network in PyTorch 2.15.0, in double precision, from `conv2d`, `batch_norm` by its formula (the running
    // variance that of the batch, as in burn), `silu` and `max_pool2d`.
    let expected = [-0.370_515_868_8, -0.004_608_167_0, 0.371_703_343_8, -0.091_175_697_1, -0.348_208_380_9];
    assert_close(&numbers(logits.clone().narrow(0, 0, 1)), &expected);
    let classes = Tensor::<1, Int>::from_data([0, 1, 2, 3], &Device::flex().autodiff());
    let loss = cross_entropy(logits, classes);
    assert_close(&numbers(loss.clone()), &[1.595_368_811_1]);
    let gradient = numbers(gradient(loss.backward(), &network));
    let length = gradient.iter().map(|value| value * value).sum::<f64>().sqrt();
    assert_close(&[length, gradient[0]], &[2.136_921_309_8, -0.416_172_309_6]);
    let evaluated = network.valid().logits(images.inner().narrow(0, 0, 1), None);
    let expected = [-0.347_424_975_5, 0.019_026_119_1, 0.342_522_155_9, -0.107_290_311_8, -0.314_874_633_7];
    assert_close(&numbers(evaluated), &expected);
}

#[test]
fn only_training_drops_features_and_does_so_after_their_mean() {
    let network = network(0.0625, 1.0, 7);
    let images = cosines([2, 16, 16, 3]);
    let logits = network.logits(images.clone(), None);
    assert_eq!(logits.dims(), [2, 7]);
    assert_eq!(numbers(network.logits(images.clone(), None)), numbers(logits.clone()));
    let trained = |seed| {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let logits = numbers(network.logits(images.clone(), Some(&mut random)));
        (logits, random.get_word_pos())
    };
    let (dropped, drawn) = trained(2);
    assert_ne!(dropped, numbers(logits));
    assert_eq!(trained(2).0, dropped);
    // A number for each of the last stage's 32 channels of two images.
    assert_eq!(drawn, 2 * 32);
}

#[test]
fn statistics_are_gathered_anew_in_every_layer() {
    let network = network(0.0625, 1.0, 7);
    let images = cosines([4, 16, 16, 3]);
    let mut gathered = network.gathered_anew(std::iter::once(images.clone()));
    // Three of the stem, eight blocks of two, and three shortcuts.
    assert_eq!(gathered.layers().len(), 3 + 2 * 8 + 3);
    assert_eq!(numbers(weights(&gathered)), numbers(weights(&network)));
    let [trained, evaluated] = [network.logits(images.clone(), None), gathered.valid().logits(images.inner(), None)];
    assert_close(&numbers(evaluated), &numbers(trained));
}
