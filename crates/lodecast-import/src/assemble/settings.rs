//! The settings of many runs, of which only the differences are kept, and which of them tell configurations apart.

use std::collections::{BTreeMap, BTreeSet};

use super::circumstances::{is_circumstance, is_repetition};
use crate::recording::Recording;
use crate::role::Role;

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

/// Is it a number that was measured, though it never changed?
fn is_result(name: &str, value: &str) -> bool {
    value.parse::<f64>().is_ok() && [Role::Loss, Role::Validation, Role::Test].iter().any(|role| role.goes_by(name))
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
}
