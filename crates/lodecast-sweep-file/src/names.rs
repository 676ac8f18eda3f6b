//! What people and trackers call the columns of every sweep: in lower case, the likeliest first.

/// The column that names the run.
pub const RUN_ID: &[&str] = &["run_id", "run", "runid", "run_name", "run_uuid", "trial_id", "trial", "trial_name"];

/// The column that counts the optimizer steps.
pub const STEP: &[&str] = &[
    "step",
    "global_step",
    "steps",
    "iteration",
    "iter",
    "_step",
    "train_step",
    "trainer/global_step",
    "train/global_step",
    "training_iteration",
    "iterations",
    "num_updates",
    "update",
    "current_step",
];

/// The column that counts epochs: the steps, where there is nothing finer.
pub const EPOCH: &[&str] = &["epoch", "epochs", "_epoch"];

/// The train loss.
pub const TRAIN_LOSS: &[&str] = &["train_loss", "loss", "train/loss", "training_loss", "trainloss", "loss/train"];

/// The learning rate.
pub const LEARNING_RATE: &[&str] =
    &["learning_rate", "lr", "train/learning_rate", "train/lr", "learning-rate", "learningrate"];
