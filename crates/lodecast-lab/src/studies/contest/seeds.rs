//! Which seeds a pipeline has.

/// Seeds of a pipeline lie in a range of their own: those of its runs first, from a quarter of it on those that finalists are
/// confirmed under, from half of it on those of its picks.
pub(super) const SEEDS: u64 = 1_000_000;
