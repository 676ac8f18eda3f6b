//! Settings that say who, where and when, or which of several repetitions, instead of what.

use std::collections::BTreeSet;

use crate::names::REPETITIONS;

/// Names of settings that say who, where and when instead of what: the whole last part.
const CIRCUMSTANCES: &[&str] = &[
    "run_name",
    "run_id",
    "run_uuid",
    "exp_name",
    "experiment_name",
    "exp_id",
    "trial_id",
    "trial_name",
    "job_name",
    "job_id",
    "slurm_job_id",
    "uuid",
    "pid",
    "port",
    "master_port",
    "master_addr",
    "host",
    "hostname",
    "node",
    "nodename",
    "ip",
    "address",
    "user",
    "username",
    "author",
    "timestamp",
    "start_time",
    "end_time",
    "datetime",
    "commit",
    "git_commit",
    "git_hash",
    "git_sha",
    "git_branch",
    "device",
    "devices",
    "gpu",
    "gpus",
    "gpu_id",
    "gpu_ids",
    "cuda",
    "cpu",
    "rank",
    "local_rank",
    "global_rank",
    "node_rank",
    "url",
    "uri",
    "tracking_uri",
    "dir",
    "directory",
    "folder",
    "output_dir",
    "out_dir",
    "save_dir",
    "log_dir",
    "logdir",
    "logging_dir",
    "work_dir",
    "workdir",
    "run_dir",
    "default_root_dir",
    "checkpoint_dir",
    "ckpt_dir",
    "checkpoint_path",
    "ckpt_path",
    "resume",
    "resume_from",
    "resume_from_checkpoint",
    "entity",
    "run_group",
    "wandb_project",
    "wandb_run_id",
    "wandb_entity",
    "_runtime",
    "_timestamp",
    "hub_model_id",
];

/// Names that do so unless they are nested in what they are the name of.
const UNLESS_NESTED: &[&str] = &[
    "name",
    "id",
    "version",
    "group",
    "path",
    "file",
    "filename",
    "time",
    "date",
    "output",
    "out",
    "tags",
    "notes",
    "project",
    "note",
    "comment",
    "description",
    "run",
    "experiment",
    "exp",
    "trial",
    "job",
];

/// What these may be nested in all the same.
const RUNS: [&str; 12] =
    ["run", "experiment", "exp", "job", "trial", "wandb", "mlflow", "logger", "logging", "project", "config", "args"];

/// Words of what was trained, or trained on.
const WHAT: [&str; 8] = ["model", "data", "dataset", "datasets", "tokenizer", "corpus", "train", "pretrained"];

/// Does the setting say who, where or when the run was, or which of several seeds or folds it had?
pub(super) fn is_circumstance(name: &str, values: &BTreeSet<Option<&str>>) -> bool {
    let lower = name.to_lowercase();
    let mut parts = lower.rsplit(['.', '/']);
    let (last, parent) = (parts.next().unwrap_or_default(), parts.next());
    let nested = parent.is_some_and(|parent| !RUNS.contains(&parent));
    if is_repetition(name) || CIRCUMSTANCES.contains(&last) || (UNLESS_NESTED.contains(&last) && !nested) {
        return true;
    }
    // A path says where, unless it is that of what was trained, or trained on.
    let is_path = |value: &str| value.starts_with(['/', '~']) || value.contains("://") || value.contains(":\\");
    let says_what = lower.split(|character: char| !character.is_alphanumeric()).any(|word| WHAT.contains(&word));
    !says_what && values.iter().flatten().any(|value| is_path(value.trim()))
}

/// Does the setting say which of several repetitions the run is: which seed, which fold?
pub(super) fn is_repetition(name: &str) -> bool {
    const COUNTS: [&str; 6] = ["n", "num", "number", "count", "total", "folds"];
    let lower = name.to_lowercase();
    let last = lower.rsplit(['.', '/']).next().unwrap_or_default();
    let words = || lower.split(|character: char| !character.is_alphanumeric());
    let is_among = |known: &[&str]| words().any(|word| known.contains(&word));
    is_among(&["seed", "seeds"])
        || REPETITIONS.iter().any(|names| names.contains(&last))
        || (is_among(&["fold"]) && !is_among(&COUNTS))
}
