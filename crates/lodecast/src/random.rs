//! Random numbers: one seed, and a stream of its own for every purpose, so that results do not depend on the order or
//! the thread in which numbers are drawn.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// What random numbers are drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Parameters = 1,
    Split = 2,
    Batch = 3,
    Candidate = 4,
    Draw = 5,
    Trial = 6,
}

/// The stream for `purpose`, the `index`-th of its kind.
pub(crate) fn stream(seed: u64, purpose: Purpose, index: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(((purpose as u64) << 48) | index);
    random
}
