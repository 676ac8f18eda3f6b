//! A run as plain types, as it is pickled.

use lodecast::{Attributes, Metric, Run, Sweep};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// A run with the metrics of its sweep.
#[derive(Serialize, Deserialize)]
pub(crate) struct Recorded {
    metrics: Vec<Metric>,
    id: String,
    steps: Vec<u64>,
    train_loss: Vec<Option<f64>>,
    learning_rate: Vec<Option<f64>>,
    validation: Vec<Vec<Option<f64>>>,
    attributes: Attributes,
}

impl Recorded {
    pub(crate) fn new(metrics: &[Metric], run: &Run) -> Self {
        Self {
            metrics: metrics.to_vec(),
            id: run.id.clone(),
            steps: run.steps().to_vec(),
            train_loss: run.train_loss().to_vec(),
            learning_rate: run.learning_rate().to_vec(),
            validation: run.validations().map(<[_]>::to_vec).collect(),
            attributes: run.attributes.clone(),
        }
    }

    /// A sweep of this run only.
    pub(crate) fn sweep(self) -> Result<Sweep, Failure> {
        let Self { metrics, id, steps, train_loss, learning_rate, validation, attributes } = self;
        let run = Run::from_columns(id, steps, train_loss, learning_rate, validation)?;
        Ok(Sweep { metrics, runs: vec![run.with_attributes(attributes)] })
    }
}
