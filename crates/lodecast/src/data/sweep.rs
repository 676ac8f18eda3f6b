//! Sweeps: the runs that a hyper-parameter search left behind.

use std::collections::{BTreeMap, HashSet};

use super::{Metric, Run};
use crate::error::{Error, Result};

/// A sweep: the runs a hyper-parameter search left behind, and the validation metrics they recorded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sweep {
    /// Validation metrics, in the order of each run's `validation` columns.
    pub metrics: Vec<Metric>,
    /// The runs.
    pub runs: Vec<Run>,
}

impl Sweep {
    /// An empty sweep that records `metrics`.
    pub fn new(metrics: Vec<Metric>) -> Self {
        Self { metrics, runs: Vec::new() }
    }

    /// One sweep of the runs of several, with all their metrics.
    ///
    /// ```
    /// use lodecast::{Direction, Metric, Run, Sweep};
    /// let mut first = Sweep::new(vec![Metric::new("accuracy", Direction::Max)]);
    /// first.runs.push(Run::new("a", 1));
    /// let mut second = Sweep::new(vec![Metric::new("loss", Direction::Min)]);
    /// second.runs.push(Run::new("b", 1));
    /// let joined = Sweep::join([first, second])?;
    /// assert_eq!((joined.runs.len(), joined.metrics.len()), (2, 2));
    /// # Ok::<(), lodecast::Error>(())
    /// ```
    ///
    /// # Errors
    /// If two runs have the same id, or a metric is better in different directions.
    pub fn join(sweeps: impl IntoIterator<Item = Sweep>) -> Result<Self> {
        let fail = |reason: String| Err(Error::Join { reason });
        let sweeps: Vec<Sweep> = sweeps.into_iter().collect();
        let mut joined = Sweep::default();
        for metric in sweeps.iter().flat_map(|sweep| &sweep.metrics) {
            match joined.metrics.iter().find(|known| known.name == metric.name) {
                None => joined.metrics.push(metric.clone()),
                Some(known) if known.direction != metric.direction => {
                    return fail(format!("one says '{known}', another '{metric}'; say which when they are read"));
                }
                Some(_) => {}
            }
        }
        let mut ids = HashSet::new();
        for Sweep { metrics, runs } in sweeps {
            for mut run in runs {
                if !ids.insert(run.id.clone()) {
                    return fail(format!("two runs have the id '{}'; rename one", run.id));
                }
                let points = run.len();
                let mut columns: Vec<_> = run.validation.drain(..).map(Some).collect();
                let column = |metric: &Metric| {
                    let at = metrics.iter().position(|known| known.name == metric.name);
                    at.and_then(|at| columns[at].take()).unwrap_or_else(|| vec![None; points])
                };
                run.validation = joined.metrics.iter().map(column).collect();
                joined.runs.push(run);
            }
        }
        Ok(joined)
    }

    /// Column of the metric named `name`.
    ///
    /// # Errors
    /// If there is no such metric; the message lists those there are.
    pub fn metric_index(&self, name: &str) -> Result<usize> {
        self.metrics.iter().position(|metric| metric.name == name).ok_or_else(|| Error::UnknownMetric {
            metric: name.to_owned(),
            known: self.metrics.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        })
    }

    /// Configurations in order of first appearance, each with the indices of its runs.
    pub fn configurations(&self) -> Vec<(String, Vec<usize>)> {
        let mut order: Vec<(String, Vec<usize>)> = Vec::new();
        let mut position: BTreeMap<String, usize> = BTreeMap::new();
        for (index, run) in self.runs.iter().enumerate() {
            let name = run.configuration();
            let at = *position.entry(name.clone()).or_insert_with(|| {
                order.push((name, Vec::new()));
                order.len() - 1
            });
            order[at].1.push(index);
        }
        order
    }

    /// The configuration with the best mean final value of metric column `metric` over its seeds, as
    /// `(name, mean, run indices)`. A run that diverged or was never validated counts as the worst value seen.
    pub fn best_configuration(&self, metric: usize) -> Option<(String, f64, Vec<usize>)> {
        let direction = self.metrics.get(metric)?.direction;
        let finals: Vec<Option<f64>> = self
            .runs
            .iter()
            .map(|run| run.final_validation(metric).filter(|_| run.diverged_at(metric).is_none()))
            .collect();
        let worst = finals.iter().flatten().copied().reduce(|a, b| if direction.is_better(a, b) { b } else { a })?;
        self.configurations()
            .into_iter()
            .map(|(name, runs)| {
                let mean = runs.iter().map(|&run| finals[run].unwrap_or(worst)).sum::<f64>() / runs.len() as f64;
                (name, mean, runs)
            })
            .reduce(|best, next| if direction.is_better(next.1, best.1) { next } else { best })
    }
}
