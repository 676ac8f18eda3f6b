//! How long a run is.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Length of a run and how finely it is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Length {
    /// Passes over the training examples.
    pub epochs: u64,
    /// Examples an optimizer step. What is left over at the end of an epoch is not used in it.
    pub batch_size: usize,
    /// Metric points an epoch, evenly spaced.
    pub points_per_epoch: u64,
}

impl Length {
    /// Optimizer steps an epoch.
    pub fn steps_per_epoch(&self, examples: usize) -> u64 {
        (examples / self.batch_size.max(1)) as u64
    }

    /// Optimizer steps of the whole run.
    pub fn total_steps(&self, examples: usize) -> u64 {
        self.epochs * self.steps_per_epoch(examples)
    }

    /// The same with as many whole epochs, at least one, as `total_steps` hold.
    #[must_use]
    pub fn of_steps(self, total_steps: u64, examples: usize) -> Self {
        Self { epochs: (total_steps / self.steps_per_epoch(examples).max(1)).max(1), ..self }
    }

    /// Is a metric point due after `done` optimizer steps?
    pub(crate) fn point_due(&self, done: u64, examples: usize) -> bool {
        let steps = self.steps_per_epoch(examples);
        done * self.points_per_epoch / steps > (done - 1) * self.points_per_epoch / steps
    }

    /// Checks that a run over `examples` training examples has steps and points.
    ///
    /// # Errors
    /// Names the setting and its range.
    pub fn check(&self, examples: usize) -> Result<()> {
        let fail = |name, value: u64, remedy| Err(Error::Setting { name, value: value.to_string(), remedy });
        if self.epochs == 0 {
            return fail("epochs", 0, "train for at least one");
        }
        if !(1..=examples).contains(&self.batch_size) {
            return fail("batch_size", self.batch_size as u64, "take at least 1 and at most all training examples");
        }
        if !(1..=self.steps_per_epoch(examples)).contains(&self.points_per_epoch) {
            return fail("points_per_epoch", self.points_per_epoch, "take at least 1 and at most one a step");
        }
        Ok(())
    }
}
