//! What a page and its server share: the run as it is shown now, and as it is asked about.

use std::sync::Arc;

use lodecast::Point;

use crate::live_run::LiveRun;

/// What is shown now.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// By which a browser says what it has already.
    pub(super) id: String,
    pub(super) number: u64,
    pub(super) json: String,
    /// Does nothing come any more?
    pub(super) ended: bool,
}

/// What is asked about another schedule.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) run: Arc<LiveRun>,
    pub(super) points: Arc<[Point]>,
}
