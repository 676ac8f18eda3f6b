//! What people call the columns and members of rows that are no metrics but say what the others are about.

/// The columns of a table with a row a sample: the metric's name, and its value.
pub(crate) const METRIC: &[&str] =
    &["metric", "metric_name", "metric_key", "key", "tag", "attribute_path", "attribute", "variable", "series"];
pub(crate) const VALUE: &[&str] = &["value", "metric_value", "float_value"];

/// The column that counts batches within the epoch.
pub(crate) const BATCH: &[&str] = &["batch", "batch_idx", "batch_index", "batch_id", "minibatch"];
/// The column that tells the runs of such a table apart, where none is called after them.
pub(crate) const EXPERIMENT: &[&str] = &["experiment", "experiment_name", "exp", "exp_name", "name", "model"];

/// The column that says whether a row is about training or about an evaluation.
pub(crate) const PHASE: &[&str] =
    &["phase", "split", "mode", "stage", "subset", "partition", "dataset_split", "data_split"];
/// The columns that tell repetitions of one training apart, in a table of several: by seed or number, and by the part of the data that
/// is held out.
pub(crate) const REPETITIONS: [&[&str]; 2] = [
    &[
        "seed",
        "random_seed",
        "rng_seed",
        "random_state",
        "seed_id",
        "repetition",
        "repetition_id",
        "repeat",
        "repeat_id",
        "replicate",
        "replica",
    ],
    &[
        "fold",
        "k_fold",
        "kfold",
        "fold_id",
        "fold_idx",
        "fold_index",
        "fold_number",
        "cv_fold",
        "cv_split",
        "outer_fold",
    ],
];

/// Members of JSON rows that hold settings, whatever else is in the row.
const SETTINGS: [&str; 10] = [
    "config",
    "cfg",
    "args",
    "hparams",
    "hyperparameters",
    "hyper_parameters",
    "hyperparams",
    "run_config",
    "training_args",
    "cli_args",
];
/// What rows of settings are called besides, and by which keys.
const SETTINGS_ROWS: [&str; 6] = ["settings", "params", "parameters", "meta", "metadata", "header"];
const KINDS: [&str; 7] = ["type", "_type", "event", "kind", "record", "record_type", "msg_type"];

/// Does the member of a JSON row hold settings?
pub(crate) fn holds_settings(key: &str) -> bool {
    SETTINGS.contains(&key.to_lowercase().as_str())
}

/// Do a key and what it says tell that all of a JSON row are settings?
pub(crate) fn tells_of_settings(key: &str, says: &str) -> bool {
    let says = says.to_lowercase();
    KINDS.contains(&key.to_lowercase().as_str()) && (holds_settings(&says) || SETTINGS_ROWS.contains(&says.as_str()))
}

/// Does the name say which fold of a cross-validation it is about: `fold_0/metrics`, `run-kfold3`, `fold2/val_acc`?
pub(crate) fn is_of_fold(name: &str) -> bool {
    let lower = name.to_lowercase();
    lower.match_indices("fold").any(|(at, fold)| {
        let before = lower[..at].strip_suffix('k').unwrap_or(&lower[..at]);
        let rest = lower[at + fold.len()..].trim_start_matches(['_', '-', ' ', '=']);
        let begins = !before.ends_with(char::is_alphabetic) || before.ends_with("cv");
        let digits = rest.trim_start_matches(|character: char| character.is_ascii_digit());
        begins && digits.len() < rest.len() && !digits.starts_with(char::is_alphabetic)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_are_known_by_their_numbers() {
        for name in
            ["fold_0/metrics", "run-kfold3", "fold2/val_acc", "cv_fold=4", "val_acc_fold10", "a fold 1", "Fold-1"]
        {
            assert!(is_of_fold(name), "{name}");
        }
        for name in ["folder1", "scaffold_1", "fold", "tenfold", "fold_loss", "5-fold", "manifold2"] {
            assert!(!is_of_fold(name), "{name}");
        }
    }
}
