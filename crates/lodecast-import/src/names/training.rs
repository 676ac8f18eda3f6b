//! What a train loss, a learning rate and the number of an epoch are usually called.

use lodecast_sweep_file::names::{EPOCH, STEP};

use super::words::{full_words, without_unit};

/// Names of a train loss, the likeliest first.
const LOSSES: &[&str] = &[
    "train_loss",
    "train/loss",
    "loss/train",
    "training_loss",
    "train_loss_step",
    "train/loss_step",
    "loss",
    "trainer/loss",
    "training/loss",
    "losses/train",
    "train/train_loss",
    "train/cross_entropy",
    "train_ce_loss",
    "loss_step",
    "batch_loss",
    "train_batch_loss",
    "loss/training",
    "trainloss",
    "train.loss",
    "train loss",
    "train_loss_epoch",
    "train/loss_epoch",
    "train/epoch_loss",
    "epoch_loss",
    "total_loss",
    "train/total_loss",
    "train_inner/loss",
    "lm loss",
    "lm_loss",
    "lm-loss-training/lm loss",
    "training loss",
    "train-loss",
    "tr_loss",
    "loss_train",
    "loss/total",
    "loss_total",
    "losses/total",
    "ce_loss",
    "nll_loss",
    "train_nll",
    "train/nll",
    "train_ce",
    "train_mse",
    "train_avg_loss",
    "train/avg_loss",
    "mean_loss",
    "avg_loss",
    "running_loss",
    "trl",
];

/// Names of a learning rate by itself.
const RATES: &[&str] = &[
    "learning_rate",
    "lr",
    "learningrate",
    "learning rate",
    "learning-rate",
    "step_size",
    "stepsize",
    "current_lr",
    "train_lr",
    "train_learning_rate",
    "cur_lr",
    "epoch_learning_rate",
    "epoch_lr",
    // skorch's LRScheduler
    "event_lr",
];

/// Words that make something else of a learning rate's name.
const NOT_RATES: [&str; 9] =
    ["momentum", "weight_decay", "scale", "factor", "beta", "schedule", "scheduler", "decay", "mult"];

/// Rank of `name` among the usual names of a train loss: the lower, the likelier.
pub(crate) fn loss_rank(name: &str) -> Option<usize> {
    let name = without_unit(name);
    let lower = name.to_lowercase();
    // RLlib nests what its learners report under the name of the policy.
    let lower = if lower.starts_with("info/learner/") { lower.rsplit('/').next().unwrap_or_default() } else { &lower };
    LOSSES.iter().position(|usual| *usual == lower).or_else(|| loss_rank_by_words(name))
}

/// Rank of a name that is spelt otherwise: `metrics/train/loss`, `Loss/epoch/train`.
fn loss_rank_by_words(name: &str) -> Option<usize> {
    const TRAIN: [&str; 4] = ["train", "training", "trn", "trainer"];
    // What says how it was averaged, or where it was logged.
    const BESIDE: [&str; 22] = [
        "step",
        "steps",
        "epoch",
        "batch",
        "iter",
        "iteration",
        "avg",
        "average",
        "mean",
        "total",
        "running",
        "metrics",
        "metric",
        "losses",
        "scalars",
        "log",
        "logs",
        "ce",
        "cross",
        "entropy",
        "lm",
        "nll",
    ];
    let words = full_words(name);
    let has = |among: &[&str]| words.iter().any(|word| among.contains(&word.as_str()));
    let known = |word: &String| word == "loss" || TRAIN.contains(&word.as_str()) || BESIDE.contains(&word.as_str());
    (has(&["loss"]) && words.iter().all(known)).then_some(LOSSES.len() + usize::from(!has(&TRAIN)))
}

/// Rank of `name` among the usual names of a learning rate: 0 for one that stands alone, 1 for that of a parameter group
/// (`lr-Adam/pg1`, `lr/group0`, `train/lr_0`).
pub(crate) fn rate_rank(name: &str) -> Option<usize> {
    // What is logged in thousandths is another number.
    let is_scaled = name.ends_with([')', ']']) && ["1e", "10^", "1/", "x1"].iter().any(|factor| name.contains(factor));
    let lower = without_unit(name).to_lowercase();
    if is_scaled || NOT_RATES.iter().any(|word| lower.contains(word)) {
        return None;
    }
    let parts = || lower.split(['/', '.']);
    if parts().next_back().is_some_and(|last| RATES.contains(&last)) {
        return Some(0);
    }
    let grouped = |part: &str| {
        RATES.iter().any(|rate| {
            part.strip_prefix(rate).is_some_and(|rest| {
                rest.is_empty() || rest.starts_with(['-', '_', ' ']) || rest.bytes().all(|byte| byte.is_ascii_digit())
            })
        })
    };
    parts().any(grouped).then_some(1)
}

/// Is it what rows are counted by: a usual name of the step, or of the epoch?
pub(crate) fn is_count(name: &str) -> bool {
    let lower = name.to_lowercase();
    STEP.contains(&lower.as_str()) || EPOCH.contains(&lower.as_str())
}

/// Is it the number of the epoch?
pub(crate) fn is_epoch(name: &str) -> bool {
    let lower = name.to_lowercase();
    lower.split(['/', '.']).next_back() == Some("epoch")
}
