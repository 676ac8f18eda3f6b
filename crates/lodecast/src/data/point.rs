//! One metric point of a run.

use serde::{Deserialize, Serialize};

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
