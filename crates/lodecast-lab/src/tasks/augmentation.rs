//! Small images changed at random before the network sees them: moved, mirrored, in another light.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::data::images::ImageShape;

/// Share of red, green and blue in the brightness of a pixel (ITU-R BT.601).
const BRIGHTNESS: [f32; 3] = [0.299, 0.587, 0.114];

/// How much images are changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Augmentation {
    /// Black pixels put around the image, of which a part of the old size is then taken.
    pub(super) padding: usize,
    /// Is every other image mirrored, left to right?
    pub(super) mirror: bool,
    /// Brightness, contrast and saturation are each changed by a factor that is drawn within so much of one.
    pub(super) jitter: f32,
}

/// What was drawn for one image.
#[derive(Clone, Copy, Debug)]
struct Change {
    /// First row and column taken of the padded image.
    corner: [usize; 2],
    mirrored: bool,
    brightness: f32,
    contrast: f32,
    saturation: f32,
}

impl Augmentation {
    /// As usual for images of some 30 pixels a side.
    pub(super) const SMALL_IMAGES: Self = Self { padding: 4, mirror: true, jitter: 0.2 };

    /// Changes an image: `pixels` (row, column, channel) become `changed`, in the same order and of the same range.
    ///
    /// As many numbers are drawn for every image.
    pub(super) fn apply(&self, shape: ImageShape, pixels: &[u8], random: &mut ChaCha8Rng, changed: &mut Vec<f32>) {
        let mut corner = || random.random_range(0..=2 * self.padding);
        let corner = [corner(), corner()];
        let mirrored = random.random::<bool>() && self.mirror;
        let mut factor = || 1.0 + self.jitter * (2.0 * random.random::<f32>() - 1.0);
        let change = Change { corner, mirrored, brightness: factor(), contrast: factor(), saturation: factor() };
        change.apply(shape, pixels, self.padding, changed);
    }
}

impl Change {
    fn apply(self, shape: ImageShape, pixels: &[u8], padding: usize, changed: &mut Vec<f32>) {
        let ImageShape { height, width, channels } = shape;
        changed.clear();
        for row in 0..height {
            let from_row = (row + self.corner[0]).checked_sub(padding).filter(|row| *row < height);
            for column in 0..width {
                let column = if self.mirrored { width - 1 - column } else { column };
                let from_column = (column + self.corner[1]).checked_sub(padding).filter(|column| *column < width);
                match (from_row, from_column) {
                    (Some(row), Some(column)) => {
                        let start = (row * width + column) * channels;
                        changed.extend(pixels[start..start + channels].iter().map(|&byte| f32::from(byte)));
                    }
                    _ => changed.resize(changed.len() + channels, 0.0),
                }
            }
        }
        self.recolour(channels, changed);
    }

    fn recolour(self, channels: usize, pixels: &mut [f32]) {
        let in_range = |value: f32| value.clamp(0.0, 255.0);
        for value in pixels.iter_mut() {
            *value = in_range(*value * self.brightness);
        }
        let grey = |pixel: &[f32]| match pixel {
            [red, green, blue] => BRIGHTNESS[0] * red + BRIGHTNESS[1] * green + BRIGHTNESS[2] * blue,
            other => other.iter().sum::<f32>() / other.len() as f32,
        };
        let mean = pixels.chunks_exact(channels).map(grey).sum::<f32>() / (pixels.len() / channels) as f32;
        for pixel in pixels.chunks_exact_mut(channels) {
            for value in pixel.iter_mut() {
                *value = in_range(mean + self.contrast * (*value - mean));
            }
            // A single channel has no colour.
            if channels > 1 {
                let grey = grey(pixel);
                for value in pixel.iter_mut() {
                    *value = in_range(grey + self.saturation * (*value - grey));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    const SAME: Change = Change { corner: [1, 1], mirrored: false, brightness: 1.0, contrast: 1.0, saturation: 1.0 };

    fn shape(height: usize, width: usize, channels: usize) -> ImageShape {
        ImageShape { height, width, channels }
    }

    #[test]
    fn images_are_moved_and_mirrored_as_drawn() {
        let pixels = [1, 2, 3, 4, 5, 6];
        let changed = |change: Change| {
            let mut changed = Vec::new();
            change.apply(shape(2, 3, 1), &pixels, 1, &mut changed);
            changed
        };
        assert_eq!(changed(SAME), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(changed(Change { corner: [0, 0], ..SAME }), [0.0, 0.0, 0.0, 0.0, 1.0, 2.0]);
        assert_eq!(changed(Change { corner: [2, 1], ..SAME }), [4.0, 5.0, 6.0, 0.0, 0.0, 0.0]);
        assert_eq!(changed(Change { mirrored: true, ..SAME }), [3.0, 2.0, 1.0, 6.0, 5.0, 4.0]);
        assert_eq!(changed(Change { mirrored: true, corner: [1, 2], ..SAME }), [0.0, 3.0, 2.0, 0.0, 6.0, 5.0]);
    }

    // torchvision 0.29.2's adjust_brightness 1.2, then adjust_contrast 0.8, then adjust_saturation 1.5, of floating-point images.
    #[test]
    fn colours_change_as_in_torchvision() {
        let mut pixels = [200.0, 100.0, 50.0, 250.0, 10.0, 0.0];
        Change { brightness: 1.2, contrast: 0.8, saturation: 1.5, ..SAME }.recolour(3, &mut pixels);
        let expected = [251.6227, 107.6227, 35.6227, 255.0, 4.3237, 0.0];
        for (value, expected) in pixels.iter().zip(expected) {
            assert!((value - expected).abs() < 0.02, "{pixels:?}");
        }
        // Without colour, saturation changes nothing.
        let mut grey = [100.0, 50.0];
        Change { contrast: 0.5, saturation: 1.5, ..SAME }.recolour(1, &mut grey);
        assert_eq!(grey, [87.5, 62.5]);
    }

    #[test]
    fn draws_stay_in_their_ranges_and_repeat_themselves() {
        let augmentation = Augmentation::SMALL_IMAGES;
        let draw = |seed| {
            let (mut random, mut changed) = (ChaCha8Rng::seed_from_u64(seed), Vec::new());
            augmentation.apply(shape(32, 32, 3), &[200; 32 * 32 * 3], &mut random, &mut changed);
            changed
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        for seed in 0..50 {
            let changed = draw(seed);
            assert_eq!(changed.len(), 32 * 32 * 3);
            let lit = changed.iter().filter(|value| **value > 100.0).count() / 3;
            assert!((28 * 28..=32 * 32).contains(&lit), "{lit} pixels of the image are left");
        }
    }
}
