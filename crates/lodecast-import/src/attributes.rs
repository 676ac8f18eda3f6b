//! What the settings of a run say about it: optimizer, peak rate, schedule, seed, planned steps, and what else differs.

use std::collections::{BTreeMap, BTreeSet};

use lodecast::Attributes;

use crate::rate::RateSchedule;
use crate::recording::Recording;

/// Settings that hold the attributes, where the user names them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttributeNames {
    /// Setting that holds the seed.
    pub seed: Option<String>,
    /// Setting that holds the planned number of optimizer steps.
    pub total_steps: Option<String>,
    /// Setting that holds the peak learning rate.
    pub peak_lr: Option<String>,
    /// Setting that holds the optimizer's name.
    pub optimizer: Option<String>,
    /// Setting that holds the schedule's name.
    pub schedule: Option<String>,
}

/// Usual last parts of a setting's name.
const SEED: [&str; 6] = ["seed", "random_seed", "rng_seed", "seed_everything", "random_state", "manual_seed"];
const TOTAL_STEPS: [&str; 9] = [
    "total_steps",
    "max_steps",
    "num_train_steps",
    "num_steps",
    "train_steps",
    "step_hint",
    "max_train_steps",
    "num_training_steps",
    "max_iters",
];
const PEAK: [&str; 9] =
    ["peak_lr", "max_lr", "learning_rate", "lr", "base_lr", "lr0", "initial_lr", "learningrate", "init_lr"];
const OPTIMIZER: [&str; 6] = ["optimizer", "optim", "opt", "optimizer_name", "optimizer_type", "optimiser"];
const SCHEDULE: [&str; 8] = [
    "schedule",
    "lr_schedule",
    "lr_scheduler",
    "lr_scheduler_type",
    "scheduler",
    "sched",
    "scheduler_name",
    "learning_rate_schedule",
];

/// Words in the names of settings that say who, where and when instead of what.
const CIRCUMSTANCES: [&str; 41] = [
    "name",
    "path",
    "dir",
    "directory",
    "folder",
    "file",
    "filename",
    "timestamp",
    "time",
    "date",
    "datetime",
    "host",
    "hostname",
    "user",
    "username",
    "uuid",
    "pid",
    "port",
    "commit",
    "git",
    "version",
    "device",
    "gpu",
    "gpus",
    "cuda",
    "cpu",
    "url",
    "uri",
    "output",
    "logdir",
    "checkpoint",
    "ckpt",
    "resume",
    "group",
    "tags",
    "notes",
    "id",
    "rank",
    "address",
    "job",
    "ip",
];

/// The settings that hold each attribute of a run.
pub(crate) struct Found<'a> {
    pub(crate) attributes: Attributes,
    /// Settings that became an attribute.
    pub(crate) used: BTreeSet<&'a str>,
}

/// Reads the attributes of a run from its settings.
pub(crate) fn attributes<'a>(
    recording: &'a Recording,
    names: &AttributeNames,
    rate: Option<&RateSchedule>,
) -> Found<'a> {
    let settings = &recording.settings;
    let mut used = BTreeSet::new();
    let mut find = |asked: Option<&String>, usual: &[&str]| -> Option<&'a str> {
        let (name, text) = match asked {
            Some(name) => settings.get_key_value(name)?,
            None => by_usual_name(settings, usual)?,
        };
        used.insert(name.as_str());
        Some(text.trim()).filter(|text| !text.is_empty() && !["null", "none", "None"].contains(text))
    };
    let mut attributes = Attributes {
        seed: find(names.seed.as_ref(), &SEED).and_then(whole),
        total_steps: find(names.total_steps.as_ref(), &TOTAL_STEPS).and_then(whole).filter(|&steps| steps > 0),
        optimizer: find(names.optimizer.as_ref(), &OPTIMIZER).map(last_word),
        schedule: find(names.schedule.as_ref(), &SCHEDULE).map(last_word),
        peak_lr: find(names.peak_lr.as_ref(), &PEAK).and_then(|text| text.parse().ok()),
        source: Some(recording.source.clone()),
        other: BTreeMap::new(),
    };
    if let (Some(steps), None) = (recording.planned_steps, &names.total_steps) {
        attributes.total_steps = Some(steps);
    }
    if let Some(rate) = rate {
        attributes.schedule = Some(rate.family().name().to_owned());
    }
    Found { attributes, used }
}

/// The setting whose last part is the first of `usual` names that occurs; of several, the least nested.
fn by_usual_name<'a>(settings: &'a BTreeMap<String, String>, usual: &[&str]) -> Option<(&'a String, &'a String)> {
    usual.iter().find_map(|usual| {
        let found = settings.iter().filter(|(name, _)| last_part(name).eq_ignore_ascii_case(usual));
        found.min_by_key(|(name, _)| (name.matches(['.', '/']).count(), name.len()))
    })
}

fn last_part(name: &str) -> &str {
    name.rsplit(['.', '/']).next().unwrap_or(name)
}

/// `torch.optim.AdamW` is `AdamW`.
fn last_word(text: &str) -> String {
    let word = text.rsplit('.').next().unwrap_or(text);
    if word.is_empty() || word.contains(char::is_whitespace) { text.to_owned() } else { word.to_owned() }
}

/// A whole number, which tables often write as 12.0.
fn whole(text: &str) -> Option<u64> {
    text.parse().ok().or_else(|| {
        let number: f64 = text.parse().ok()?;
        (number.fract() == 0.0 && (0.0..9e15).contains(&number)).then_some(number as u64)
    })
}

/// The settings of many runs, of which only the differences are kept.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    first: BTreeMap<String, String>,
    /// Of each run what differs from the first: another value, or none.
    differences: Vec<BTreeMap<String, Option<String>>>,
}

impl Settings {
    /// Adds the settings of the next run, but those `used` otherwise and those that say nothing about the training.
    pub(crate) fn push(&mut self, recording: &Recording, used: &BTreeSet<&str>) {
        let kept = |name: &str, value: &str| !used.contains(name) && !is_circumstance(name, value);
        let settings = || recording.settings.iter().filter(|(name, value)| kept(name, value));
        if self.differences.is_empty() {
            self.first = settings().map(|(name, value)| (name.clone(), value.clone())).collect();
        }
        let mut difference: BTreeMap<String, Option<String>> = settings()
            .filter(|(name, value)| self.first.get(*name) != Some(value))
            .map(|(name, value)| (name.clone(), Some(value.clone())))
            .collect();
        for name in self.first.keys() {
            let gone = recording.settings.get(name).is_none_or(|value| !kept(name, value));
            if gone {
                difference.insert(name.clone(), None);
            }
        }
        self.differences.push(difference);
    }

    /// Names of the settings that differ between runs and tell configurations apart, and of those that differ but are texts of
    /// each run's own: names, in all likelihood.
    pub(crate) fn differing(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let names: BTreeSet<&String> = self.differences.iter().flat_map(BTreeMap::keys).collect();
        let is_own = |name: &&String| {
            let values: BTreeSet<Option<&str>> = (0..self.differences.len()).map(|run| self.value(run, name)).collect();
            let number = values.iter().flatten().any(|text| text.parse::<f64>().is_ok());
            self.differences.len() > 2 && values.len() == self.differences.len() && !number
        };
        let (own, telling): (BTreeSet<_>, BTreeSet<_>) = names.into_iter().partition(is_own);
        (telling.into_iter().cloned().collect(), own.into_iter().cloned().collect())
    }

    /// The value that run `run` gives to `name`.
    pub(crate) fn value(&self, run: usize, name: &str) -> Option<&str> {
        match self.differences.get(run)?.get(name) {
            Some(other) => other.as_deref(),
            None => self.first.get(name).map(String::as_str),
        }
    }
}

/// Does the setting say who, where or when the run was, or which of several seeds it had?
fn is_circumstance(name: &str, value: &str) -> bool {
    let lower = name.to_lowercase();
    let mut words = lower.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty());
    let value = value.trim();
    words.any(|word| CIRCUMSTANCES.contains(&word) || word.contains("seed"))
        || value.starts_with(['/', '~'])
        || value.contains("://")
        || value.contains('\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recording(settings: &[(&str, &str)]) -> Recording {
        let mut recording = Recording::new("a", "a.csv");
        recording.settings = settings.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        recording
    }

    #[test]
    fn usual_names_are_found_where_they_are_nested() {
        let recording = recording(&[
            ("config.optimizer.name", "adam"),
            ("config.optimizer", "torch.optim.AdamW"),
            ("model.lr", "0.003"),
            ("rng_seed", "7.0"),
            ("workload.step_hint", "80000"),
            ("trainer.max_steps", "-1"),
        ]);
        let found = attributes(&recording, &AttributeNames::default(), None).attributes;
        assert_eq!(found.optimizer.as_deref(), Some("AdamW"));
        assert_eq!((found.peak_lr, found.seed, found.total_steps), (Some(0.003), Some(7), None));
        let names = AttributeNames { total_steps: Some("workload.step_hint".to_owned()), ..AttributeNames::default() };
        assert_eq!(attributes(&recording, &names, None).attributes.total_steps, Some(80_000));
    }

    #[test]
    fn seeds_of_one_configuration_stay_one() {
        let mut settings = Settings::default();
        for (seed, width, tag) in [("0", "64", "a-0"), ("1", "64", "a-1"), ("0", "128", "b-0")] {
            let run = recording(&[
                ("seed", seed),
                ("data_seed", seed),
                ("width", width),
                ("tag", tag),
                ("run_name", tag),
                ("out", "/tmp/a"),
                ("depth", "3"),
            ]);
            settings.push(&run, &BTreeSet::from(["seed"]));
        }
        let (telling, own) = settings.differing();
        assert_eq!(telling, BTreeSet::from(["width".to_owned()]));
        assert_eq!(own, BTreeSet::from(["tag".to_owned()]));
        assert_eq!((settings.value(1, "width"), settings.value(2, "width")), (Some("64"), Some("128")));
    }
}
