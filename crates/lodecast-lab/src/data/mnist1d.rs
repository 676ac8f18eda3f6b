//! The MNIST-1D data set: ten one-dimensional digits, 40 numbers long, drawn by a generator.
//!
//! Greydanus & Kobak, "Scaling down deep learning with MNIST-1D" (arXiv 2011.14439). A digit is a template of 12
//! points that is padded with zeros, stretched, scaled, rotated by a random shift, covered with noise, sheared and read
//! off at 40 places. Because it is generated there is nothing to download, and every split is drawn independently.
//!
//! Checked against the reference generator, the package `mnist1d` 0.0.2 on the Python package index (two sets of
//! 50,000 digits from each, before standardisation; 40,000 of them train, 10,000 are held out):
//!
//! | statistic | reference | here |
//! |---|---|---|
//! | mean of all values | -0.0061, -0.0060 | -0.0058, -0.0062 |
//! | standard deviation of all values | 0.1548, 0.1546 | 0.1547, 0.1546 |
//! | correlation of neighbouring values | 0.821, 0.820 | 0.820, 0.820 |
//! | accuracy of the nearest class mean | 0.298, 0.304 | 0.306, 0.305 |
//! | accuracy of a logistic regression | 0.334, 0.330 | 0.341, 0.341 |
//!
//! (The standard error of an accuracy is 0.005.) Mean and deviation of each class agree to 0.001.

use rand::seq::SliceRandom;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// Length of a digit.
pub const LENGTH: usize = 40;
/// Number of classes.
pub const CLASSES: usize = 10;

const TEMPLATE_LENGTH: usize = 12;
const PADDING: std::ops::RangeInclusive<usize> = 36..=60;
/// Length after padding and stretching: the template with the most padding.
const PADDED_LENGTH: usize = TEMPLATE_LENGTH + *PADDING.end();
const SCALE: f64 = 0.4;
const LARGEST_SHIFT: usize = 48;
const CORRELATED_NOISE: f64 = 0.25;
const CORRELATION_WIDTH: f64 = 2.0;
const INDEPENDENT_NOISE: f64 = 0.02;
const SHEAR: f64 = 0.75;
/// Stream of a seed that templates are drawn from, apart from those of the digits.
const TEMPLATE_STREAM: u64 = u64::MAX;
/// Width of the Gaussian that drawn templates are smoothed with.
const TEMPLATE_SMOOTHNESS: f64 = 1.0;

/// The ten templates as drawn by the data set's authors, before they are standardised.
const TEMPLATES: [[f64; TEMPLATE_LENGTH]; CLASSES] = [
    [5.0, 6.0, 6.5, 6.75, 7.0, 7.0, 7.0, 7.0, 6.75, 6.5, 6.0, 5.0],
    [5.0, 3.0, 3.0, 3.4, 3.8, 4.2, 4.6, 5.0, 5.4, 5.8, 5.0, 5.0],
    [5.0, 6.0, 6.5, 6.5, 6.0, 5.25, 4.75, 4.0, 3.5, 3.5, 4.0, 5.0],
    [5.0, 6.0, 6.5, 6.5, 6.0, 5.0, 5.0, 6.0, 6.5, 6.5, 6.0, 5.0],
    [5.0, 4.4, 3.8, 3.2, 2.6, 2.6, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0],
    [5.0, 3.0, 3.0, 3.0, 3.0, 5.0, 6.0, 6.5, 6.5, 6.0, 4.5, 5.0],
    [5.0, 4.0, 3.5, 3.25, 3.0, 3.0, 3.0, 3.0, 3.25, 3.5, 4.0, 5.0],
    [5.0, 7.0, 7.0, 6.6, 6.2, 5.8, 5.4, 5.0, 4.6, 4.2, 5.0, 5.0],
    [5.0, 4.0, 3.5, 3.5, 4.0, 5.0, 5.0, 4.0, 3.5, 3.5, 4.0, 5.0],
    [5.0, 4.0, 3.5, 3.5, 4.0, 5.0, 5.0, 5.0, 5.0, 4.7, 4.3, 5.0],
];

/// What the digits of each class are made of, standardised.
#[derive(Clone, Debug, PartialEq)]
pub struct Templates([[f64; TEMPLATE_LENGTH]; CLASSES]);

impl Default for Templates {
    /// The templates of the data set's authors.
    fn default() -> Self {
        Self(TEMPLATES.map(standardised_template))
    }
}

impl Templates {
    /// Ten others: smooth random curves that end at the height where they start, as the authors' do.
    pub fn draw(seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(TEMPLATE_STREAM);
        let last = TEMPLATE_LENGTH - 1;
        Self(std::array::from_fn(|_| {
            let noise: [f64; TEMPLATE_LENGTH] = std::array::from_fn(|_| random.sample(StandardNormal));
            let curve = smoothed(&noise, TEMPLATE_SMOOTHNESS);
            let rise = (curve[last] - curve[0]) / last as f64;
            standardised_template(std::array::from_fn(|place| curve[place] - rise * place as f64))
        }))
    }
}

/// Digits with their classes, in random order.
#[derive(Clone, Debug, PartialEq)]
pub struct Digits {
    /// The digits one after the other, [`LENGTH`] numbers each.
    pub values: Vec<f64>,
    /// The class of each digit, below [`CLASSES`].
    pub classes: Vec<u8>,
}

impl Digits {
    /// Draws `count` digits, as evenly over the classes as `count` allows.
    ///
    /// `stream` tells independent sets of the same seed apart (train, validation, test).
    pub fn generate(count: usize, seed: u64, stream: u64) -> Self {
        Self::generate_from(&Templates::default(), count, seed, stream)
    }

    /// The same from other templates.
    pub fn generate_from(Templates(templates): &Templates, count: usize, seed: u64, stream: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(stream);
        let mut classes: Vec<u8> = (0..count).map(|index| (index % CLASSES) as u8).collect();
        classes.shuffle(&mut random);
        let values = classes.iter().flat_map(|&class| draw(&templates[usize::from(class)], &mut random)).collect();
        Self { values, classes }
    }

    /// The digits at `indices`, in that order.
    #[must_use]
    pub fn select(&self, indices: &[usize]) -> Self {
        Self {
            values: indices.iter().flat_map(|&index| &self.values[index * LENGTH..][..LENGTH]).copied().collect(),
            classes: indices.iter().map(|&index| self.classes[index]).collect(),
        }
    }

    /// Number of digits.
    pub fn len(&self) -> usize {
        self.classes.len()
    }

    /// Are there no digits?
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// Mean and standard deviation of all values.
    pub fn mean_and_deviation(&self) -> (f64, f64) {
        mean_and_deviation(&self.values)
    }

    /// Shifts and scales all values: `(value - mean) / deviation`.
    pub fn standardise(&mut self, mean: f64, deviation: f64) {
        for value in &mut self.values {
            *value = (*value - mean) / deviation;
        }
    }
}

fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    (mean, variance.sqrt())
}

/// Unit variance, starting from zero, and divided by six as in the original.
fn standardised_template(template: [f64; TEMPLATE_LENGTH]) -> [f64; TEMPLATE_LENGTH] {
    let (_, deviation) = mean_and_deviation(&template);
    template.map(|value| (value - template[0]) / deviation / 6.0)
}

/// One digit: the chain of random transformations of its template.
fn draw(template: &[f64; TEMPLATE_LENGTH], random: &mut impl Rng) -> Vec<f64> {
    let mut padded = template.to_vec();
    // The signal starts and ends at zero. This offset tells it from the padding, which correlated noise is to replace.
    for value in &mut padded {
        *value += 1e-8;
    }
    padded.resize(TEMPLATE_LENGTH + random.random_range(PADDING), 0.0);
    let mut signal = interpolate(&padded, PADDED_LENGTH);
    let scale = 1.0 + SCALE * (random.random::<f64>() - 0.5);
    for value in &mut signal {
        *value *= scale;
    }
    signal.rotate_right(random.random_range(0..LARGEST_SHIFT));

    let noise: Vec<f64> = (0..PADDED_LENGTH).map(|_| random.sample::<f64, _>(StandardNormal)).collect();
    for (value, noise) in signal.iter_mut().zip(smoothed(&noise, CORRELATION_WIDTH)) {
        if *value == 0.0 {
            *value = CORRELATED_NOISE * noise;
        }
        *value += INDEPENDENT_NOISE * random.sample::<f64, _>(StandardNormal);
    }

    let slope = SHEAR * (random.random::<f64>() - 0.5);
    for (index, value) in signal.iter_mut().enumerate() {
        *value -= slope * (index as f64 / (PADDED_LENGTH - 1) as f64 - 0.5);
    }
    interpolate(&signal, LENGTH)
}

/// Reads a piecewise-linear curve through `values` off at `count` evenly spaced places, both ends included.
fn interpolate(values: &[f64], count: usize) -> Vec<f64> {
    let last = values.len() - 1;
    (0..count)
        .map(|index| {
            let place = index as f64 * last as f64 / (count - 1) as f64;
            let left = (place.floor() as usize).min(last);
            let right = (left + 1).min(last);
            values[left] + (place - left as f64) * (values[right] - values[left])
        })
        .collect()
}

/// Convolution with a Gaussian cut off at four widths; the values are mirrored at both ends.
fn smoothed(values: &[f64], width: f64) -> Vec<f64> {
    let radius = (4.0 * width).round() as usize;
    let weight = |index: usize| (-0.5 * ((index as f64 - radius as f64) / width).powi(2)).exp();
    let kernel: Vec<f64> = (0..=2 * radius).map(weight).collect();
    let total: f64 = kernel.iter().sum();
    let count = values.len();
    let mirrored = |place: usize| values[place.min(2 * count - 1 - place)];
    (0..count)
        .map(|at| {
            // Mirrored at both ends, values repeat every 2 * count places; whole periods keep the index positive.
            let first = at + 2 * count * radius - radius;
            let terms = kernel.iter().zip(first..).map(|(weight, place)| weight * mirrored(place % (2 * count)));
            terms.sum::<f64>() / total
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class_means(digits: &Digits) -> Vec<Vec<f64>> {
        let mut sums = vec![vec![0.0; LENGTH]; CLASSES];
        let mut counts = [0.0; CLASSES];
        for (digit, &class) in digits.values.chunks(LENGTH).zip(&digits.classes) {
            counts[usize::from(class)] += 1.0;
            for (sum, value) in sums[usize::from(class)].iter_mut().zip(digit) {
                *sum += value;
            }
        }
        for (sum, count) in sums.iter_mut().zip(counts) {
            for value in sum {
                *value /= count;
            }
        }
        sums
    }

    /// The reference's figures (class means and deviations are averages over its seeds 0 to 4); the tolerances are
    /// about four standard deviations between its seeds.
    #[test]
    fn statistics_are_those_of_the_reference() {
        const MEANS: [f64; CLASSES] =
            [0.0653, -0.0207, 0.0001, 0.0448, -0.0243, -0.0068, -0.0655, 0.0200, -0.0445, -0.0276];
        const DEVIATIONS: [f64; CLASSES] =
            [0.1855, 0.1349, 0.1306, 0.1544, 0.1377, 0.1303, 0.1837, 0.1361, 0.1539, 0.1397];
        let digits = Digits::generate(5000, 0, 0);
        let (mean, deviation) = digits.mean_and_deviation();
        assert!((mean + 0.0059).abs() < 0.002, "{mean}");
        assert!((deviation - 0.1548).abs() < 0.002, "{deviation}");
        for class in 0..CLASSES {
            let of_class =
                digits.values.chunks(LENGTH).zip(&digits.classes).filter(|(_, of)| usize::from(**of) == class);
            let values: Vec<f64> = of_class.flat_map(|(digit, _)| digit.iter().copied()).collect();
            assert_eq!(values.len(), 500 * LENGTH);
            let (mean, deviation) = mean_and_deviation(&values);
            assert!((mean - MEANS[class]).abs() < 0.006, "class {class}: mean {mean}");
            assert!((deviation - DEVIATIONS[class]).abs() < 0.007, "class {class}: deviation {deviation}");
        }
        // Neighbouring values: what the noise, its width and the interpolation make of the templates.
        let pairs = digits.values.chunks(LENGTH).flat_map(|digit| digit.windows(2));
        let covariance =
            pairs.map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum::<f64>() / (5000 * (LENGTH - 1)) as f64;
        assert!((covariance / deviation.powi(2) - 0.821).abs() < 0.01, "{covariance}");
    }

    #[test]
    fn nearest_class_mean_is_as_bad_as_on_the_reference() {
        let (train, held_out) = (Digits::generate(4000, 5, 0), Digits::generate(1000, 5, 1));
        let means = class_means(&train);
        let distance = |digit: &[f64], mean: &[f64]| digit.iter().zip(mean).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
        let right = held_out.values.chunks(LENGTH).zip(&held_out.classes).filter(|(digit, class)| {
            let nearest = (0..CLASSES)
                .min_by(|&a, &b| distance(digit, &means[a]).total_cmp(&distance(digit, &means[b])))
                .unwrap_or_default();
            nearest == usize::from(**class)
        });
        let accuracy = right.count() as f64 / 1000.0;
        // The reference: 0.27 to 0.31; one standard error of a thousand digits is 0.014.
        assert!((0.23..0.34).contains(&accuracy), "{accuracy}");
    }

    #[test]
    fn same_seed_same_digits_and_another_stream_others() {
        let digits = Digits::generate(50, 7, 0);
        assert_eq!(digits, Digits::generate(50, 7, 0));
        assert_ne!(digits.values, Digits::generate(50, 7, 1).values);
        assert_ne!(digits.values, Digits::generate(50, 8, 0).values);
        let some = digits.select(&[3, 1]);
        assert_eq!(some.values, [&digits.values[3 * LENGTH..4 * LENGTH], &digits.values[LENGTH..2 * LENGTH]].concat());
        assert_eq!(some.classes, [digits.classes[3], digits.classes[1]]);
    }

    #[test]
    fn drawn_templates_are_of_the_kind_of_the_authors_and_others_for_every_seed() {
        let drawn = Templates::draw(7);
        assert_eq!(drawn, Templates::draw(7));
        assert_ne!(drawn, Templates::draw(8));
        for template in drawn.0.iter().chain(&Templates::default().0) {
            let (_, deviation) = mean_and_deviation(template);
            assert!((deviation - 1.0 / 6.0).abs() < 1e-12, "{deviation}");
            assert!(template[0] == 0.0 && template[TEMPLATE_LENGTH - 1].abs() < 1e-12, "{template:?}");
        }
        let authors = Digits::generate(500, 7, 0);
        assert_eq!(Digits::generate_from(&Templates::default(), 500, 7, 0), authors);
        let others = Digits::generate_from(&drawn, 500, 7, 0);
        assert_eq!(others.classes, authors.classes);
        // Another digit is behind the same class: the means of the classes lie apart by more than the noise of fifty digits.
        let apart = class_means(&others).into_iter().flatten().zip(class_means(&authors).into_iter().flatten());
        let largest = apart.map(|(one, other)| (one - other).abs()).fold(0.0, f64::max);
        assert!(largest > 0.1, "{largest}");
    }

    #[test]
    fn smoothing_keeps_a_constant_and_spreads_an_impulse() {
        assert!(smoothed(&[2.0; 5], 2.0).iter().all(|value| (value - 2.0).abs() < 1e-12));
        let mut impulse = [0.0; 41];
        impulse[20] = 1.0;
        let spread = smoothed(&impulse, 2.0);
        // scipy.ndimage.gaussian_filter1d of the same impulse, width 2
        assert!((spread[20] - 0.199_474_647_9).abs() < 1e-9, "{}", spread[20]);
        assert!((spread[23] - 0.064_759_936_6).abs() < 1e-9, "{}", spread[23]);
        // and of an impulse at the border, which is mirrored
        impulse[20] = 0.0;
        impulse[0] = 1.0;
        assert!((smoothed(&impulse, 2.0)[1] - 0.297_023_248_7).abs() < 1e-9);
    }
}
