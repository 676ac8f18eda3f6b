//! First weights of layers, drawn from the run's own generator.

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// Normal weights of the given standard deviation.
pub(super) fn normal_weights(
    shape: [usize; 2],
    deviation: f64,
    device: &Device,
    random: &mut ChaCha8Rng,
) -> Param<Tensor<2>> {
    let draw = |_| random.sample::<f32, _>(StandardNormal) * deviation as f32;
    let values: Vec<f32> = (0..shape[0] * shape[1]).map(draw).collect();
    Param::from_data(TensorData::new(values, shape), device)
}
