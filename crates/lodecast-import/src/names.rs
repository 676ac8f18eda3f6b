//! What people and frameworks usually call a train loss, a learning rate, a validation metric, and which way is better.

mod rows;

use lodecast::Direction;
pub(crate) use lodecast_sweep_file::names::{EPOCH, RUN_ID, STEP};
pub(crate) use rows::{
    BATCH, EXPERIMENT, METRIC, PHASE, REPETITIONS, VALUE, holds_settings, is_of_fold, tells_of_settings,
};

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

/// Words that name data which is not trained on, in the order of preference.
const HELD_OUT: [&[&str]; 2] = [&["val", "valid", "validation", "eval", "evaluation", "dev"], &["test", "testing"]];
/// What phases of training are called besides.
const HELD_OUT_PHASES: [&[&str]; 2] =
    [&["validate", "validating", "evaluate", "evaluating", "holdout"], &["inference", "predict"]];

const TRAINED_ON: [&str; 4] = ["train", "training", "trn", "trainer"];

/// What the evaluations of detectors and segmenters are about, which Detectron2 says before their metrics.
const TASKS: [&str; 5] = ["bbox", "segm", "keypoints", "sem_seg", "panoptic_seg"];

/// What reinforcement learning measures of its policy.
const RETURNS: &[&str] = &["episode_reward_mean", "episode_return_mean"];

/// Words of figures about the measuring itself.
const BOOKKEEPING: [&str; 21] = [
    "runtime",
    "time",
    "duration",
    "second",
    "seconds",
    "samples",
    "steps",
    "step",
    "rate",
    "examples",
    "num",
    "count",
    "batches",
    "batch",
    "size",
    "memory",
    "mem",
    "gpu",
    "cpu",
    "throughput",
    "speed",
];

/// Words of metrics of which more is better.
const MORE: [&str; 54] = [
    "accuracy",
    "acc",
    "top",
    "f1",
    "fbeta",
    "auc",
    "auroc",
    "auprc",
    "ap",
    "map",
    "precision",
    "recall",
    "bleu",
    "rouge",
    "rougel",
    "meteor",
    "iou",
    "miou",
    "dice",
    "r2",
    "psnr",
    "ssim",
    "ndcg",
    "mrr",
    "reward",
    "return",
    "matthews",
    "mcc",
    "chrf",
    "jaccard",
    "kappa",
    "qwk",
    "spearman",
    "pearson",
    "sensitivity",
    "specificity",
    "success",
    "win",
    "winrate",
    "match",
    "dsc",
    "pck",
    "hits",
    "pq",
    "mpq",
    "mota",
    "idf",
    "hota",
    "cider",
    "pesq",
    "stoi",
    "sdr",
    "sisdr",
    "uar",
];

/// Words of metrics of which less is better.
const LESS: [&str; 33] = [
    "loss",
    "error",
    "err",
    "perplexity",
    "ppl",
    "wer",
    "cer",
    "mer",
    "nll",
    "mse",
    "rmse",
    "mae",
    "mape",
    "bpb",
    "bpc",
    "ce",
    "bce",
    "entropy",
    "fid",
    "kl",
    "brier",
    "ece",
    "rmsle",
    "smape",
    "lpips",
    "logloss",
    "bpd",
    "bits",
    "crps",
    "eer",
    "hausdorff",
    "regret",
    "misclassification",
];

/// A name without the unit behind it: `train_loss (nats)`, `val_acc [%]`. One with a factor in it says that something else was logged.
pub(crate) fn without_unit(name: &str) -> &str {
    let name = name.trim();
    let unit = name.strip_suffix(')').and_then(|name| name.rsplit_once('('));
    let unit = unit.or_else(|| name.strip_suffix(']').and_then(|name| name.rsplit_once('[')));
    match unit {
        Some((bare, unit)) if !bare.is_empty() && !unit.contains(|letter: char| letter.is_ascii_digit()) => {
            bare.trim_end()
        }
        _ => name,
    }
}

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

/// Is it the number of the epoch?
pub(crate) fn is_epoch(name: &str) -> bool {
    let lower = name.to_lowercase();
    lower.split(['/', '.']).next_back() == Some("epoch")
}

/// Rank of `name` among validation metrics: 0 on validation data, 1 on test data. None for what is no such metric.
pub(crate) fn validation_rank(name: &str) -> Option<usize> {
    // Keras logs the same numbers over epochs, too.
    if name.ends_with("_vs_iterations") {
        return None;
    }
    // RLlib's return, which has no other name.
    if name.rsplit('/').next().is_some_and(|last| RETURNS.contains(&last)) {
        return Some(0);
    }
    let words = words(name);
    let is = |known: &[&str]| words.iter().any(|word| known.contains(&word.as_str()));
    // An error rate is one, a rate of samples is not.
    let is_bookkeeping =
        |word: &String| BOOKKEEPING.contains(&word.as_str()) && !(word == "rate" && (is(&MORE) || is(&LESS)));
    if words.iter().any(is_bookkeeping) {
        return None;
    }
    let of_task = |part: &str| TASKS.contains(&part);
    if name.split('/').rev().skip(1).any(of_task) && is(&MORE) {
        return Some(0);
    }
    HELD_OUT.iter().position(|held_out| words.iter().any(|word| held_out.contains(&word.as_str())))
}

/// The data that a phase of training evaluates on, if it is not the one that is trained on.
pub(crate) fn held_out(phase: &str) -> Option<&'static str> {
    let phase = phase.to_lowercase();
    // "val_unseen", "dev-clean", "sanity_check_val".
    let words: Vec<&str> = phase.split(|c: char| !c.is_alphanumeric()).collect();
    if words.starts_with(&["held", "out"]) || words.starts_with(&["hold", "out"]) {
        return Some(HELD_OUT[0][0]);
    }
    let mut kinds = HELD_OUT.iter().zip(HELD_OUT_PHASES);
    let is_known = |word: &&str, names: &[&str], phases: &[&str]| names.contains(word) || phases.contains(word);
    kinds.find(|(names, phases)| words.iter().any(|word| is_known(word, names, phases))).map(|(names, _)| names[0])
}

/// Is that the phase of training?
pub(crate) fn is_training(phase: &str) -> bool {
    TRAINED_ON.iter().any(|word| phase.eq_ignore_ascii_case(word))
}

/// Does the name say which data it is about?
pub(crate) fn is_of_data(name: &str) -> bool {
    let words = full_words(name);
    words
        .iter()
        .any(|word| TRAINED_ON.contains(&word.as_str()) || HELD_OUT.iter().any(|of| of.contains(&word.as_str())))
}

/// Which way of a metric is better, where its name says so.
pub(crate) fn direction(name: &str) -> Option<Direction> {
    let words = words(name);
    let among = |known: &[&str]| words.iter().any(|word| known.contains(&word.as_str()));
    let way = match (among(&MORE), among(&LESS)) {
        (true, false) => Direction::Max,
        (false, true) => Direction::Min,
        _ => return None,
    };
    match turned(name) {
        Turned::No => Some(way),
        Turned::Over => Some(if way == Direction::Max { Direction::Min } else { Direction::Max }),
        Turned::Perhaps => None,
    }
}

/// Is a metric the negative of what it is called after, or one less it?
enum Turned {
    No,
    Over,
    /// `neg_loss` may be that of negative pairs.
    Perhaps,
}

fn turned(name: &str) -> Turned {
    // So scikit-learn calls its scores.
    const SCORES: [&str; 5] = ["neg_mean_", "neg_root_mean_", "neg_median_", "neg_log_loss", "neg_max_error"];
    const NEGATIVE: [&str; 11] = [
        "neg",
        "negative",
        "inverse",
        "inv",
        "drop",
        "gap",
        "reduction",
        "improvement",
        "correction",
        "difference",
        "scale",
    ];
    let lower = name.to_lowercase();
    let is_less_than_one = ["1-", "1 - ", "1_minus_", "one_minus_"].iter().any(|start| {
        let Some((before, after)) = lower.split_once(start) else { return false };
        let next = after.split(|character: char| !character.is_alphanumeric()).next().unwrap_or_default();
        let last = before.split(|character: char| !character.is_alphanumeric()).rfind(|word| !word.is_empty());
        // `f1-score` and `top-1-acc` are no differences.
        let is_rank = last.is_some_and(|last| ["top", "rank", "pass", "hits", "at", "r", "p"].contains(&last));
        !before.ends_with(char::is_alphanumeric) && !is_rank && (MORE.contains(&next) || LESS.contains(&next))
    });
    if is_less_than_one || SCORES.iter().any(|score| lower.contains(score)) {
        return Turned::Over;
    }
    if full_words(name).iter().any(|word| NEGATIVE.contains(&word.as_str())) { Turned::Perhaps } else { Turned::No }
}

/// Words of metrics of more or less than nought, though more or less of them is better.
const OF_EITHER_SIGN: [&str; 19] = [
    "reward",
    "return",
    "returns",
    "r2",
    "matthews",
    "mcc",
    "phi",
    "kappa",
    "qwk",
    "spearman",
    "pearson",
    "correlation",
    "corr",
    "sdr",
    "sisdr",
    "snr",
    "psnr",
    "win",
    "elbo",
];

/// May the metric be more or less than nought, as its name says?
pub(crate) fn is_of_either_sign(name: &str) -> bool {
    let words = full_words(name);
    words.iter().any(|word| OF_EITHER_SIGN.contains(&word.as_str())) || !matches!(turned(name), Turned::No)
}

/// Is less of it better, and is it a share of what is wrong, as an error rate is?
pub(crate) fn is_percentage(name: &str) -> bool {
    const SHARES: [&str; 5] = ["error", "err", "wer", "cer", "eer"];
    full_words(name).iter().any(|word| SHARES.contains(&word.as_str()))
}

/// Is it a loss, an error, or a share of what is right, which is never less than nought? Of a loss that can be, the values tell.
pub(crate) fn is_never_negative(name: &str) -> bool {
    (loss_rank(name).is_some() || direction(name).is_some()) && !is_of_either_sign(name)
}

/// Is it the best of a metric so far, which hides what came after?
pub(crate) fn is_best_so_far(name: &str) -> bool {
    full_words(name).iter().any(|word| ["best", "bestsofar", "highest", "lowest"].contains(&word.as_str()))
}

/// Is it a metric over everything, as its name says?
pub(crate) fn is_overall(name: &str) -> bool {
    const OVERALL: [&str; 11] =
        ["mean", "avg", "average", "overall", "all", "total", "macro", "micro", "weighted", "map", "miou"];
    full_words(name).iter().any(|word| OVERALL.contains(&word.as_str()))
}

/// A name without its last part, which may be that of a class: `val/ap_` of `val/ap_cat`.
pub(crate) fn stem(name: &str) -> Option<&str> {
    let end = name.rfind(['/', '_', '.', '-', ' '])?;
    (end > 0).then(|| &name[..=end])
}

/// Do two names of metrics on held-out data say the same in other words, as `val_acc` and `validation/accuracy` do?
pub(crate) fn same_metric(one: &str, other: &str) -> bool {
    const SPELLINGS: [(&str, &str); 5] =
        [("acc", "accuracy"), ("err", "error"), ("ppl", "perplexity"), ("crossentropy", "ce"), ("avg", "mean")];
    let meaning = |name: &str| {
        let mut words = full_words(name);
        for word in &mut words {
            if let Some(held_out) = HELD_OUT.iter().find(|held_out| held_out.contains(&word.as_str())) {
                held_out[0].clone_into(word);
            }
            if let Some((_, whole)) = SPELLINGS.iter().find(|(short, _)| short == word) {
                (*whole).clone_into(word);
            }
        }
        words.sort();
        words
    };
    meaning(one) == meaning(other)
}

/// The words of a name, without the numbers at their end unless they belong to them.
fn words(name: &str) -> Vec<String> {
    let mut words = full_words(name);
    for word in &mut words {
        let bare = word.trim_end_matches(|character: char| character.is_ascii_digit());
        if !bare.is_empty() && !["f1", "r2"].contains(&word.as_str()) {
            *word = bare.to_owned();
        }
    }
    words
}

/// The words of a name in lower case, split at separators and at capitals, but for abbreviations such as mIoU.
fn full_words(name: &str) -> Vec<String> {
    const MIXED: [(&str, &str); 5] =
        [("mIoU", "Miou"), ("IoU", "Iou"), ("CIDEr", "Cider"), ("mPQ", "Mpq"), ("WinRate", "Winrate")];
    let name = MIXED.iter().fold(std::borrow::Cow::Borrowed(name), |name, (mixed, word)| {
        if name.contains(mixed) { name.replace(mixed, word).into() } else { name }
    });
    let mut words: Vec<String> = Vec::new();
    let mut before = ' ';
    for character in name.chars() {
        if !character.is_alphanumeric() {
            before = ' ';
            continue;
        }
        let starts = before == ' ' || (character.is_uppercase() && before.is_lowercase());
        match words.last_mut() {
            Some(word) if !starts => word.extend(character.to_lowercase()),
            _ => words.push(character.to_lowercase().collect()),
        }
        before = character;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frameworks_names_are_known() {
        for name in ["lr", "event_lr", "train/learning_rate", "trainer/lr", "info/learner/default_policy/lr"] {
            assert_eq!(rate_rank(name), Some(0), "{name}");
        }
        for name in ["lr-Adam", "lr-SGD/pg1", "lr/group0", "lr_0", "lr0", "train/lr-AdamW"] {
            assert_eq!(rate_rank(name), Some(1), "{name}");
        }
        for name in ["lr-SGD-momentum", "lr-Adam-weight_decay", "lru", "alpha", "lr_scheduler"] {
            assert_eq!(rate_rank(name), None, "{name}");
        }
        for name in ["val_error_rate", "bbox/AP", "coco/segm/AP75", "val_success_rate"] {
            assert_eq!(validation_rank(name), Some(0), "{name}");
        }
        assert_eq!(validation_rank("val_sample_rate"), None);
        for name in ["val_loss", "val/acc", "eval_wer", "validation/mean_average_precision", "ValidLossEpoch"] {
            assert_eq!(validation_rank(name), Some(0), "{name}");
        }
        assert_eq!(validation_rank("test/accuracy"), Some(1));
        for name in ["metrics/train/loss", "Loss/epoch/train", "TrainLossStep", "train_cross_entropy_loss", "avg loss"]
        {
            assert!(loss_rank(name).is_some(), "{name}");
        }
        assert!(loss_rank("metrics/train/loss") < loss_rank("metrics/loss"));
        for name in ["val_loss", "aux_loss", "loss_scale", "train/kl_loss", "loss/validation", "train_acc"] {
            assert_eq!(loss_rank(name), None, "{name}");
        }
        for name in ["eval_runtime", "eval_samples_per_second", "validation/num_examples", "value", "evaluate_me"] {
            assert_eq!(validation_rank(name), None, "{name}");
        }
    }

    #[test]
    fn units_belong_to_no_name() {
        assert_eq!(loss_rank("train_loss (nats)"), loss_rank("train_loss"));
        assert_eq!(
            (rate_rank("lr [1/s]"), rate_rank("lr (1e-3)"), rate_rank("learning rate [-]")),
            (None, None, Some(0))
        );
        assert_eq!(validation_rank("val_acc [%]"), Some(0));
        assert!(is_best_so_far("best_val_acc") && is_best_so_far("val/acc.best") && !is_best_so_far("val_acc"));
    }

    #[test]
    fn directions_are_those_of_the_words() {
        for name in ["val_acc", "eval_top1", "val/Accuracy@5", "eval_f1", "validation/ssim", "valAUC", "eval_bleu"] {
            assert_eq!(direction(name), Some(Direction::Max), "{name}");
        }
        for name in ["val_loss", "eval_wer", "validation/ctc_loss", "ValidLossEpoch", "val/perplexity"] {
            assert_eq!(direction(name), Some(Direction::Min), "{name}");
        }
        for name in ["val/mIoU", "val_IoU_0", "valMIoU", "val_success_rate", "bbox/AP50", "val_top-1-acc", "val_acc_1"]
        {
            assert_eq!(direction(name), Some(Direction::Max), "{name}");
        }
        for name in ["val_1-acc", "1 - accuracy/val", "val_error_rate", "val_LPIPS", "val_log_loss", "valLogLoss"] {
            assert_eq!(direction(name), Some(Direction::Min), "{name}");
        }
        assert_eq!(direction("val_neg_mean_squared_error"), Some(Direction::Max));
        for name in ["val/score", "val_objective", "val_acc_loss", "val_neg_loss", "val_inverse_accuracy"] {
            assert_eq!(direction(name), None, "{name}");
        }
    }

    #[test]
    fn one_metric_in_other_words_is_recognised() {
        for (one, other) in [("val_acc", "validation/accuracy"), ("eval/loss", "loss/val"), ("valAcc", "dev.acc")] {
            assert!(same_metric(one, other), "{one} {other}");
        }
        for (one, other) in [("val_top1", "val_top5"), ("val_acc", "test_acc"), ("val_loss", "val_loss_epoch")] {
            assert!(!same_metric(one, other), "{one} {other}");
        }
    }
}
