//! Settings of a training as they are compared: which attributes are settings, and when two values are the same.

/// Words in the name of an attribute that say it is no setting of the training.
const NO_SETTING: [&str; 20] = [
    "seed",
    "uuid",
    "host",
    "hostname",
    "node",
    "cluster",
    "pid",
    "user",
    "timestamp",
    "created",
    "started",
    "finished",
    "commit",
    "device",
    "rank",
    "trial",
    "path",
    "dir",
    "directory",
    "folder",
];
/// Words that say so in these pairs, or alone.
const NO_SETTING_IN_PAIRS: [(&str, &[&str]); 6] = [
    ("state", &["random"]),
    ("id", &["run", "experiment", "job", "process"]),
    ("name", &["run", "experiment", "job"]),
    ("time", &["start", "end", "wall"]),
    ("date", &["start", "end"]),
    ("gpu", &["name", "type", "model", "id", "index"]),
];

/// Is an attribute of this name a setting of the training?
pub(crate) fn is_setting(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let paired = |&(word, others): &(&str, &[&str])| {
        words.contains(&word) && (words.len() == 1 || words.iter().any(|other| others.contains(other)))
    };
    !words.iter().any(|word| NO_SETTING.contains(word)) && !NO_SETTING_IN_PAIRS.iter().any(paired)
}

/// A value in the one way it is written for comparing: 0.10, 1e-1 and 0.1 are one number, SGD and sgd one word.
pub(crate) fn canonical(value: &str) -> String {
    let value = value.trim();
    match value.parse::<f64>() {
        Ok(number) if number.is_finite() => number.to_string(),
        _ => value.to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_the_same_however_they_are_written() {
        for (a, b) in [("0.10", "0.1"), ("1e-2", "0.01"), (" 128 ", "128.0"), ("SGD", "sgd"), ("True", "true")] {
            assert_eq!(canonical(a), canonical(b), "{a} and {b}");
        }
        for (a, b) in [("0.1", "0.11"), ("sgd", "adam"), ("nan", "0"), ("", "0")] {
            assert_ne!(canonical(a), canonical(b), "{a} and {b}");
        }
    }

    #[test]
    fn what_a_machine_is_called_is_no_setting() {
        for name in ["gpu", "gpu_name", "GPU-Type", "host", "node", "random_state", "run_id", "slurm.node"] {
            assert!(!is_setting(name), "{name}");
        }
        for name in ["gpus", "n_gpus", "gpu_count", "weight_decay", "state_size", "model"] {
            assert!(is_setting(name), "{name}");
        }
    }
}
