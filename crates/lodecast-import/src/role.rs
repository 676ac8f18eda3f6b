//! What a series is for in a training run, as far as its name tells.

use crate::names::{direction, is_epoch, loss_rank, rate_rank, validation_rank};

/// What a series is for, as far as its name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The train loss.
    Loss,
    /// The learning rate, or that of a parameter group.
    Rate,
    /// A metric on validation data, whose name says which way is better.
    Validation,
    /// A metric on test data, whose name says which way is better.
    Test,
    /// The number of the epoch.
    Epoch,
}

impl Role {
    /// Is `name` a usual name for it?
    pub fn goes_by(self, name: &str) -> bool {
        let metric = |rank| validation_rank(name) == Some(rank) && direction(name).is_some();
        match self {
            Self::Loss => loss_rank(name).is_some(),
            Self::Rate => rate_rank(name).is_some(),
            Self::Validation => metric(0),
            Self::Test => metric(1),
            Self::Epoch => is_epoch(name),
        }
    }
}
