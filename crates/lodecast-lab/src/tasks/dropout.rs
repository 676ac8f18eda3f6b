//! Dropout with masks from the run's own generator.

use burn::tensor::{Tensor, TensorData};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// Zeroes each value with the given probability and scales the others up, so that the expected value stays.
pub(super) fn dropout<const D: usize>(values: Tensor<D>, probability: f64, random: &mut ChaCha8Rng) -> Tensor<D> {
    let keep = (1.0 / (1.0 - probability)) as f32;
    let threshold = (probability * 4_294_967_296.0) as u32;
    let shape = values.dims();
    let mask: Vec<f32> =
        (0..shape.iter().product()).map(|_| if random.next_u32() < threshold { 0.0 } else { keep }).collect();
    let device = values.device();
    values * Tensor::from_data(TensorData::new(mask, shape), &device)
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn a_quarter_is_dropped_and_the_mean_stays() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let dropped = dropout(Tensor::<2>::ones([100, 100], &Device::flex()), 0.25, &mut random);
        let values: Vec<f32> = dropped.into_data().iter::<f32>().collect();
        let zeros = values.iter().filter(|value| **value == 0.0).count();
        // Three standard deviations of a binomial are 130.
        assert!((2370..2630).contains(&zeros), "{zeros}");
        assert!(values.iter().all(|&value| value == 0.0 || (value - 4.0 / 3.0).abs() < 1e-6));
    }
}
