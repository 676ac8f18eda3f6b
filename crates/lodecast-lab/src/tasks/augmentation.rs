//! Small photographs changed at random before the network sees them: a part of the enlarged image, mirrored, in another light.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::data::images::ImageShape;

const BRIGHTEST: f32 = 255.0;

/// How much images are changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Augmentation {
    /// Rows and columns by which an image is enlarged, of which a part of the old size is then taken.
    pub(super) enlargement: usize,
    /// Is every other image mirrored, left to right?
    pub(super) mirror: bool,
    /// Brightness is moved by up to this part of the brightest; contrast and saturation are each multiplied by a factor within
    /// so much of one.
    pub(super) jitter: f32,
}

/// What was drawn for one image.
#[derive(Clone, Copy, Debug)]
struct Change {
    /// First row and column taken of the enlarged image.
    corner: [usize; 2],
    mirrored: bool,
    /// Added to every value, as a part of the brightest.
    brightness: f32,
    contrast: f32,
    saturation: f32,
}

impl Augmentation {
    /// Of 32 pixels a side: enlarged to 40.
    pub(super) const SMALL_PHOTOGRAPHS: Self = Self { enlargement: 8, mirror: true, jitter: 0.2 };

    /// Changes an image: `pixels` (row, column, channel) become `changed`, in the same order and of the same range.
    ///
    /// As many numbers are drawn for every image.
    pub(super) fn apply(&self, shape: ImageShape, pixels: &[u8], random: &mut ChaCha8Rng, changed: &mut Vec<f32>) {
        let mut corner = || random.random_range(0..=self.enlargement);
        let corner = [corner(), corner()];
        let mirrored = random.random::<bool>() && self.mirror;
        let mut moved = || self.jitter * (2.0 * random.random::<f32>() - 1.0);
        let (brightness, contrast, saturation) = (moved(), 1.0 + moved(), 1.0 + moved());
        let change = Change { corner, mirrored, brightness, contrast, saturation };
        change.apply(shape, pixels, self.enlargement, changed);
    }
}

/// What a pixel of the enlarged image is made of: two neighbours along one side, and the share of the second.
#[derive(Clone, Copy, Debug)]
struct Between {
    first: usize,
    second: usize,
    share: f32,
}

impl Between {
    /// Of `place` in a side of `places` that is enlarged by `enlargement`; centres of pixels lie at halves.
    fn new(place: usize, places: usize, enlargement: usize) -> Self {
        let scale = places as f32 / (places + enlargement) as f32;
        let at = ((place as f32 + 0.5) * scale - 0.5).clamp(0.0, (places - 1) as f32);
        let first = at as usize;
        Self { first, second: (first + 1).min(places - 1), share: at - first as f32 }
    }

    fn mix(self, value: impl Fn(usize) -> f32) -> f32 {
        value(self.first) * (1.0 - self.share) + value(self.second) * self.share
    }
}

impl Change {
    fn apply(self, shape: ImageShape, pixels: &[u8], enlargement: usize, changed: &mut Vec<f32>) {
        let ImageShape { height, width, channels } = shape;
        changed.clear();
        for row in 0..height {
            let row = Between::new(row + self.corner[0], height, enlargement);
            for column in 0..width {
                let column = if self.mirrored { width - 1 - column } else { column };
                let column = Between::new(column + self.corner[1], width, enlargement);
                changed.extend((0..channels).map(|channel| {
                    let value = |row, column| f32::from(pixels[(row * width + column) * channels + channel]);
                    row.mix(|row| column.mix(|column| value(row, column)))
                }));
            }
        }
        self.recolour(channels, changed);
    }

    fn recolour(self, channels: usize, pixels: &mut [f32]) {
        let in_range = |value: f32| value.clamp(0.0, BRIGHTEST);
        for value in pixels.iter_mut() {
            *value = in_range(*value + self.brightness * BRIGHTEST);
        }
        for channel in 0..channels {
            let values = || pixels.iter().skip(channel).step_by(channels);
            let mean = values().sum::<f32>() / values().count() as f32;
            for value in pixels.iter_mut().skip(channel).step_by(channels) {
                *value = in_range(mean + self.contrast * (*value - mean));
            }
        }
        // Hue and value stay. A single channel has no colour: it is its own largest.
        for pixel in pixels.chunks_exact_mut(channels) {
            let largest = pixel.iter().copied().fold(0.0, f32::max);
            let span = largest - pixel.iter().copied().fold(BRIGHTEST, f32::min);
            // Nothing is more saturated than a colour without white.
            let factor = if self.saturation * span > largest { largest / span } else { self.saturation };
            for value in pixel.iter_mut() {
                *value = in_range(largest - factor * (largest - *value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    const SAME: Change = Change { corner: [0, 0], mirrored: false, brightness: 0.0, contrast: 1.0, saturation: 1.0 };

    fn shape(height: usize, width: usize, channels: usize) -> ImageShape {
        ImageShape { height, width, channels }
    }

    fn assert_close(values: &[f32], expected: &[f32]) {
        assert_eq!(values.len(), expected.len());
        for (value, expected) in values.iter().zip(expected) {
            assert!((value - expected).abs() < 1e-3, "{values:?}, not {expected:?}");
        }
    }

    // The image enlarged to 4 by 5 by PyTorch 2.15.0's interpolate (bilinear, corners not aligned):
    // 10.0 14.0 20.0 26.0 30.0 | 17.5 21.5 27.5 33.5 37.5 | 32.5 36.5 42.5 48.5 52.5 | 40.0 44.0 50.0 56.0 60.0
    #[test]
    fn parts_of_the_enlarged_image_are_taken_and_mirrored_as_drawn() {
        let pixels = [10, 20, 30, 40, 50, 60];
        let changed = |enlargement, change: Change| {
            let mut changed = Vec::new();
            change.apply(shape(2, 3, 1), &pixels, enlargement, &mut changed);
            changed
        };
        assert_eq!(changed(0, SAME), [10.0, 20.0, 30.0, 40.0, 50.0, 60.0]);
        assert_close(&changed(2, SAME), &[10.0, 14.0, 20.0, 17.5, 21.5, 27.5]);
        assert_close(&changed(2, Change { corner: [1, 2], ..SAME }), &[27.5, 33.5, 37.5, 42.5, 48.5, 52.5]);
        assert_close(
            &changed(2, Change { corner: [2, 1], mirrored: true, ..SAME }),
            &[48.5, 42.5, 36.5, 56.0, 50.0, 44.0],
        );
    }

    // Saturation by Python's colorsys: to hue, saturation and value, and back.
    #[test]
    fn colours_change_in_brightness_contrast_and_saturation() {
        let recoloured = |saturation| {
            // A tenth of 255 more is 225.5, 125.5, 75.5 and (at the limit) 255, 35.5, 25.5. Four fifths of the distance to
            // the channels' means leave 228.45, 116.5, 70.5 and 252.05, 44.5, 30.5.
            let mut pixels = [200.0, 100.0, 50.0, 250.0, 10.0, 0.0];
            Change { brightness: 0.1, contrast: 0.8, saturation, ..SAME }.recolour(3, &mut pixels);
            pixels
        };
        assert_close(&recoloured(0.8), &[228.45, 138.89, 102.09, 252.05, 86.01, 74.81]);
        assert_close(&recoloured(1.2), &[228.45, 94.11, 38.91, 252.05, 15.92733, 0.0]);
        assert_close(&recoloured(1.5), &[228.45, 66.531_81, 0.0, 252.05, 15.92733, 0.0]);
        // Without colour, saturation changes nothing.
        let mut grey = [100.0, 50.0];
        Change { contrast: 0.5, saturation: 1.5, ..SAME }.recolour(1, &mut grey);
        assert_eq!(grey, [87.5, 62.5]);
        let mut black = [0.0; 3];
        Change { saturation: 1.5, ..SAME }.recolour(3, &mut black);
        assert_eq!(black, [0.0; 3]);
    }

    #[test]
    fn draws_stay_in_their_ranges_and_repeat_themselves() {
        let augmentation = Augmentation::SMALL_PHOTOGRAPHS;
        let draw = |seed| {
            let (mut random, mut changed) = (ChaCha8Rng::seed_from_u64(seed), Vec::new());
            augmentation.apply(shape(32, 32, 3), &[100; 32 * 32 * 3], &mut random, &mut changed);
            changed
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        for seed in 0..50 {
            let changed = draw(seed);
            assert_eq!(changed.len(), 32 * 32 * 3);
            // Without contrast or colour only the brightness is seen.
            assert!(changed.iter().all(|value| (value - changed[0]).abs() < 1e-3));
            assert!((49.0..=151.0).contains(&changed[0]), "{}", changed[0]);
        }
    }
}
