//! Labelled images of one size in memory, one byte a value, and their split into training and validation.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// Height, width and channels of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageShape {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Values a pixel.
    pub channels: usize,
}

impl ImageShape {
    /// Values of an image.
    pub fn values(self) -> usize {
        self.height * self.width * self.channels
    }
}

/// Images with their classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// Size of every image.
    pub shape: ImageShape,
    /// The images one after the other: rows, columns, channels.
    pub pixels: Vec<u8>,
    /// The class of each image.
    pub classes: Vec<u8>,
}

impl Images {
    /// Number of images.
    pub fn len(&self) -> usize {
        self.classes.len()
    }

    /// Are there no images?
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// Values of one image.
    pub fn image(&self, index: usize) -> &[u8] {
        let values = self.shape.values();
        &self.pixels[index * values..(index + 1) * values]
    }

    /// The images at `indices`, in that order.
    #[must_use]
    pub fn select(&self, indices: &[usize]) -> Self {
        Self {
            shape: self.shape,
            pixels: indices.iter().flat_map(|&index| self.image(index)).copied().collect(),
            classes: indices.iter().map(|&index| self.classes[index]).collect(),
        }
    }

    /// Mean and standard deviation of each channel over all pixels, both as fractions of the brightest value.
    pub fn channel_statistics(&self) -> Vec<(f32, f32)> {
        let channels = self.shape.channels;
        let count = (self.pixels.len() / channels).max(1) as f64;
        let mut sums = vec![(0_u64, 0_u64); channels];
        for pixel in self.pixels.chunks_exact(channels) {
            for ((sum, squares), &value) in sums.iter_mut().zip(pixel) {
                *sum += u64::from(value);
                *squares += u64::from(value) * u64::from(value);
            }
        }
        let brightest = f64::from(u8::MAX);
        sums.into_iter()
            .map(|(sum, squares)| {
                let mean = sum as f64 / count;
                let variance = (squares as f64 / count - mean * mean).max(0.0);
                // A channel without contrast has nothing to be scaled.
                let deviation = if variance > 0.0 { variance.sqrt() } else { brightest };
                ((mean / brightest) as f32, (deviation / brightest) as f32)
            })
            .collect()
    }
}

/// Fewest examples for validation, unless a tenth of all is less: 2,000 tell an accuracy of 80 % to 0.9 points.
const LEAST_VALIDATION: usize = 2000;

/// Which of `count` examples are for training and which for validation: nine tenths of the first `take` of a seeded
/// shuffle, and the tenth after them, which is longer where so few would judge runs by chance. Sorted, so that a file can be
/// read from front to back.
pub fn split(count: usize, take: usize, seed: u64) -> (Vec<usize>, Vec<usize>) {
    let take = take.min(count);
    let training = take - take.div_ceil(10);
    let held_out = (take - training).max(LEAST_VALIDATION.min(count.div_ceil(10)));
    let mut chosen = subset(count, training + held_out, seed);
    let mut validation = chosen.split_off(training);
    chosen.sort_unstable();
    validation.sort_unstable();
    (chosen, validation)
}

/// The first `take` of a seeded shuffle of `count` examples.
pub fn subset(count: usize, take: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    order.truncate(take);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_share_nothing_and_a_smaller_one_is_part_of_a_larger() {
        let (train, validation) = split(100, 50, 3);
        assert_eq!((train.len(), validation.len()), (45, 10));
        assert!(train.iter().all(|index| !validation.contains(index)));
        assert_ne!(split(100, 50, 4).0, train);
        let larger = split(100, 100, 3);
        assert_eq!((larger.0.len(), larger.1.len()), (90, 10));
        let mut all = [train, validation].concat();
        all.sort_unstable();
        let mut expected = subset(100, 55, 3);
        expected.sort_unstable();
        assert_eq!(all, expected);
    }

    #[test]
    fn a_small_part_is_judged_by_enough_examples() {
        let parts = |count, take| {
            let (train, validation) = split(count, take, 3);
            (train.len(), validation.len())
        };
        assert_eq!(parts(60_000, 3750), (3375, 2000));
        assert_eq!(parts(60_000, 30_000), (27_000, 3000));
        assert_eq!(parts(60_000, 60_000), (54_000, 6000));
        assert_eq!(parts(60_000, 90_000), (54_000, 6000));
    }

    #[test]
    fn statistics_of_a_channel_are_those_of_its_pixels() {
        let shape = ImageShape { height: 1, width: 2, channels: 2 };
        let images = Images { shape, pixels: vec![0, 51, 255, 51], classes: vec![0] };
        let [first, second] = images.channel_statistics()[..] else { panic!("two channels") };
        assert!((first.0 - 0.5).abs() < 1e-6 && (first.1 - 0.5).abs() < 1e-6, "{first:?}");
        assert!((second.0 - 0.2).abs() < 1e-6 && second.1 == 1.0, "{second:?}");
    }
}
