//! The searches of the contest: a registry.

mod entry;
mod grid;
mod parzen;
mod places;
mod schedule_free;
mod tpe;
mod warmup_stable_decay;

use lodecast::tune::Strategy;

pub use entry::Search;
pub use grid::{BEYOND_THE_GRID, GRID_FAMILIES};

use super::by_name::by_name;

/// Searches beside the engine's strategies. A new one is a file and a line.
const RIVALS: [Search; 4] = [tpe::SEARCH, grid::SEARCH, warmup_stable_decay::SEARCH, schedule_free::SEARCH];

impl Search {
    /// Every search: the engine's strategies, the default first, then the others.
    pub fn all() -> Vec<Self> {
        Strategy::all().iter().copied().map(Self::from).chain(RIVALS).collect()
    }
}

by_name!(Search, UnknownSearch, search);
