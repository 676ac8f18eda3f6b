//! What makes images smaller without weights, over images laid out as (example, row, column, channel).

use burn::tensor::{Tensor, s};

/// The largest value of every 2 by 2 square. A last odd row or column is left out.
pub(super) fn max_pool_halving(images: Tensor<4>) -> Tensor<4> {
    let [examples, height, width, channels] = images.dims();
    let (rows, columns) = (height / 2, width / 2);
    let even = if (2 * rows, 2 * columns) == (height, width) {
        images
    } else {
        images.slice(s![.., 0..2 * rows, 0..2 * columns])
    };
    let pairs_of_rows = even.reshape([examples * rows, 2, 2 * columns * channels]);
    let higher = pairs_of_rows.clone().narrow(1, 0, 1).max_pair(pairs_of_rows.narrow(1, 1, 1));
    let pairs = higher.reshape([examples * rows * columns, 2, channels]);
    let highest = pairs.clone().narrow(1, 0, 1).max_pair(pairs.narrow(1, 1, 1));
    highest.reshape([examples, rows, columns, channels])
}

/// The largest value of every 2 by 2 square, squares a place apart: each side loses one place.
pub(super) fn max_pool_sliding(images: Tensor<4>) -> Tensor<4> {
    let [_, height, width, _] = images.dims();
    let higher = images.clone().narrow(1, 0, height - 1).max_pair(images.narrow(1, 1, height - 1));
    higher.clone().narrow(2, 0, width - 1).max_pair(higher.narrow(2, 1, width - 1))
}

/// The largest value of every 3 by 3 square around every other place. Values must not be negative.
pub(super) fn max_pool_overlapping(images: Tensor<4>) -> Tensor<4> {
    let [_, height, width, _] = images.dims();
    // As good as nothing, where no value is below zero.
    let padded = images.pad([(0, 0), (1, 1), (1, 1), (0, 0)], 0.0);
    let largest = |parts: [Tensor<4>; 3]| {
        let [first, second, third] = parts;
        first.max_pair(second).max_pair(third)
    };
    let end = |places: usize, tap: usize| tap + 2 * ((places - 1) / 2) + 1;
    let higher = largest([0, 1, 2].map(|tap| padded.clone().slice(s![.., tap..end(height, tap);2])));
    largest([0, 1, 2].map(|tap| higher.clone().slice(s![.., .., tap..end(width, tap);2])))
}

/// The mean of every channel over all places: (example, channel).
pub(super) fn global_mean(images: Tensor<4>) -> Tensor<2> {
    let [examples, rows, columns, channels] = images.dims();
    images.reshape([examples, rows * columns, channels]).mean_dim(1).reshape([examples, channels])
}

#[cfg(test)]
mod tests {
    use burn::tensor::ops::MaxPoolOptions;
    use burn::tensor::{Device, TensorData};
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Of values in [-1, 1), or in [0, 1) for poolings that take no others.
    fn random_images(shape: [usize; 4], least: f32) -> Tensor<4> {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| random.random_range(least..1.0)).collect();
        Tensor::from_data(TensorData::new(values, shape), &Device::flex())
    }

    #[test]
    fn poolings_equal_those_of_the_framework() {
        type Pooling = fn(Tensor<4>) -> Tensor<4>;
        let poolings: [(Pooling, usize, usize, usize, f32); 3] = [
            (max_pool_halving, 2, 2, 0, -1.0),
            (max_pool_sliding, 2, 1, 0, -1.0),
            (max_pool_overlapping, 3, 2, 1, 0.0),
        ];
        for (pooling, kernel, stride, padding, least) in poolings {
            for (height, width) in [(7, 6), (8, 9), (2, 3)] {
                let images = random_images([2, height, width, 3], least);
                let options = MaxPoolOptions {
                    kernel_size: [kernel; 2],
                    stride: [stride; 2],
                    padding: [(padding, padding); 2],
                    dilation: [1, 1],
                    ceil_mode: false,
                };
                let expected = burn::tensor::module::max_pool2d(images.clone().permute([0, 3, 1, 2]), options);
                let difference = pooling(images).permute([0, 3, 1, 2]) - expected;
                let difference = difference.abs().max().into_scalar::<f32>();
                assert_eq!(difference, 0.0, "{kernel} by {kernel}, stride {stride}: {height} by {width}");
            }
        }
    }

    #[test]
    fn the_mean_is_over_places_and_of_one_channel() {
        let images = Tensor::<4>::from_data([[[[1.0, 10.0], [2.0, 20.0], [6.0, 90.0]]]], &Device::flex());
        let means: Vec<f32> = global_mean(images).into_data().iter::<f32>().collect();
        assert_eq!(means, [3.0, 40.0]);
    }
}
