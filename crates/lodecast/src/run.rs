//! What training leaves behind: metric points, runs and sweeps of runs.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Whether a larger or a smaller value of a metric is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Larger is better (accuracy, F1, BLEU).
    Max,
    /// Smaller is better (a loss, an error rate, perplexity).
    Min,
}

impl Direction {
    /// Is `a` strictly better than `b`? NaN is never better.
    pub fn is_better(self, a: f64, b: f64) -> bool {
        match self {
            Direction::Max => a > b,
            Direction::Min => a < b,
        }
    }

    /// The sign that turns the metric into a reward: `+1` for [`Direction::Max`].
    pub fn sign(self) -> f64 {
        match self {
            Direction::Max => 1.0,
            Direction::Min => -1.0,
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Direction::Max => "max",
            Direction::Min => "min",
        })
    }
}

/// A validation metric: its name and the direction in which it is better.
///
/// ```
/// use lodecast::{Direction, Metric};
/// let metric: Metric = "val_accuracy:max".parse()?;
/// assert_eq!(metric.direction, Direction::Max);
/// assert!("val_accuracy".parse::<Metric>().is_err(), "a direction is never guessed");
/// # Ok::<(), lodecast::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Metric {
    /// Name, as in the column of a sweep file.
    pub name: String,
    /// Which way is better.
    pub direction: Direction,
}

impl Metric {
    /// A metric of the given name and direction.
    pub fn new(name: impl Into<String>, direction: Direction) -> Self {
        Self { name: name.into(), direction }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.direction)
    }
}

impl FromStr for Metric {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, direction) = match text.rsplit_once(':') {
            Some((name, "max")) => (name, Direction::Max),
            Some((name, "min")) => (name, Direction::Min),
            _ => return Err(Error::MetricDirection { metric: text.to_owned() }),
        };
        if name.is_empty() {
            return Err(Error::MetricDirection { metric: text.to_owned() });
        }
        Ok(Self::new(name, direction))
    }
}

/// One metric point of one run, for the one validation metric in question.
///
/// `None` means "not measured here"; a value that was measured and came out NaN or infinite is kept as such.
///
/// ```
/// use lodecast::Point;
/// let point = Point::new(120).train_loss(0.41).learning_rate(1e-3).validation(0.87);
/// assert_eq!(point.validation, Some(0.87));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Point {
    /// Optimizer step.
    pub step: u64,
    /// Train loss, averaged since the last point.
    pub train_loss: Option<f64>,
    /// Learning rate in force.
    pub learning_rate: Option<f64>,
    /// Validation metric.
    pub validation: Option<f64>,
}

impl Point {
    /// A point at `step` with nothing measured yet.
    pub fn new(step: u64) -> Self {
        Self { step, ..Self::default() }
    }

    /// Sets the train loss.
    #[must_use]
    pub fn train_loss(mut self, value: f64) -> Self {
        self.train_loss = Some(value);
        self
    }

    /// Sets the learning rate in force.
    #[must_use]
    pub fn learning_rate(mut self, value: f64) -> Self {
        self.learning_rate = Some(value);
        self
    }

    /// Sets the validation metric.
    #[must_use]
    pub fn validation(mut self, value: f64) -> Self {
        self.validation = Some(value);
        self
    }
}

/// What is known about a run besides its curves. Every field may be unknown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Attributes {
    /// Family of the learning-rate schedule (`cosine`, `one-cycle`, ...).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub schedule: Option<String>,
    /// Peak learning rate of the schedule.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub peak_lr: Option<f64>,
    /// Random seed of the run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub seed: Option<u64>,
    /// Optimizer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub optimizer: Option<String>,
    /// Planned length in optimizer steps, where it can be known; a run may have stopped before.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub total_steps: Option<u64>,
    /// Where the run came from (file, tracker).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source: Option<String>,
    /// Anything else that was recorded, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub other: BTreeMap<String, String>,
}

/// One training run: columns over its metric points, in the order of steps.
///
/// All columns have the length of `steps`. `validation` holds one column for each metric of the sweep.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run {
    /// Identity within the sweep.
    pub id: String,
    /// Optimizer step of each point, strictly increasing.
    pub steps: Vec<u64>,
    /// Train loss at each point.
    pub train_loss: Vec<Option<f64>>,
    /// Learning rate at each point.
    pub learning_rate: Vec<Option<f64>>,
    /// One column a metric of the sweep, in the sweep's order.
    pub validation: Vec<Vec<Option<f64>>>,
    /// What else is known.
    pub attributes: Attributes,
}

impl Run {
    /// An empty run with `metrics` validation columns.
    pub fn new(id: impl Into<String>, metrics: usize) -> Self {
        Self { id: id.into(), validation: vec![Vec::new(); metrics], ..Self::default() }
    }

    /// A run with one validation metric, from its points.
    ///
    /// # Errors
    /// If the steps do not increase.
    pub fn from_points(id: impl Into<String>, points: impl IntoIterator<Item = Point>) -> Result<Self> {
        let mut run = Self::new(id, 1);
        for point in points {
            run.push(point.step, point.train_loss, point.learning_rate, &[point.validation])?;
        }
        Ok(run)
    }

    /// Appends a point; `validation` has one value a metric.
    ///
    /// # Errors
    /// If `step` is not beyond the last one, or `validation` has another length than the run's metrics.
    pub fn push(
        &mut self,
        step: u64,
        train_loss: Option<f64>,
        learning_rate: Option<f64>,
        validation: &[Option<f64>],
    ) -> Result<()> {
        if let Some(&last) = self.steps.last()
            && step <= last
        {
            return Err(Error::StepOrder { run: self.id.clone(), step, last });
        }
        if validation.len() != self.validation.len() {
            return Err(Error::MetricCount {
                run: self.id.clone(),
                expected: self.validation.len(),
                found: validation.len(),
            });
        }
        self.steps.push(step);
        self.train_loss.push(train_loss);
        self.learning_rate.push(learning_rate);
        for (column, &value) in self.validation.iter_mut().zip(validation) {
            column.push(value);
        }
        Ok(())
    }

    /// Number of points.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Has the run no points?
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Planned length in steps: the recorded one, or else the last step seen (at least 1).
    pub fn total_steps(&self) -> u64 {
        let last = self.steps.last().copied().unwrap_or(0);
        self.attributes.total_steps.unwrap_or(last).max(1)
    }

    /// The point at `index`, with the validation metric of column `metric`.
    ///
    /// # Panics
    /// If `index` is out of range. A missing metric column counts as not measured.
    pub fn point(&self, index: usize, metric: usize) -> Point {
        Point {
            step: self.steps[index],
            train_loss: self.train_loss[index],
            learning_rate: self.learning_rate[index],
            validation: self.validation.get(metric).and_then(|column| column[index]),
        }
    }

    /// All points, with the validation metric of column `metric`.
    pub fn points(&self, metric: usize) -> impl ExactSizeIterator<Item = Point> + '_ {
        (0..self.len()).map(move |index| self.point(index, metric))
    }

    /// The last measured finite value of metric column `metric`.
    pub fn final_validation(&self, metric: usize) -> Option<f64> {
        self.validation.get(metric)?.iter().rev().copied().flatten().find(|value| value.is_finite())
    }

    /// Index of the first point whose loss or validation is NaN or infinite: from there on the run has diverged.
    pub fn diverged_at(&self, metric: usize) -> Option<usize> {
        let bad = |value: Option<f64>| value.is_some_and(|value| !value.is_finite());
        (0..self.len()).find(|&index| {
            let point = self.point(index, metric);
            bad(point.train_loss) || bad(point.validation)
        })
    }

    /// Name of the configuration the run belongs to: everything that was set but the seed.
    ///
    /// Runs of one configuration differ by their seed only, so a split that holds out configurations never lets a
    /// model see a twin of a held-out run. Without attributes the learning-rate curve itself is the configuration.
    pub fn configuration(&self) -> String {
        let attributes = &self.attributes;
        let mut parts = Vec::new();
        if let Some(schedule) = &attributes.schedule {
            parts.push(schedule.clone());
        }
        if let Some(peak_lr) = attributes.peak_lr {
            parts.push(format!("{peak_lr:.6e}"));
        }
        if let Some(optimizer) = &attributes.optimizer {
            parts.push(optimizer.clone());
        }
        parts.extend(attributes.other.iter().map(|(name, value)| format!("{name}={value}")));
        if attributes.schedule.is_none() && attributes.peak_lr.is_none() {
            let count = 8.min(self.len().max(1));
            let known: Vec<f64> = self.learning_rate.iter().copied().flatten().collect();
            if !known.is_empty() {
                let sample = |k: usize| known[k * (known.len() - 1) / (count - 1).max(1)];
                parts.push((0..count).map(|k| format!("{:.2e}", sample(k))).collect::<Vec<_>>().join(","));
            }
        }
        if parts.is_empty() { "unknown".to_owned() } else { parts.join(" ") }
    }
}

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
