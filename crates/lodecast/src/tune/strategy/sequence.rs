//! A low-discrepancy sequence in any number of dimensions: the additive recurrence of the generalised golden ratio.

use rand::RngExt;

use crate::random::{Purpose, stream};

/// The sequence's steps and shifts, one a dimension.
///
/// In `d` dimensions the steps are the powers of `1/phi`, `phi` the positive root of `x^(d+1) = x + 1` (the golden ratio for one
/// dimension, the plastic number for two); a seed shifts all of it.
#[derive(Clone, Debug)]
pub(super) struct Sequence {
    steps: Vec<f64>,
    shifts: Vec<f64>,
}

impl Sequence {
    pub(super) fn new(dimensions: usize, seed: u64) -> Self {
        let power = i32::try_from(dimensions).unwrap_or(i32::MAX - 1) + 1;
        let mut phi = 2.0f64;
        for _ in 0..64 {
            phi = (1.0 + phi).powf(1.0 / f64::from(power));
        }
        let mut random = stream(seed, Purpose::Trial, 0);
        let steps = (1..power).map(|k| phi.powi(-k)).collect();
        Self { steps, shifts: (0..dimensions).map(|_| random.random()).collect() }
    }

    /// The point number `index`, in the unit cube.
    pub(super) fn point(&self, index: u64) -> impl Iterator<Item = f64> + '_ {
        self.steps.iter().zip(&self.shifts).map(move |(step, shift)| (shift + index as f64 * step).fract())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Largest difference between the share of points in a box at the origin and its volume, over a grid of boxes.
    fn discrepancy(points: &[Vec<f64>]) -> f64 {
        let sides = [0.25, 0.5, 0.75, 1.0];
        let mut largest = 0.0f64;
        for at in 0..256usize {
            let corner: [f64; 4] = std::array::from_fn(|k| sides[at >> (2 * k) & 3]);
            let inside = points.iter().filter(|point| point.iter().zip(&corner).all(|(x, side)| x < side)).count();
            let volume: f64 = corner.iter().product();
            largest = largest.max((inside as f64 / points.len() as f64 - volume).abs());
        }
        largest
    }

    #[test]
    fn the_steps_are_known_constants() {
        assert!((Sequence::new(1, 0).steps[0] - 0.618_033_988_749_895).abs() < 1e-12);
        let plastic = 1.324_717_957_244_746_f64;
        let two = Sequence::new(2, 0);
        assert!((two.steps[0] - plastic.recip()).abs() < 1e-12 && (two.steps[1] - plastic.powi(-2)).abs() < 1e-12);
    }

    #[test]
    fn points_fill_the_cube_more_evenly_than_random_ones() {
        let mut sums = (0.0, 0.0);
        for seed in 0..20 {
            let sequence = Sequence::new(4, seed);
            let even: Vec<Vec<f64>> = (0..64).map(|index| sequence.point(index).collect()).collect();
            let mut random = stream(seed, Purpose::Trial, 9);
            let by_chance: Vec<Vec<f64>> = (0..64).map(|_| (0..4).map(|_| random.random()).collect()).collect();
            assert!(even.iter().flatten().all(|x| (0.0..1.0).contains(x)));
            sums = (sums.0 + discrepancy(&even), sums.1 + discrepancy(&by_chance));
        }
        assert!(sums.0 < 0.85 * sums.1, "{sums:?}");
    }
}
