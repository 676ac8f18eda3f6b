//! Methods side by side: the same seeds for each, and a table that says what can be concluded from them.

use lodecast::Metric;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::{Error, Result};
use crate::optimizers::OptimizerKind;
use crate::run::contender::Contender;
use crate::run::length::Length;
use crate::run::record::{RunRecord, number_json};
use crate::run::train::{Trainable, Training};
use crate::sharpness::Sharpness;
use crate::studies::checks::{all_different, checked_length};
use crate::studies::crew::{Execution, RunId, run_all};
use crate::studies::statistics::{
    PairedDifference, bootstrap_interval, holm, mean, median, standard_error, t_test, wilcoxon_test,
};

/// Seed of the resampling behind the intervals.
const INTERVAL_SEED: u64 = 0;

/// What to compare on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComparisonConfiguration {
    /// Name of the task.
    pub task: String,
    /// Optimizer.
    pub optimizer: OptimizerKind,
    /// Seeds each method is run with. Take ones that no sweep has used.
    pub seeds: Vec<u64>,
    /// Name of the method the others are compared with.
    pub reference: String,
    /// Measures the sharpness of the loss at the end of each run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sharpness: Option<Sharpness>,
    /// Length of the runs, if not the task's own; a variation changes its batches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<Length>,
}

/// A finished comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// What was compared on.
    pub configuration: ComparisonConfiguration,
    /// Metric of the table, measured on the test set.
    pub metric: Metric,
    /// One row a method, in the order given.
    pub rows: Vec<ComparisonRow>,
    /// All runs: by method, then by seed, in the order given.
    pub records: Vec<RunRecord>,
}

/// One method's row. All values are over the test set after the last step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComparisonRow {
    /// Method.
    pub method: String,
    /// Mean metric over the seeds.
    #[serde(with = "number_json")]
    pub mean: f64,
    /// Standard error of the mean; `None` of a single seed.
    pub standard_error: Option<f64>,
    /// Median metric.
    #[serde(with = "number_json")]
    pub median: f64,
    /// Lowest metric of a seed.
    #[serde(with = "number_json")]
    pub lowest: f64,
    /// Highest metric of a seed.
    #[serde(with = "number_json")]
    pub highest: f64,
    /// Mean loss over the seeds whose loss is finite; `None` if there is none.
    pub loss: Option<f64>,
    /// Runs that diverged.
    pub diverged: usize,
    /// Runs with notes: the method failed at some point, and the training went on.
    pub with_notes: usize,
    /// Seconds a run, evaluations and method included, mean over the seeds.
    pub wall_seconds: f64,
    /// Share of those seconds that was spent inside the method.
    pub scheduler_overhead: f64,
    /// Mean largest eigenvalue of the loss's Hessian at the end, over the seeds it was measured on; `None` if there is none.
    #[serde(default)]
    pub sharpness: Option<f64>,
    /// Difference to the reference; `None` for the reference itself.
    pub difference: Option<PairedDifference>,
}

/// Runs or resumes a comparison.
///
/// # Errors
/// If the configuration does not fit the task or the methods, or repeats itself; if the journal cannot be used; if a
/// method cannot be made; if a run fails, once the others are done; if the work is cancelled. Runs finished by then are in the
/// journal.
pub fn compare(
    task: &dyn Trainable,
    configuration: &ComparisonConfiguration,
    contenders: &[Contender<'_>],
    execution: &Execution<'_>,
) -> Result<Comparison> {
    let ComparisonConfiguration { optimizer, seeds, reference, sharpness, .. } = configuration;
    let length = checked_length(task, &configuration.task, configuration.length)?;
    let total_steps = length.total_steps(task.train_examples());
    let names: Vec<&str> = contenders.iter().map(|contender| contender.name.as_str()).collect();
    all_different("method", &names)?;
    all_different("seed", seeds)?;
    let Some(reference) = names.iter().position(|name| name == reference) else {
        return Err(Error::UnknownReference { reference: reference.clone(), known: names.join(", ") });
    };

    // A seed at a time: a comparison that is stopped has every method on the seeds it got to.
    let methods = contenders.len();
    let pairs = seeds.iter().flat_map(|seed| contenders.iter().map(move |contender| (seed, contender)));
    let ids: Vec<RunId> = pairs
        .map(|(seed, contender)| RunId {
            id: format!("{} seed {seed}", contender.name),
            fingerprint: contender.fingerprint.clone(),
        })
        .collect();
    // Neither methods nor seeds: a finished comparison can be extended by more of both.
    let whole = json!({
        "kind": "comparison", "task": configuration.task, "optimizer": optimizer, "length": length,
        "sharpness": sharpness, "data": task.description(),
    });
    let work = run_all(&ids, &whole, execution, |index| {
        let (contender, seed) = (&contenders[index % methods], seeds[index / methods]);
        let mut method = (contender.factory)(seed, total_steps)?;
        let training = Training {
            id: &ids[index].id,
            optimizer: *optimizer,
            seed,
            length,
            sharpness: *sharpness,
            cancel: Some(execution.cancel),
        };
        let mut record = task.train(&training, method.as_mut())?;
        record.method.clone_from(&contender.name);
        record.fingerprint.clone_from(&contender.fingerprint);
        Ok(record)
    })?;
    if let Some(failed) = work.failures.first() {
        let (run, reason) = (failed.run.clone(), failed.reason.clone());
        return Err(Error::FailedRuns { failed: work.failures.len(), total: ids.len(), run, reason });
    }
    let by_seed = work.records.into_iter().flatten();
    let mut numbered: Vec<(usize, RunRecord)> = by_seed.enumerate().collect();
    numbered.sort_by_key(|(index, _)| index % methods);
    let records: Vec<RunRecord> = numbered.into_iter().map(|(_, record)| record).collect();
    let metric = task.metric();
    let rows = rows(&records, seeds.len(), reference, &metric);
    Ok(Comparison { configuration: configuration.clone(), metric, rows, records })
}

/// The table over records that come method by method, each with the same seeds in the same order.
fn rows(records: &[RunRecord], seeds: usize, reference: usize, metric: &Metric) -> Vec<ComparisonRow> {
    let by_method: Vec<&[RunRecord]> = records.chunks_exact(seeds).collect();
    let mut rows: Vec<ComparisonRow> = by_method
        .iter()
        .enumerate()
        .map(|(index, runs)| {
            let difference = (index != reference).then(|| paired(runs, by_method[reference], metric));
            row(runs, difference)
        })
        .collect();
    let p_values: Vec<_> = rows.iter().map(|row| row.difference.and_then(|difference| difference.t_test_p)).collect();
    for (row, p) in rows.iter_mut().zip(holm(&p_values)) {
        if let Some(difference) = &mut row.difference {
            difference.holm_p = p;
        }
    }
    rows
}

fn row(runs: &[RunRecord], difference: Option<PairedDifference>) -> ComparisonRow {
    let metrics: Vec<f64> = runs.iter().map(|run| run.test_metric).collect();
    let losses: Vec<f64> = runs.iter().map(|run| run.test_loss).filter(|loss| loss.is_finite()).collect();
    let wall: f64 = runs.iter().map(|run| run.wall_seconds).sum();
    let scheduler: f64 = runs.iter().map(|run| run.scheduler_seconds).sum();
    let sharpness: Vec<f64> = runs.iter().filter_map(|run| run.sharpness.first().copied()).collect();
    ComparisonRow {
        method: runs[0].method.clone(),
        mean: mean(&metrics),
        standard_error: standard_error(&metrics),
        median: median(&metrics),
        lowest: metrics.iter().copied().fold(f64::INFINITY, f64::min),
        highest: metrics.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        loss: (!losses.is_empty()).then(|| mean(&losses)),
        diverged: runs.iter().filter(|run| run.diverged_at.is_some()).count(),
        with_notes: runs.iter().filter(|run| !run.notes.is_empty()).count(),
        wall_seconds: wall / runs.len() as f64,
        scheduler_overhead: scheduler / wall,
        sharpness: (!sharpness.is_empty()).then(|| mean(&sharpness)),
        difference,
    }
}

fn paired(runs: &[RunRecord], reference: &[RunRecord], metric: &Metric) -> PairedDifference {
    let pairs = || runs.iter().zip(reference).map(|(run, reference)| (run.test_metric, reference.test_metric));
    let differences: Vec<f64> = pairs().map(|(method, reference)| method - reference).collect();
    // A metric that came out NaN loses against any that did not.
    let better = |a: f64, b: f64| metric.direction.is_better(a, b) || (b.is_nan() && !a.is_nan());
    let won = pairs().filter(|&(method, reference)| better(method, reference)).count();
    let lost = pairs().filter(|&(method, reference)| better(reference, method)).count();
    PairedDifference {
        mean: mean(&differences),
        standard_error: standard_error(&differences),
        t_test_p: t_test(&differences),
        interval: bootstrap_interval(&differences, INTERVAL_SEED),
        wilcoxon_p: wilcoxon_test(&differences),
        holm_p: None,
        won,
        tied: differences.len() - won - lost,
        lost,
    }
}

#[cfg(test)]
mod tests {
    use lodecast::{Direction, Run};

    use super::*;

    fn record(method: &str, test_metric: f64) -> RunRecord {
        RunRecord {
            task: "task".to_owned(),
            method: method.to_owned(),
            seed: 1,
            metric: Metric::new("perplexity", Direction::Min),
            run: Run::new("run", 1),
            diverged_at: test_metric.is_nan().then_some(1),
            test_metric,
            test_loss: test_metric,
            wall_seconds: 2.0,
            scheduler_seconds: 0.5,
            notes: Vec::new(),
            sharpness: vec![2.0, 1.0],
            sharpness_seconds: 0.0,
            fingerprint: String::new(),
        }
    }

    #[test]
    fn smaller_is_better_where_the_metric_says_so_and_nan_loses() {
        let metrics = [[3.0, 5.0, f64::NAN, f64::NAN], [4.0, 4.0, 9.0, f64::NAN]];
        let records: Vec<RunRecord> = ["method", "reference"]
            .iter()
            .zip(metrics)
            .flat_map(|(name, metrics)| metrics.map(|metric| record(name, metric)))
            .collect();
        let rows = rows(&records, 4, 1, &records[0].metric);
        let difference = rows[0].difference.unwrap();
        assert_eq!((difference.won, difference.tied, difference.lost), (1, 1, 2));
        assert!(rows[0].mean.is_nan(), "a mean over a diverged perplexity is none");
        assert_eq!((difference.t_test_p, difference.holm_p), (None, None));
        assert_eq!((rows[0].diverged, rows[0].loss), (2, Some(4.0)));
        assert_eq!((rows[0].scheduler_overhead, rows[1].difference), (0.25, None));
        assert_eq!(rows[0].sharpness, Some(2.0), "the largest eigenvalue");
        let written = serde_json::to_string(&rows).unwrap();
        assert!(serde_json::from_str::<Vec<ComparisonRow>>(&written).unwrap()[0].mean.is_nan());
    }

    #[test]
    fn p_values_are_corrected_for_the_number_of_methods() {
        let finals = [[5.0, 6.1, 7.2, 8.0], [5.5, 6.0, 7.9, 8.1], [5.3, 6.4, 7.6, 8.5]];
        let records: Vec<RunRecord> = ["reference", "a", "b"]
            .iter()
            .zip(finals)
            .flat_map(|(name, metrics)| metrics.map(|metric| record(name, metric)))
            .collect();
        let rows = rows(&records, 4, 0, &records[0].metric);
        let [a, b] = [1, 2].map(|row: usize| rows[row].difference.unwrap());
        assert!(b.t_test_p < a.t_test_p);
        assert_eq!(b.holm_p.unwrap(), 2.0 * b.t_test_p.unwrap());
        assert_eq!(a.holm_p, a.t_test_p);
    }
}
