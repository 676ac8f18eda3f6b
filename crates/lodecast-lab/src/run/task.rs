//! What is trained: data, network, loss and metric behind one trait.

use burn::module::Module;
use burn::tensor::Tensor;
use lodecast::Metric;
use rand_chacha::ChaCha8Rng;

use crate::error::Result;
use crate::optimizers::OptimizerKind;
use crate::run::length::Length;
use crate::run::variation::Variation;

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
