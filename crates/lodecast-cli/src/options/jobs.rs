//! The option that says how many runs are trained at a time.

use std::num::NonZeroUsize;

use clap::Args;
use lodecast_lab::{Execution, RunRecord};

/// How many runs at a time.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Jobs {
    /// Runs in flight at a time, one core each; results do not depend on it [default: all cores]
    #[arg(long, value_name = "COUNT")]
    jobs: Option<NonZeroUsize>,
}

impl Jobs {
    /// Their number.
    pub(crate) fn count(self) -> NonZeroUsize {
        self.jobs.unwrap_or_else(Execution::all_cores)
    }

    /// How long so many at a time take for these runs, whether they ran in one go or in several.
    pub(crate) fn seconds(self, records: &[RunRecord]) -> f64 {
        records.iter().map(|record| record.wall_seconds).sum::<f64>() / self.count().get() as f64
    }
}
