//! A run that reached its end with a value.

use std::collections::BTreeMap;

use crate::Schedule;

/// A run with its final value.
#[derive(Clone, Debug)]
pub(super) struct MeasuredRun {
    pub(super) name: String,
    pub(super) schedule: Schedule,
    pub(super) total_steps: u64,
    pub(super) settings: BTreeMap<String, String>,
    pub(super) value: f64,
}
