//! Places spread evenly over the unit square, in an order of the pipeline's own: multiples of the golden and the silver ratio, shifted
//! at random. Each is as even by itself as can be, which the R2 sequence of two numbers is not among a few dozen places.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The place of a number, from 0.
pub(super) fn place(seed: u64, number: usize) -> [f64; 2] {
    let steps = [(5.0f64.sqrt() - 1.0) / 2.0, std::f64::consts::SQRT_2 - 1.0];
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    steps.map(|step| (random.random::<f64>() + step * number as f64).fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_spread_evenly() {
        for seed in 0..10 {
            for dimension in 0..2 {
                let mut cells = [0; 8];
                (0..24).for_each(|number| cells[(8.0 * place(seed, number)[dimension]) as usize] += 1);
                // Three each, were they as even as can be; at random, one in three such rows would have an empty cell.
                assert!(cells.iter().all(|count| (2..=4).contains(count)), "{cells:?}");
            }
        }
        assert_ne!(place(0, 0), place(1, 0));
    }
}
