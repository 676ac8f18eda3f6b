//! [`Subject`]: a run as those see it that put it into words and pictures.

use lodecast::{Model, RateRange};

use crate::state::LiveRunState;

/// A run as it is shown.
pub(crate) struct Subject<'a> {
    pub(crate) model: &'a Model,
    pub(crate) state: &'a LiveRunState,
    pub(crate) next_decision: Option<u64>,
    /// First step from which a change may apply.
    pub(crate) earliest_change: u64,
    /// What it should end at.
    pub(crate) target: Option<f64>,
    /// Rates that it may have.
    pub(crate) limits: RateRange,
    /// May a schedule be chosen for it?
    pub(crate) may_choose: bool,
}
