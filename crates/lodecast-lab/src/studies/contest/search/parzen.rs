//! A multivariate Parzen estimator on the unit cube, as Optuna 5.0 has it (its defaults, `multivariate=True`).
//!
//! Each observation is a product of normal densities cut off at the cube's faces; one more kernel, as wide as the cube, is the
//! prior. The deviation of a kernel in a dimension is the larger distance to the neighbouring observations there, to the faces
//! only of a single observation, and no less than `1 / min(100, 2 + n)` of the cube. The last 25 of `n` observations weigh as much
//! as the prior, older ones less.

use rand::{Rng, RngExt};
use statrs::distribution::{Continuous, ContinuousCDF, Normal};

/// Observations that weigh in full.
const FLAT: usize = 25;

/// The estimator, over `D` dimensions.
pub(super) struct Parzen<const D: usize> {
    kernels: Vec<Kernel<D>>,
}

struct Kernel<const D: usize> {
    weight: f64,
    parts: [Cut; D],
}

/// A normal density cut off at 0 and 1.
struct Cut {
    mean: f64,
    deviation: f64,
    /// Mass of the whole density below 0, and between 0 and 1.
    below: f64,
    within: f64,
}

impl Cut {
    fn new(mean: f64, deviation: f64) -> Self {
        let unit = Normal::standard();
        let below = unit.cdf(-mean / deviation);
        Self { mean, deviation, below, within: unit.cdf((1.0 - mean) / deviation) - below }
    }

    fn log_density(&self, at: f64) -> f64 {
        Normal::standard().ln_pdf((at - self.mean) / self.deviation) - (self.deviation * self.within).ln()
    }

    fn draw(&self, random: &mut impl Rng) -> f64 {
        let place = self.below + self.within * random.random::<f64>();
        (self.mean + self.deviation * Normal::standard().inverse_cdf(place)).clamp(0.0, 1.0)
    }
}

impl<const D: usize> Parzen<D> {
    /// From observations in the unit cube, the oldest first.
    pub(super) fn new(observations: &[[f64; D]]) -> Self {
        let count = observations.len();
        let mut deviations = vec![[0.0; D]; count];
        for dimension in 0..D {
            let values: Vec<f64> = observations.iter().map(|observation| observation[dimension]).collect();
            for (index, deviation) in self::deviations(&values).into_iter().enumerate() {
                deviations[index][dimension] = deviation;
            }
        }
        let weights: Vec<f64> = weights(count).chain([1.0]).collect();
        let total: f64 = weights.iter().sum();
        let places = observations.iter().copied().zip(deviations).chain([([0.5; D], [1.0; D])]);
        let kernel = |(weight, (means, deviations)): (&f64, ([f64; D], [f64; D]))| Kernel {
            weight: weight / total,
            parts: std::array::from_fn(|dimension| Cut::new(means[dimension], deviations[dimension])),
        };
        Self { kernels: weights.iter().zip(places).map(kernel).collect() }
    }

    /// Logarithm of the density.
    pub(super) fn log_density(&self, at: &[f64; D]) -> f64 {
        let logarithms: Vec<f64> = self
            .kernels
            .iter()
            .map(|kernel| {
                let parts = kernel.parts.iter().zip(at).map(|(part, &at)| part.log_density(at));
                kernel.weight.ln() + parts.sum::<f64>()
            })
            .collect();
        let largest = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        largest + logarithms.iter().map(|logarithm| (logarithm - largest).exp()).sum::<f64>().ln()
    }

    /// A point drawn from it.
    pub(super) fn draw(&self, random: &mut impl Rng) -> [f64; D] {
        let mut left = random.random::<f64>();
        let chosen = self.kernels.iter().find(|kernel| {
            left -= kernel.weight;
            left < 0.0
        });
        // Rounding may leave a trifle: the prior is the last.
        let chosen = chosen.unwrap_or(&self.kernels[self.kernels.len() - 1]);
        std::array::from_fn(|dimension| chosen.parts[dimension].draw(random))
    }
}

/// Deviations of the kernels at `values`, in their order.
fn deviations(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let least = 1.0 / (values.len() as f64 + 2.0).min(100.0);
    let last = values.len().saturating_sub(1);
    let mut deviations = vec![0.0; values.len()];
    for (rank, &index) in order.iter().enumerate() {
        let before = if rank == 0 { 0.0 } else { values[order[rank - 1]] };
        let after = if rank == last { 1.0 } else { values[order[rank + 1]] };
        let (left, right) = (values[index] - before, after - values[index]);
        let deviation = match rank {
            // The faces are no neighbours, unless there are no others.
            0 if last > 0 => right,
            _ if rank == last && last > 0 => left,
            _ => left.max(right),
        };
        deviations[index] = deviation.clamp(least, 1.0);
    }
    deviations
}

/// Weights of so many observations, the oldest first.
fn weights(count: usize) -> impl Iterator<Item = f64> {
    let old = count.saturating_sub(FLAT);
    let least = 1.0 / count.max(1) as f64;
    (0..count).map(move |index| match index {
        index if index >= old => 1.0,
        _ if old == 1 => least,
        index => least + (1.0 - least) * index as f64 / (old - 1) as f64,
    })
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Observations and places whose log densities `_ParzenEstimator` of Optuna 5.0.0 gives.
    const OBSERVED: [[f64; 4]; 4] =
        [[0.1, 0.2, 0.9, 0.5], [0.4, 0.25, 0.3, 0.05], [0.45, 0.8, 0.35, 0.6], [0.8, 0.6, 0.5, 1.0]];
    const PLACES: [[f64; 4]; 3] = [[0.5, 0.5, 0.5, 0.5], [0.05, 0.9, 0.2, 0.99], [0.42, 0.3, 0.33, 0.1]];

    #[test]
    fn one_observation_is_a_mixture_that_can_be_computed_by_hand() {
        let parzen = Parzen::new(&[[0.3]]);
        let unit = Normal::standard();
        // Deviations 0.7 (the farther face) and 1 (the prior), weight 1/2 each, both cut off at the faces.
        let cut = |mean: f64, deviation: f64, at: f64| {
            let scaled = |at: f64| (at - mean) / deviation;
            unit.pdf(scaled(at)) / deviation / (unit.cdf(scaled(1.0)) - unit.cdf(scaled(0.0)))
        };
        for at in [0.0, 0.3, 0.6, 1.0] {
            let by_hand = 0.5 * cut(0.3, 0.7, at) + 0.5 * cut(0.5, 1.0, at);
            assert!((parzen.log_density(&[at]) - by_hand.ln()).abs() < 1e-9, "{at}");
        }
        assert!((parzen.log_density(&[0.6]) - 0.030_352_8).abs() < 1e-6, "as Optuna has it");
        let prior = Parzen::<1>::new(&[]);
        assert!((prior.log_density(&[0.6]) - cut(0.5, 1.0, 0.6).ln()).abs() < 1e-9);
    }

    #[test]
    fn densities_are_those_of_optuna() {
        let parzen = Parzen::new(&OBSERVED);
        for (place, expected) in PLACES.iter().zip([0.424_847_09, -0.468_371_35, 0.876_313_12]) {
            assert!((parzen.log_density(place) - expected).abs() < 1e-6, "{place:?}");
        }
        // Thirty, of which five are old.
        let many: Vec<[f64; 2]> = (0..30)
            .map(|k| [(f64::from(k) * 0.618_034 + 0.1).fract(), (f64::from(k) * 0.754_878 + 0.2).fract()])
            .collect();
        let parzen = Parzen::new(&many);
        for (place, expected) in PLACES.iter().zip([-0.667_671_47, -3.356_543_63, 1.356_527_55]) {
            assert!((parzen.log_density(&[place[0], place[1]]) - expected).abs() < 1e-6, "{place:?}");
        }
    }

    #[test]
    fn draws_have_the_density() {
        let parzen = Parzen::new(&[[0.2, 0.8], [0.3, 0.7], [0.25, 0.9]]);
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let draws: Vec<[f64; 2]> = (0..20_000).map(|_| parzen.draw(&mut random)).collect();
        assert!(draws.iter().flatten().all(|at| (0.0..=1.0).contains(at)));
        let share = draws.iter().filter(|draw| draw[0] < 0.5 && draw[1] > 0.5).count() as f64 / draws.len() as f64;
        // The same by the midpoint rule.
        let side = 200;
        let at = |k: usize| 0.5 * (k as f64 + 0.5) / f64::from(side as u32);
        let cells = (0..side * side).map(|k| parzen.log_density(&[at(k / side), 0.5 + at(k % side)]).exp());
        let mass = cells.sum::<f64>() * (0.5 / side as f64).powi(2);
        assert!((share - mass).abs() < 0.012, "{share} {mass}");
    }
}
