//! [`Row`]: the metric point of one row of a file.

/// The metric point of one row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub(crate) step: Option<u64>,
    pub(crate) train_loss: Option<f64>,
    pub(crate) learning_rate: Option<f64>,
    pub(crate) validation: Vec<Option<f64>>,
}

impl Row {
    /// A row with nothing in it, for `metrics` validation metrics.
    pub(crate) fn new(metrics: usize) -> Self {
        Self { validation: vec![None; metrics], ..Self::default() }
    }

    /// Takes a train loss that is the metric of this index, too.
    pub(crate) fn loss_and_metric(&mut self, metric: usize, value: Option<f64>) {
        self.train_loss = value;
        self.validation[metric] = value;
    }

    /// Makes room for as many metrics as there are by now.
    pub(crate) fn learn_metrics(&mut self, metrics: usize) {
        self.validation.resize(metrics, None);
    }

    /// Empties the row for the next one.
    pub(crate) fn clear(&mut self) {
        (self.step, self.train_loss, self.learning_rate) = (None, None, None);
        self.validation.fill(None);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.train_loss.is_none() && self.learning_rate.is_none() && self.validation.iter().all(Option::is_none)
    }
}
