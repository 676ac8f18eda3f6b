//! The settings of many runs, of which only the differences are kept, and which of them tell configurations apart.

use std::collections::{BTreeMap, BTreeSet};

use crate::names::REPETITIONS;
use crate::recording::Recording;
use crate::role::Role;

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

/// The settings of many runs, of which only the differences are kept.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    first: BTreeMap<String, String>,
    runs: Vec<OfRun>,
    /// What some run has shown to be no setting: it changed in its course.
    measured: BTreeSet<String>,
}

/// The settings of a run.
#[derive(Debug, Default)]
struct OfRun {
    /// What differs from the first run: another value, or none.
    differences: BTreeMap<String, Option<String>>,
    /// Numbers of a run of one row, which are settings where those of others are.
    only_row: BTreeMap<String, String>,
}

/// The settings in which runs differ.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Differing {
    /// What tells configurations apart.
    pub(crate) telling: BTreeSet<String>,
    /// Texts of each run's own: names, in all likelihood.
    pub(crate) names: BTreeSet<String>,
    /// What says who, where and when, or which of several seeds or folds.
    pub(crate) circumstances: BTreeSet<String>,
}

impl Settings {
    /// Adds the settings of the next run, but those `used` otherwise.
    pub(crate) fn push(&mut self, recording: &Recording, used: &BTreeSet<&str>) {
        let kept = |name: &str, value: &str| !used.contains(name) && !is_result(name, value);
        let settings = || recording.settings.iter().filter(|(name, value)| kept(name, value));
        self.measured.extend(recording.measured.iter().cloned());
        if self.runs.is_empty() {
            self.first = settings().map(|(name, value)| (name.clone(), value.clone())).collect();
        }
        let mut differences: BTreeMap<String, Option<String>> = settings()
            .filter(|(name, value)| self.first.get(*name) != Some(value))
            .map(|(name, value)| (name.clone(), Some(value.clone())))
            .collect();
        for name in self.first.keys() {
            if recording.settings.get(name).is_none_or(|value| !kept(name, value)) {
                differences.insert(name.clone(), None);
            }
        }
        let only_row = recording.only_row.iter().filter(|(name, value)| kept(name, value));
        let only_row = only_row.map(|(name, value)| (name.clone(), value.clone())).collect();
        self.runs.push(OfRun { differences, only_row });
    }

    /// The settings that differ between runs, by what they say.
    pub(crate) fn differing(&self) -> Differing {
        let mut differing = Differing::default();
        let names: BTreeSet<&String> = self.runs.iter().flat_map(|run| run.differences.keys()).collect();
        for name in names.into_iter().filter(|name| !self.measured.contains(*name)) {
            let values: BTreeSet<Option<&str>> = (0..self.runs.len()).map(|run| self.value(run, name)).collect();
            if values.len() < 2 {
                continue;
            }
            let is_number = values.iter().flatten().any(|text| text.parse::<f64>().is_ok());
            let is_own = self.runs.len() > 2 && values.len() == self.runs.len() && !is_number;
            let set = if is_circumstance(name, &values) {
                &mut differing.circumstances
            } else if is_own {
                &mut differing.names
            } else {
                &mut differing.telling
            };
            set.insert(name.clone());
        }
        differing
    }

    /// The value that run `run` gives to `name`.
    pub(crate) fn value(&self, run: usize, name: &str) -> Option<&str> {
        let of_run = self.runs.get(run)?;
        let set = match of_run.differences.get(name) {
            Some(other) => other.as_deref(),
            None => self.first.get(name).map(String::as_str),
        };
        set.or_else(|| of_run.only_row.get(name).map(String::as_str))
    }
}

/// Have two recordings the same settings, but for those that say who, where and when, and what was measured and never changed?
pub(crate) fn are_alike(one: &BTreeMap<String, String>, other: &BTreeMap<String, String>) -> bool {
    let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    names.into_iter().all(|name| {
        let values: BTreeSet<Option<&str>> = [one.get(name), other.get(name)].map(|v| v.map(String::as_str)).into();
        let is_measured = || values.iter().flatten().any(|value| is_result(name, value));
        values.len() == 1 || is_measured() || (is_circumstance(name, &values) && !is_repetition(name))
    })
}

/// Does the setting hold what must not be passed on: a password, a key?
pub(crate) fn is_credential(name: &str, value: &str) -> bool {
    const WORDS: [&str; 11] = [
        "password",
        "passwd",
        "pwd",
        "passphrase",
        "secret",
        "secrets",
        "credential",
        "credentials",
        "apikey",
        "authorization",
        "bearer",
    ];
    // Texts under these names; numbers are something else.
    const TEXTS: [&str; 7] = ["auth", "cookie", "cookies", "jwt", "key", "pass", "pat"];
    const KEYS: [&str; 11] = [
        "api_key",
        "access_key",
        "secret_key",
        "private_key",
        "auth_key",
        "ssh_key",
        "account_key",
        "signing_key",
        "wandb_key",
        "comet_key",
        "neptune_key",
    ];
    const STARTS: [&str; 9] = ["hf_", "sk-", "ghp_", "gho_", "github_pat_", "glpat-", "AKIA", "xoxb-", "eyJ"];
    let lower = name.to_lowercase().replace(['-', ' '], "_");
    let last = lower.rsplit(['.', '/']).next().unwrap_or(&lower);
    let is_text = !matches!(value.trim(), "true" | "false" | "True" | "False") && value.trim().parse::<f64>().is_err();
    let named = last.split('_').any(|word| WORDS.contains(&word))
        || KEYS.iter().any(|key| last == *key || last.ends_with(&format!("_{key}")))
        || (is_text && (last == "token" || last.ends_with("_token") && !is_token_of_text(last)));
    // "https://user:password@host", "curl -H 'Authorization: Bearer ...'".
    let in_address = value.split_once("://").and_then(|(_, rest)| rest.split(['/', ' ']).next());
    let has_password = in_address.and_then(|rest| rest.rsplit_once('@')).is_some_and(|(user, _)| user.contains(':'));
    let named = named || is_text && (TEXTS.contains(&last) || last.ends_with("_pat") || last.ends_with("_jwt"));
    named
        || has_password
        || value.contains("Bearer ")
        || (value.len() >= 20 && STARTS.iter().any(|start| value.starts_with(start)))
}

/// Is it a token that texts are made of?
fn is_token_of_text(name: &str) -> bool {
    const KINDS: [&str; 10] = ["pad", "eos", "bos", "unk", "mask", "cls", "sep", "special", "start", "end"];
    name.split('_').any(|word| KINDS.contains(&word))
}

/// Is it a number that was measured, though it never changed?
fn is_result(name: &str, value: &str) -> bool {
    value.parse::<f64>().is_ok() && [Role::Loss, Role::Validation, Role::Test].iter().any(|role| role.goes_by(name))
}

/// Does the setting say which of several repetitions the run is: which seed, which fold?
fn is_repetition(name: &str) -> bool {
    const COUNTS: [&str; 6] = ["n", "num", "number", "count", "total", "folds"];
    let lower = name.to_lowercase();
    let last = lower.rsplit(['.', '/']).next().unwrap_or_default();
    let words = || lower.split(|character: char| !character.is_alphanumeric());
    let is_among = |known: &[&str]| words().any(|word| known.contains(&word));
    is_among(&["seed", "seeds"])
        || REPETITIONS.iter().any(|names| names.contains(&last))
        || (is_among(&["fold"]) && !is_among(&COUNTS))
}

/// Words of what was trained, or trained on.
const WHAT: [&str; 8] = ["model", "data", "dataset", "datasets", "tokenizer", "corpus", "train", "pretrained"];

/// Does the setting say who, where or when the run was, or which of several seeds or folds it had?
fn is_circumstance(name: &str, values: &BTreeSet<Option<&str>>) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn recording(settings: &[(&str, &str)]) -> Recording {
        let mut recording = Recording::new("a", "a.csv");
        recording.settings = settings.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        recording
    }

    fn names(set: &BTreeSet<String>) -> Vec<&str> {
        set.iter().map(String::as_str).collect()
    }

    #[test]
    fn seeds_of_one_configuration_stay_one() {
        let mut settings = Settings::default();
        for (seed, width, tag) in [("0", "64", "a-0"), ("1", "64", "a-1"), ("0", "128", "b-0")] {
            let out = format!("/tmp/{tag}");
            let run = recording(&[
                ("seed", seed),
                ("data_seed", seed),
                ("width", width),
                ("tag", tag),
                ("run_name", tag),
                ("out", &out),
                ("depth", "3"),
            ]);
            settings.push(&run, &BTreeSet::from(["seed"]));
        }
        let differing = settings.differing();
        assert_eq!(names(&differing.telling), ["width"]);
        assert_eq!(names(&differing.names), ["tag"]);
        assert_eq!(names(&differing.circumstances), ["data_seed", "out", "run_name"]);
        assert_eq!((settings.value(1, "width"), settings.value(2, "width")), (Some("64"), Some("128")));
    }

    #[test]
    fn folds_are_repetitions_and_how_many_there_are_is_a_setting() {
        let (mut settings, mut recordings) = (Settings::default(), Vec::new());
        for (fold, folds) in [("0", "5"), ("1", "10")] {
            recordings.push(recording(&[
                ("data.fold", fold),
                ("fold_idx", fold),
                ("num_folds", folds),
                ("n_fold", folds),
            ]));
        }
        for recording in &recordings {
            settings.push(recording, &BTreeSet::new());
        }
        let differing = settings.differing();
        assert_eq!(names(&differing.circumstances), ["data.fold", "fold_idx"]);
        assert_eq!(names(&differing.telling), ["n_fold", "num_folds"]);
        assert!(!are_alike(&recordings[0].settings, &recordings[1].settings), "one does not go on with the other");
    }

    #[test]
    fn what_merely_sounds_like_a_circumstance_tells_configurations_apart() {
        let of = |change: &str| {
            let names = [
                "per_device_train_batch_size",
                "lora_rank",
                "model_name",
                "optimizer.name",
                "betas",
                "model.version",
                "output_activation",
                "time_embedding",
                "group_norm",
                "data.path",
            ];
            recording(&names.map(|name| (name, change)))
        };
        let mut settings = Settings::default();
        settings.push(&of("8"), &BTreeSet::new());
        settings.push(&of("16"), &BTreeSet::new());
        assert_eq!(settings.differing().telling.len(), 10, "{:?}", settings.differing());
    }

    #[test]
    fn credentials_are_known_by_name_and_by_look() {
        for (name, value) in [
            ("api_key", "x"),
            ("wandb.api-key", "x"),
            ("HF_TOKEN", "abc"),
            ("db.password", "x"),
            ("aws_secret_access_key", "x"),
            ("hub", "hf_abcdefghijklmnopqrst"),
            ("auth_token", "y"),
            ("client_secret", "x"),
            ("wandb_key", "0123"),
            ("smtp.pass", "hunter2"),
            ("GITHUB_PAT", "x"),
            ("session_jwt", "x"),
            ("cookie", "a=b"),
            ("notes", "curl -H 'Authorization: Bearer tok'"),
            ("database", "postgresql://me:secret@host/db"),
        ] {
            assert!(is_credential(name, value), "{name}");
        }
        for (name, value) in [
            ("num_tokens", "1000"),
            ("max_token", "12"),
            ("tokens", "3"),
            ("pad_token", "<pad>"),
            ("key_dim", "64"),
            ("token", "7"),
            ("use_auth_token", "true"),
            ("secretary", "x"),
            ("optimizer", "sgd"),
            ("pass", "3"),
            ("forward_pass", "fp16"),
            ("tracking", "https://host/a@b:c"),
        ] {
            assert!(!is_credential(name, value), "{name}");
        }
    }
}
