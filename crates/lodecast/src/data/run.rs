//! Training runs: columns over their metric points.

use super::{Attributes, Point};
use crate::error::{Error, Result};

/// One training run: columns over its metric points, in the order of steps.
///
/// All columns have the same length, steps increase, and there is one validation column for each metric of the sweep.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run {
    /// Identity within the sweep.
    pub id: String,
    /// What is known besides the curves.
    pub attributes: Attributes,
    steps: Vec<u64>,
    train_loss: Vec<Option<f64>>,
    learning_rate: Vec<Option<f64>>,
    validation: Vec<Vec<Option<f64>>>,
}

/// Losses in a row that are no numbers and may be of steps that were skipped.
const SKIPPED: usize = 2;

impl Run {
    /// An empty run with `metrics` validation columns.
    pub fn new(id: impl Into<String>, metrics: usize) -> Self {
        Self { id: id.into(), validation: vec![Vec::new(); metrics], ..Self::default() }
    }

    /// A run from whole columns; `validation` has one a metric.
    ///
    /// # Errors
    /// If a column is longer or shorter than `steps`, or the steps do not increase.
    pub fn from_columns(
        id: impl Into<String>,
        steps: Vec<u64>,
        train_loss: Vec<Option<f64>>,
        learning_rate: Vec<Option<f64>>,
        validation: Vec<Vec<Option<f64>>>,
    ) -> Result<Self> {
        let id = id.into();
        let columns = [("train loss", &train_loss), ("learning rate", &learning_rate)];
        let columns = columns.into_iter().chain(validation.iter().map(|column| ("validation metric", column)));
        for (name, column) in columns {
            if column.len() != steps.len() {
                let (expected, found) = (steps.len(), column.len());
                return Err(Error::ColumnLength { run: id, column: name, expected, found });
            }
        }
        if let Some(pair) = steps.windows(2).find(|pair| pair[1] <= pair[0]) {
            return Err(Error::StepOrder { run: id, step: pair[1], last: pair[0] });
        }
        Ok(Self { id, attributes: Attributes::default(), steps, train_loss, learning_rate, validation })
    }

    /// The same run with these attributes.
    #[must_use]
    pub fn with_attributes(mut self, attributes: Attributes) -> Self {
        self.attributes = attributes;
        self
    }

    /// Optimizer step of each point, strictly increasing.
    pub fn steps(&self) -> &[u64] {
        &self.steps
    }

    /// Train loss at each point; `None` where it was not measured.
    pub fn train_loss(&self) -> &[Option<f64>] {
        &self.train_loss
    }

    /// Learning rate at each point; `None` where it was not recorded.
    pub fn learning_rate(&self) -> &[Option<f64>] {
        &self.learning_rate
    }

    /// Column number `metric` of the validation metrics, in the sweep's order; empty if there is none.
    pub fn validation(&self, metric: usize) -> &[Option<f64>] {
        self.validation.get(metric).map_or(&[], Vec::as_slice)
    }

    /// All validation columns, in the sweep's order.
    pub fn validations(&self) -> impl ExactSizeIterator<Item = &[Option<f64>]> {
        self.validation.iter().map(Vec::as_slice)
    }

    /// Number of validation columns.
    pub fn metrics(&self) -> usize {
        self.validation.len()
    }

    /// The run with its train loss as one more validation metric.
    pub(super) fn with_train_loss_as_metric(&self) -> Self {
        let mut run = self.clone();
        run.validation.push(self.train_loss.clone());
        run
    }

    /// The run with other validation columns, taken from those it has: `None` is one in which nothing was measured.
    #[must_use]
    pub(super) fn with_validation(mut self, columns: impl Iterator<Item = Option<usize>>) -> Self {
        let points = self.len();
        let mut known: Vec<Option<Vec<Option<f64>>>> = self.validation.drain(..).map(Some).collect();
        let column =
            |at: Option<usize>| at.and_then(|at| known.get_mut(at)?.take()).unwrap_or_else(|| vec![None; points]);
        self.validation = columns.map(column).collect();
        self
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

    /// A run under way, of which nothing is known but its points and its planned length.
    ///
    /// # Errors
    /// If the steps do not increase.
    pub(crate) fn observed(points: &[Point], total_steps: u64) -> Result<Self> {
        let mut run = Self::from_points("observed", points.iter().copied())?;
        run.attributes.total_steps = Some(total_steps);
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

    /// Goes on with the points of `next`, whose metrics are this one's.
    ///
    /// # Errors
    /// If `next` begins at this run's last step or before, or has another number of metrics; nothing is appended then.
    pub fn append(&mut self, next: &Self) -> Result<()> {
        if let (Some(&last), Some(&step)) = (self.steps.last(), next.steps.first())
            && step <= last
        {
            return Err(Error::StepOrder { run: self.id.clone(), step, last });
        }
        if self.metrics() != next.metrics() {
            let (run, expected, found) = (self.id.clone(), self.metrics(), next.metrics());
            return Err(Error::MetricCount { run, expected, found });
        }
        self.steps.extend(&next.steps);
        self.train_loss.extend(&next.train_loss);
        self.learning_rate.extend(&next.learning_rate);
        for (column, later) in self.validation.iter_mut().zip(&next.validation) {
            column.extend(later);
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

    /// The point at `index`, with the validation metric of column `metric`; `None` beyond the last. A missing column counts
    /// as not measured.
    pub fn point(&self, index: usize, metric: usize) -> Option<Point> {
        let column = |column: &[Option<f64>]| column.get(index).copied().flatten();
        Some(Point {
            step: *self.steps.get(index)?,
            train_loss: column(&self.train_loss),
            learning_rate: column(&self.learning_rate),
            validation: column(self.validation(metric)),
        })
    }

    /// All points, with the validation metric of column `metric`.
    pub fn points(&self, metric: usize) -> impl DoubleEndedIterator<Item = Point> + '_ {
        (0..self.len()).filter_map(move |index| self.point(index, metric))
    }

    /// Changes what was measured at each point; the step stays whatever `change` makes of it. A missing column of `metric`
    /// stays missing.
    pub fn change_points(&mut self, metric: usize, mut change: impl FnMut(Point) -> Point) {
        for index in 0..self.len() {
            let Some(point) = self.point(index, metric).map(&mut change) else { return };
            self.train_loss[index] = point.train_loss;
            self.learning_rate[index] = point.learning_rate;
            if let Some(column) = self.validation.get_mut(metric) {
                column[index] = point.validation;
            }
        }
    }

    /// The last measured finite value of metric column `metric`.
    pub fn final_validation(&self, metric: usize) -> Option<f64> {
        self.validation(metric).iter().rev().copied().flatten().find(|value| value.is_finite())
    }

    /// Index of the first point from which on the run has diverged: its train loss or metric is NaN or infinite to the end, or several
    /// times in a row. A single one is a step that was skipped; and a metric that never was a number beside a loss that is
    /// one was not measured, unless the loss is 0, which trainers write in place of NaN.
    pub fn diverged_at(&self, metric: usize) -> Option<usize> {
        self.diverged_within(metric, self.len())
    }

    /// The same, of the first points only.
    pub(crate) fn diverged_within(&self, metric: usize, points: usize) -> Option<usize> {
        let has_losses = self.train_loss()[..points].iter().any(Option::is_some);
        let is_measured = self.validation(metric).iter().take(points).flatten().any(|value| value.is_finite());
        let mut since: Option<usize> = None;
        let mut in_a_row = 0;
        for (index, point) in (0..points).filter_map(|index| Some((index, self.point(index, metric)?))) {
            let lost = |value: f64| !value.is_finite();
            let is_lost = match (point.train_loss, point.validation) {
                (Some(loss), _) if lost(loss) => Some(true),
                (Some(0.0), Some(value)) if lost(value) => Some(true),
                // Unless it was never measured: then it says nothing.
                (_, Some(value)) if is_measured && lost(value) => Some(true),
                (Some(_), _) => Some(false),
                (None, Some(value)) if !has_losses => Some(lost(value)),
                _ => None,
            };
            match is_lost {
                Some(true) => {
                    since.get_or_insert(index);
                    in_a_row += 1;
                    if in_a_row > SKIPPED {
                        return since;
                    }
                }
                Some(false) => (since, in_a_row) = (None, 0),
                None => {}
            }
        }
        since
    }
}
