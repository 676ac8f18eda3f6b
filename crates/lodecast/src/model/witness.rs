//! What evaluation asks of a model about runs whose end is known.

use super::expected::Expected;

/// A model that is asked about runs whose end is known, as far as it has not learned from their configurations.
pub(crate) trait Witness: Sync {
    /// Had everyone who is asked about this run learned from its configuration?
    fn has_seen(&self, run: usize) -> bool;

    /// The final metric of each of the runs, of which the first `fraction` is seen; `None` where the model cannot say.
    fn final_metrics(&self, runs: &[usize], fraction: f64) -> Vec<Option<Expected>>;
}
