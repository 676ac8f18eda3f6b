//! Training runs: columns over their metric points.

use super::{Attributes, Point};
use crate::error::{Error, Result};

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
