//! Sweeps: the runs that a hyper-parameter search left behind.

use std::borrow::Cow;
use std::collections::HashSet;

use super::{Direction, Metric, Run};
use crate::error::{Error, Result};
use crate::fingerprint::Fingerprint;

/// The name of the train loss where it is the metric.
const TRAIN_LOSS: &str = "train_loss";

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
            for run in runs {
                if !ids.insert(run.id.clone()) {
                    return fail(format!("two runs have the id '{}'; rename one", run.id));
                }
                let column = |metric: &Metric| metrics.iter().position(|known| known.name == metric.name);
                joined.runs.push(run.with_validation(joined.metrics.iter().map(column)));
            }
        }
        Ok(joined)
    }

    /// The sweep with the metric to learn, and its column: the one named, or else the first. A sweep that records no metric
    /// is learned by its train loss.
    ///
    /// # Errors
    /// If there is no such metric, or neither metric nor train loss.
    pub fn with_metric(&self, name: Option<&str>) -> Result<(Cow<'_, Self>, usize)> {
        let train_loss = || {
            let metrics = self.metrics.iter().cloned().chain([Metric::new(TRAIN_LOSS, Direction::Min)]).collect();
            let runs = self.runs.iter().map(Run::with_train_loss_as_metric).collect();
            (Cow::Owned(Self { metrics, runs }), self.metrics.len())
        };
        match name {
            None if !self.metrics.is_empty() => Ok((Cow::Borrowed(self), 0)),
            None => Ok(train_loss()),
            Some(name) if name == TRAIN_LOSS && !self.metrics.iter().any(|metric| metric.name == name) => {
                Ok(train_loss())
            }
            Some(name) => Ok((Cow::Borrowed(self), self.metric_index(name)?)),
        }
    }

    /// Column of the metric named `name`, with or without its direction.
    ///
    /// # Errors
    /// If there is no such metric; the message lists those there are.
    pub fn metric_index(&self, name: &str) -> Result<usize> {
        let named = |metric: &Metric| metric.name == name || metric.to_string() == name;
        self.metrics.iter().position(named).ok_or_else(|| Error::UnknownMetric {
            metric: name.to_owned(),
            known: self.metrics.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        })
    }

    /// Fingerprint of everything in it that a fit depends on.
    pub(crate) fn fingerprint(&self) -> String {
        let mut fingerprint = Fingerprint::default();
        for metric in &self.metrics {
            fingerprint.add(metric.to_string().as_bytes());
        }
        let bits = |value: Option<f64>| value.map_or(u64::MAX, f64::to_bits).to_le_bytes();
        for run in &self.runs {
            fingerprint.add(run.signature().as_bytes());
            for metric in 0..run.metrics() {
                for point in run.points(metric) {
                    fingerprint.add(&bits(point.train_loss));
                    fingerprint.add(&bits(point.validation));
                }
            }
        }
        fingerprint.finish()
    }
}
