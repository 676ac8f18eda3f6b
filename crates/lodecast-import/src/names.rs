//! What people and frameworks usually call a train loss, a learning rate, a validation metric, and which way is better.

mod metrics;
mod phases;
mod rows;
mod training;
mod words;

pub(crate) use lodecast_sweep_file::names::{EPOCH, RUN_ID, STEP};
pub(crate) use metrics::{
    direction, is_best_so_far, is_never_negative, is_of_either_sign, is_overall, is_percentage, same_metric, stem,
    validation_rank,
};
pub(crate) use phases::{held_out, is_of_data, is_training};
pub(crate) use rows::{
    BATCH, EXPERIMENT, METRIC, PHASE, REPETITIONS, VALUE, holds_settings, is_of_fold, tells_of_settings,
};
pub(crate) use training::{is_count, is_epoch, loss_rank, rate_rank};

#[cfg(test)]
mod tests {
    use lodecast::Direction;

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
