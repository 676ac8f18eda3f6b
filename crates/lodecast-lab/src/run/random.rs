//! The streams of random numbers of a run: one a purpose, so that none depends on how much another draws.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Streams of a run's seed, one a purpose, so that runs of equal seed share weights and data order whatever the method.
pub(crate) const INITIAL_MODEL: u64 = 0;
pub(crate) const EXAMPLE_ORDER: u64 = 1;
pub(crate) const LOSS: u64 = 2;
pub(crate) const AUGMENTATION: u64 = 3;

pub(crate) fn stream(seed: u64, purpose: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(purpose);
    random
}
