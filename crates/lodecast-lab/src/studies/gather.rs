//! Runs that were trained one by one, on whatever machines, joined into the sweep they are part of.

use lodecast::Sweep;

use crate::error::{Error, Result};
use crate::run::record::RunRecord;
use crate::studies::checks::all_different;
use crate::studies::crew::FailedRun;
use crate::studies::single_run::RunConfiguration;

/// A finished sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepOutcome {
    /// The runs as the engine takes them: by schedule, then seed, in the configuration's order.
    pub sweep: Sweep,
    /// The same runs with their test results, in the same order.
    pub records: Vec<RunRecord>,
    /// Runs that could not be trained, which the sweep is without. The same sweep tries them again.
    pub failures: Vec<FailedRun>,
}

/// Joins runs into a sweep, in the order given.
///
/// # Errors
/// If there are none, one is there twice, or they are not of one task, or not trained alike.
pub fn gather(records: Vec<RunRecord>) -> Result<SweepOutcome> {
    let ids: Vec<&str> = records.iter().map(|record| record.run.id.as_str()).collect();
    all_different("run", &ids)?;
    let first = &records[0];
    if let Some(other) = records.iter().find(|record| record.task != first.task || record.metric != first.metric) {
        let whose = |record: &RunRecord| format!("{} ({}, {})", record.run.id, record.task, record.metric);
        return Err(Error::Mixed { first: whose(first), other: whose(other) });
    }
    if let Some(first_one) = RunConfiguration::of(first) {
        let other = |record: &RunRecord| RunConfiguration::of(record)?.difference(&first_one);
        if let Some((record, difference)) = records.iter().find_map(|record| Some((record, other(record)?))) {
            let whose = format!("{} ({difference})", record.run.id);
            return Err(Error::Mixed { first: first.run.id.clone(), other: whose });
        }
    }
    let mut sweep = Sweep::new(vec![first.metric.clone()]);
    sweep.runs = records.iter().map(|record| record.run.clone()).collect();
    Ok(SweepOutcome { sweep, records, failures: Vec::new() })
}
