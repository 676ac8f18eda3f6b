//! What is trained: data, network, loss and metric behind one trait.

use burn::module::Module;
use burn::tensor::Tensor;
use lodecast::Metric;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::optimizer::OptimizerKind;
use crate::variation::Variation;

/// The held-out examples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Split {
    /// Seen by methods while a run is going on, and by the models that learn from runs.
    Validation,
    /// For the final report only.
    Test,
}

/// How well a network does on held-out examples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluation {
    /// Mean loss an example.
    pub loss: f64,
    /// The task's metric.
    pub metric: f64,
}

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

/// Something to train: data, network, loss and metric. Implement it to bring another task to the lab.
///
/// A task is shared by all runs in flight. It must not draw random numbers but from the generator it is given, so that
/// equal seeds give equal runs. Every [`Task`] is [`Trainable`](crate::Trainable).
pub trait Task: Send + Sync {
    /// The network.
    type Model: Module;

    /// Training examples, ready for [`Self::loss`].
    type Batch: Clone + Send;

    /// Name as written in configurations and on the command line.
    fn name(&self) -> &str;

    /// Everything beyond the name and the [`Self::variation`] that decides what a run measures (sizes of the data sets, their
    /// seed). Two tasks with equal name, description and variation give equal runs.
    fn description(&self) -> String;

    /// How the task differs on purpose from what it is otherwise. The task itself applies what concerns its network and its data
    /// (the width, wrong labels, the share of the data, another data set); the size of a batch and the death of the network are
    /// applied to every task, and all of it is added to the description and the record of a run.
    fn variation(&self) -> Variation {
        Variation::default()
    }

    /// Name and direction of the metric.
    fn metric(&self) -> Metric;

    /// Length of a run unless the configuration says otherwise, without the variation.
    fn default_length(&self) -> Length;

    /// Peak learning rates worth sweeping, by factors of two across the point where training breaks down.
    fn peak_learning_rates(&self, optimizer: OptimizerKind) -> Vec<f64>;

    /// Number of training examples.
    fn train_examples(&self) -> usize;

    /// A fresh network that records gradients, its weights drawn from `random`.
    fn initial_model(&self, random: &mut ChaCha8Rng) -> Self::Model;

    /// Gets the training examples of the given indices ready. Augmentation is drawn from `random`, a stream of the run's
    /// own that starts anew at each step, so that it does not matter when a batch is loaded.
    ///
    /// # Errors
    /// If an example cannot be read. The run ends with the error.
    fn load(&self, batch: &[u32], random: &mut ChaCha8Rng) -> Result<Self::Batch>;

    /// Is loading so slow that the next batches are to be loaded on another thread while the network trains?
    fn loads_ahead(&self) -> bool {
        false
    }

    /// Mean loss over a batch of training examples.
    ///
    /// Dropout masks are drawn from `random`, a stream of the run's own. The framework's dropout draws from a generator
    /// that all runs share.
    fn loss(&self, model: &Self::Model, batch: Self::Batch, random: &mut ChaCha8Rng) -> Tensor<1>;

    /// The network with whatever it keeps about its own activations (the running statistics of batch normalisation)
    /// gathered anew: asked for where weights are an average of trained ones, which no batch has gone through. It must not
    /// share that state with `model`, which goes on training.
    ///
    /// # Errors
    /// If an example cannot be read.
    fn gathered_anew(&self, model: Self::Model) -> Result<Self::Model> {
        Ok(model)
    }

    /// How well the network does on held-out examples. The network is given without gradient recording.
    ///
    /// # Errors
    /// If an example cannot be read. The run ends with the error.
    fn evaluate(&self, model: &Self::Model, split: Split) -> Result<Evaluation>;
}
