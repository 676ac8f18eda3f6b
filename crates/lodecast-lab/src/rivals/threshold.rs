//! When a metric counts as better.

use lodecast::Direction;

/// How much better a metric must be to count as better.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Threshold {
    /// By this fraction of the best so far.
    Relative(f64),
    /// By this much.
    Absolute(f64),
}

impl Threshold {
    pub(super) fn is_better(self, value: f64, best: f64, direction: Direction) -> bool {
        let margin = match self {
            // The infinity that stands for "none so far" has no fraction.
            Threshold::Relative(fraction) if best.is_finite() => best * fraction,
            Threshold::Relative(_) => 0.0,
            Threshold::Absolute(amount) => amount,
        };
        match direction {
            Direction::Min => value < best - margin,
            Direction::Max => value > best + margin,
        }
    }
}

/// What every metric is better than.
pub(super) fn worst(direction: Direction) -> f64 {
    match direction {
        Direction::Min => f64::INFINITY,
        Direction::Max => f64::NEG_INFINITY,
    }
}
