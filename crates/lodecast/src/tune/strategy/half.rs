//! Runs of half the length: two for the price of one, after the start design at full length.

use super::proposal::Strategy;
use super::spread;

pub(super) const STRATEGY: Strategy = Strategy {
    name: "half",
    about: "the spread with runs of half the length",
    propose: |situation| {
        let half = (situation.total_steps / 2).max(1);
        spread::propose(situation, half, "spread over shapes and peaks, at half the length")
    },
};
