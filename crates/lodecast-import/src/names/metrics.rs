//! What validation metrics are called, and which way of them is better.

use lodecast::Direction;

use super::phases::HELD_OUT;
use super::training::loss_rank;
use super::words::{full_words, words};

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
