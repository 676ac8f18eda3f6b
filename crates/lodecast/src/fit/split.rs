//! Which configurations each member of the ensemble does not see in its first cycle.

use rand::seq::SliceRandom;

use crate::random::{Purpose, stream};

/// Configurations are dealt into this many folds; member `m` holds out fold `m mod FOLDS`.
pub(crate) const FOLDS: usize = 5;

/// The fold of each configuration. Splitting by configuration, never by seed, keeps twins of a held-out run away from
/// the fit. With fewer configurations than folds some folds are empty, and their members see everything.
pub(crate) fn folds(configurations: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..configurations).collect();
    order.shuffle(&mut stream(seed, Purpose::Split, 0));
    let mut fold = vec![FOLDS; configurations];
    if configurations > 1 {
        for (position, configuration) in order.into_iter().enumerate() {
            fold[configuration] = position % FOLDS;
        }
    }
    fold
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_are_even_and_depend_on_the_seed_alone() {
        let split = folds(23, 7);
        for fold in 0..FOLDS {
            let size = split.iter().filter(|&&f| f == fold).count();
            assert!((4..=5).contains(&size));
        }
        assert_eq!(split, folds(23, 7));
        assert_ne!(split, folds(23, 8));
        assert_eq!(folds(1, 0), [FOLDS], "a single configuration is never held out");
    }
}
