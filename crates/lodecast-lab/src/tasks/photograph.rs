//! The part of a photograph that a network sees: drawn at random in training, the middle in evaluation.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Rows and columns of what the network sees.
pub(super) const SIDE: usize = 224;
/// Of so many on the shorter side of a whole picture, in evaluation.
const SHORTER_SIDE: f64 = 256.0;
/// Least and largest share of a picture's area, in training.
const AREA: (f64, f64) = (0.08, 1.0);
/// Narrowest and widest part, in training.
const RATIO: (f64, f64) = (3.0 / 4.0, 4.0 / 3.0);
/// Draws until the whole width or height is taken instead.
const TRIES: usize = 10;

/// A part of a picture, in its own pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Part {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

/// A part of random size, shape and place, mirrored every other time: bytes by row, column and channel.
pub(super) fn random_part(picture: &RgbImage, random: &mut ChaCha8Rng) -> Vec<u8> {
    let part = Part::random(picture.dimensions(), random);
    let mut pixels = part.resized(picture);
    if random.random::<bool>() {
        for row in pixels.chunks_exact_mut(SIDE * 3) {
            let (pixels, _) = row.as_chunks_mut::<3>();
            pixels.reverse();
        }
    }
    pixels
}

/// The middle, of the size that it has once the shorter side is resized.
pub(super) fn middle(picture: &RgbImage) -> Vec<u8> {
    Part::middle(picture.dimensions()).resized(picture)
}

impl Part {
    /// As torchvision's `RandomResizedCrop`.
    fn random((width, height): (u32, u32), random: &mut ChaCha8Rng) -> Self {
        let (whole_width, whole_height) = (f64::from(width), f64::from(height));
        for _ in 0..TRIES {
            let area = whole_width * whole_height * random.random_range(AREA.0..AREA.1);
            let ratio = random.random_range(RATIO.0.ln()..RATIO.1.ln()).exp();
            let (part_width, part_height) = ((area * ratio).sqrt().round(), (area / ratio).sqrt().round());
            if (1.0..=whole_width).contains(&part_width) && (1.0..=whole_height).contains(&part_height) {
                let left = f64::from(random.random_range(0..=width - part_width as u32));
                let top = f64::from(random.random_range(0..=height - part_height as u32));
                return Self { left, top, width: part_width, height: part_height };
            }
        }
        let part_width = whole_width.min((whole_height * RATIO.1).round());
        let part_height = whole_height.min((whole_width / RATIO.0).round());
        Self::centred((whole_width, whole_height), (part_width, part_height))
    }

    fn middle((width, height): (u32, u32)) -> Self {
        let (width, height) = (f64::from(width), f64::from(height));
        let side = width.min(height) * SIDE as f64 / SHORTER_SIDE;
        Self::centred((width, height), (side, side))
    }

    fn centred(whole: (f64, f64), (width, height): (f64, f64)) -> Self {
        Self { left: (whole.0 - width) / 2.0, top: (whole.1 - height) / 2.0, width, height }
    }

    /// Its pixels, with as much smoothing as the change of size asks for.
    fn resized(self, picture: &RgbImage) -> Vec<u8> {
        let (width, height) = picture.dimensions();
        let mut resized = Image::new(SIDE as u32, SIDE as u32, PixelType::U8x3);
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear)).crop(
            self.left,
            self.top,
            self.width,
            self.height,
        );
        ImageRef::new(width, height, picture, PixelType::U8x3)
            .map_err(|error| error.to_string())
            .and_then(|source| {
                Resizer::new().resize(&source, &mut resized, &options).map_err(|error| error.to_string())
            })
            .expect("a part lies within its picture, whose bytes are its pixels");
        resized.into_vec()
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    /// 400 by 300, waves in red and green and stripes in blue.
    fn waves() -> RgbImage {
        RgbImage::from_fn(400, 300, |x, y| {
            let (x, y) = (f64::from(x), f64::from(y));
            let red = 127.5 + 100.0 * (0.05 * x).sin() + 27.0 * (0.11 * y).cos();
            let green = 127.5 + 100.0 * (0.07 * y + 0.02 * x).cos();
            image::Rgb([red as u8, green as u8, ((x + y) % 256.0) as u8])
        })
    }

    #[test]
    fn parts_are_resized_as_pillow_does_it() {
        // Image.resize((224, 224), BILINEAR, box) of Pillow 13.0.0, at four places each.
        const PLACES: [(usize, usize); 4] = [(0, 0), (17, 100), (111, 112), (223, 223)];
        let smaller = Part { left: 20.0, top: 10.0, width: 300.0, height: 250.0 };
        for (part, expected) in [
            (smaller, [[224, 171, 30], [199, 166, 183], [191, 225, 48], [78, 208, 66]]),
            (Part::middle((400, 300)), [[85, 37, 88], [127, 226, 225], [52, 99, 93], [77, 174, 98]]),
        ] {
            let resized = part.resized(&waves());
            for ((row, column), expected) in PLACES.into_iter().zip(expected) {
                let pixel = &resized[(row * SIDE + column) * 3..][..3];
                let near = pixel.iter().zip(expected).all(|(value, expected): (&u8, u8)| value.abs_diff(expected) <= 1);
                assert!(near, "{part:?} at {row}, {column}: {pixel:?}, not {expected:?}");
            }
        }
    }

    #[test]
    fn random_parts_lie_within_the_picture_and_have_the_sizes_asked_for() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut areas = Vec::new();
        for _ in 0..2000 {
            let part = Part::random((500, 375), &mut random);
            assert!(part.left >= 0.0 && part.left + part.width <= 500.0, "{part:?}");
            assert!(part.top >= 0.0 && part.top + part.height <= 375.0, "{part:?}");
            let ratio = part.width / part.height;
            assert!((0.74..1.35).contains(&ratio), "{part:?}");
            areas.push(part.width * part.height / (500.0 * 375.0));
        }
        assert!(areas.iter().all(|area| (0.079..=1.0).contains(area)));
        // Large parts fit less often: torchvision 0.29.2's RandomResizedCrop has a mean of 0.434 over 200,000 draws.
        let mean = areas.iter().sum::<f64>() / areas.len() as f64;
        assert!((mean - 0.434).abs() < 0.02, "{mean}");
        // Of a strip, the middle, as wide as may be.
        assert_eq!(Part::random((1000, 10), &mut random), Part { left: 493.5, top: 0.0, width: 13.0, height: 10.0 });
        for (width, height) in [(1, 1), (1, 500), (3000, 2)] {
            assert_eq!(random_part(&RgbImage::new(width, height), &mut random).len(), SIDE * SIDE * 3);
            assert_eq!(middle(&RgbImage::new(width, height)).len(), SIDE * SIDE * 3);
        }
    }

    #[test]
    fn every_other_part_is_mirrored() {
        // Dark on the left: the mirrored ones are dark on the right.
        let slope = RgbImage::from_fn(300, 300, |x, _| image::Rgb([(x / 2) as u8; 3]));
        let mut random = ChaCha8Rng::seed_from_u64(2);
        let mirrored = (0..200)
            .filter(|_| {
                let part = random_part(&slope, &mut random);
                part[0] > part[(SIDE - 1) * 3]
            })
            .count();
        assert!((70..130).contains(&mirrored), "{mirrored}");
    }
}
