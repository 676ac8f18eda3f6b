//! What a caller says about a file to read, and what the reader says about it afterwards.

use lodecast::Metric;

/// What the caller knows about a file. The default fits every file that lodecast wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadOptions {
    /// Validation metrics to read, in this order. Empty: all those whose direction the file itself declares.
    pub metrics: Vec<Metric>,
    /// Name of the run id's column, where it is neither `run_id` nor one of its usual aliases.
    pub run_id: Option<String>,
    /// Name of the step's column.
    pub step: Option<String>,
    /// Name of the train loss's column.
    pub train_loss: Option<String>,
    /// Name of the learning rate's column.
    pub learning_rate: Option<String>,
}

impl ReadOptions {
    /// Options that ask for these validation metrics and leave the rest to the file.
    pub fn with_metrics(metrics: impl IntoIterator<Item = Metric>) -> Self {
        Self { metrics: metrics.into_iter().collect(), ..Self::default() }
    }

    /// Names the run id's column.
    #[must_use]
    pub fn run_id(mut self, column: impl Into<String>) -> Self {
        self.run_id = Some(column.into());
        self
    }

    /// Names the step's column.
    #[must_use]
    pub fn step(mut self, column: impl Into<String>) -> Self {
        self.step = Some(column.into());
        self
    }

    /// Names the train loss's column.
    #[must_use]
    pub fn train_loss(mut self, column: impl Into<String>) -> Self {
        self.train_loss = Some(column.into());
        self
    }

    /// Names the learning rate's column.
    #[must_use]
    pub fn learning_rate(mut self, column: impl Into<String>) -> Self {
        self.learning_rate = Some(column.into());
        self
    }
}

/// What a reader did with a file besides taking its values as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadReport {
    /// Rows read.
    pub rows: u64,
    /// Rows joined to an earlier row of the same run and step.
    pub merged_rows: u64,
    /// Runs whose rows were not in the order of their steps, and were sorted.
    pub sorted_runs: Vec<String>,
    /// Runs without any metric point.
    pub runs_without_points: Vec<String>,
    /// Columns that were not used, in the order of the file.
    pub ignored_columns: Vec<String>,
}
