//! What a search has tried.

use lodecast::Schedule;
use lodecast::tune::Tuner;

/// What a search did in one pipeline.
pub(super) struct Searched {
    /// The tuner as it was when each budget was spent, in the configuration's order.
    pub(super) tuners: Vec<Tuner>,
    /// Every run, in order.
    pub(super) tried: Vec<Tried>,
}

/// A run of a search.
pub(super) struct Tried {
    pub(super) schedule: Schedule,
    pub(super) total_steps: u64,
    /// Final value on the validation set; `None` if it diverged.
    pub(super) value: Option<f64>,
    /// What a budget has to hold for it to be made: the steps of all runs before it, and its own if it reaches its end.
    pub(super) committed: u64,
}
