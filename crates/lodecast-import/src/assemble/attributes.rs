//! What the settings of a run say about it: optimizer, peak rate, schedule, seed, planned steps.

use std::collections::{BTreeMap, BTreeSet};

use lodecast::{Attributes, Family, Run};

use crate::assemble::length::{self, Planned};
use crate::choose::options::ImportOptions;
use crate::recording::{Recording, Series};

/// Usual last parts of a setting's name, the likeliest first.
const SEED: &[&str] = &["seed", "random_seed", "rng_seed", "seed_everything", "random_state", "manual_seed"];
const TOTAL_STEPS: &[&str] = &[
    "total_steps",
    "max_steps",
    "num_train_steps",
    "num_steps",
    "train_steps",
    "step_hint",
    "max_train_steps",
    "num_training_steps",
    "max_iters",
    "num_iterations",
    "train_iters",
    "max_iterations",
    "total_iterations",
    "max_updates",
    "max_update",
    "total_updates",
    "total_train_steps",
    "total_training_steps",
    "max_iter",
    "max_train_iters",
    "total_iters",
    "num_iters",
    "n_iters",
    "n_steps",
    "training_steps",
    "steps",
    "iterations",
];
const TOTAL_EPOCHS: &[&str] = &[
    "epochs",
    "max_epochs",
    "num_epochs",
    "num_train_epochs",
    "n_epochs",
    "total_epochs",
    "train_epochs",
    "training_epochs",
    "max_epoch",
    "num_epoch",
    "nb_epochs",
    "nb_epoch",
];
/// The steps of an epoch, where they are set.
const EPOCH_LENGTH: &[&str] = &[
    "steps_per_epoch",
    "iters_per_epoch",
    "iterations_per_epoch",
    "batches_per_epoch",
    "updates_per_epoch",
    "num_batches_per_epoch",
    "train_steps_per_epoch",
];
const PEAK: &[&str] =
    &["peak_lr", "max_lr", "learning_rate", "lr", "base_lr", "lr0", "initial_lr", "learningrate", "init_lr"];
const OPTIMIZER: &[&str] = &["optimizer", "optim", "opt", "optimizer_name", "optimizer_type", "optimiser"];
const SCHEDULE: &[&str] = &[
    "schedule",
    "lr_schedule",
    "lr_scheduler",
    "lr_scheduler_type",
    "scheduler",
    "sched",
    "scheduler_name",
    "learning_rate_schedule",
];

/// What a length may be nested in and still be that of the training: steps of a sampler or of a diffusion are others.
const TRAINING: &[&str] = &[
    "trainer",
    "train",
    "training",
    "args",
    "config",
    "cfg",
    "hparams",
    "hyperparameters",
    "hyper_parameters",
    "params",
    "optim",
    "optimizer",
    "scheduler",
    "lr_scheduler",
    "schedule",
    "lr_schedule",
    "workload",
    "_meta",
    "meta",
    "run",
    "experiment",
    "flags",
    "options",
    "fit",
];

/// What the settings of a run say.
pub(crate) struct Found<'a> {
    pub(crate) attributes: Attributes,
    /// Planned length.
    pub(crate) planned: Option<Planned>,
    /// A rate that is set for the run's own optimizer beside that of others: `muon_lr` where `optimizer` is `muon`.
    pub(crate) optimizers_own_rate: Option<(&'a str, f64)>,
    /// Settings that became an attribute.
    pub(crate) used: BTreeSet<&'a str>,
}

/// Reads the attributes of a run from its settings, and notes what about them is in doubt.
pub(crate) fn attributes<'a>(recording: &'a Recording, options: &ImportOptions, notes: &mut Vec<String>) -> Found<'a> {
    let names = &options.attributes;
    // Of a run of one row, all that is known may be in that row; but its rate there is a rate before it is a peak.
    let (set, both) = ([&recording.settings], [&recording.settings, &recording.only_row]);
    let mut used = BTreeSet::new();
    let optimizer = find(&both, names.optimizer.as_ref(), OPTIMIZER, |_, _| true);
    let own = optimizer.and_then(|(_, optimizer)| own_rate(&recording.settings, optimizer));
    let peak = match &names.peak_lr {
        None if own.is_some() => own,
        asked => find(&set, asked.as_ref(), PEAK, |_, _| true),
    };
    let seed = find(&both, names.seed.as_ref(), SEED, |_, _| true);
    let schedule = find(&both, names.schedule.as_ref(), SCHEDULE, |_, _| true);
    let (planned, from) = planned(recording, options, notes);
    used.extend([optimizer, peak, seed, schedule].into_iter().flatten().map(|(name, _)| name));
    used.extend(from);
    let schedule = match &options.rate_schedule {
        Some(rate) => Some(rate.family().name().to_owned()),
        None => schedule.map(|(_, text)| last_word(text)),
    };
    let attributes = Attributes {
        seed: seed.and_then(|(_, text)| whole(text)),
        total_steps: planned.map(|planned: Planned| planned.steps),
        optimizer: optimizer.map(|(_, text)| last_word(text)),
        schedule,
        peak_lr: peak.and_then(|(_, text)| text.parse().ok()),
        source: Some(recording.source.clone()),
        other: BTreeMap::new(),
    };
    let optimizers_own_rate = own.and_then(|(name, text)| Some((name, text.parse().ok()?)));
    Found { attributes, planned, optimizers_own_rate, used }
}

/// Leaves schedule and peak to the settings where the rates that the run recorded are others: those count.
pub(crate) fn believe_rates(run: &mut Run, notes: &mut Vec<String>) {
    let attributes = &run.attributes;
    let (Some(family), Some(peak)) = (attributes.schedule.clone(), attributes.peak_lr) else { return };
    let rates = || run.learning_rate().iter().flatten().copied().filter(|rate| rate.is_finite());
    let most = rates().fold(0.0, f64::max);
    // A run in its warm-up has not reached its peak yet.
    let is_on_its_way = most < peak && rates().next_back() == Some(most);
    // Epochs are seldom logged at the very peak.
    let agrees = (0.7..1.05).contains(&(most / peak)) || is_on_its_way;
    if most <= 0.0 || agrees || family.parse::<Family>().is_err() {
        return;
    }
    notes.push(format!(
        "its settings say '{family}' with a peak of {peak}, and the highest rate that it recorded is {most}: the rates count"
    ));
    let attributes = &mut run.attributes;
    (attributes.schedule, attributes.peak_lr) = (None, None);
    attributes.other.insert("schedule_setting".to_owned(), family);
    attributes.other.insert("peak_setting".to_owned(), peak.to_string());
}

/// The planned length, and the setting that says it: as asked, as the format records it, or by a usual name.
fn planned<'a>(
    recording: &'a Recording,
    options: &ImportOptions,
    notes: &mut Vec<String>,
) -> (Option<Planned>, Option<&'a str>) {
    let both = [&recording.settings, &recording.only_row];
    let certain = |steps| Some(Planned { steps, is_certain: true });
    if let Some(steps) = options.total_steps {
        return (certain(steps), None);
    }
    // Where epochs are the steps, so are those that were planned.
    let epochs = |text: &str| Some(whole(text)?.saturating_mul(options.steps_per_epoch.unwrap_or(1)));
    let asked = options.attributes.total_steps.as_ref();
    if let Some((name, text)) = asked.and_then(|_| find(&both, asked, &[], |_, _| true)) {
        let counts_epochs =
            recording.steps_are_epochs && TOTAL_EPOCHS.iter().any(|usual| is_called(last_part(name), usual));
        let steps = if counts_epochs { epochs(text) } else { whole(text) };
        match steps.filter(|&steps| steps > 0) {
            Some(steps) => return (certain(steps), Some(name)),
            None => notes.push(format!("its setting {name} = '{text}' is no number of steps")),
        }
        return (None, Some(name));
    }
    if let Some(steps) = recording.planned_steps {
        return (certain(steps), None);
    }
    let usual = if recording.steps_are_epochs { TOTAL_EPOCHS } else { TOTAL_STEPS };
    let is_positive = |text: &str| whole(text).is_some_and(|count| count > 0);
    // What is not set, as -1 or 0 say, is no plan.
    let of_training = |name: &str, text: &str| {
        let mut parts: Vec<&str> = name.split(['.', '/']).collect();
        parts.pop();
        is_positive(text) && parts.iter().all(|part| TRAINING.contains(&part.to_lowercase().as_str()))
    };
    let found = find(&both, None, usual, of_training);
    let last = recording.series.values().filter_map(Series::last_step).max().unwrap_or(0);
    let is_too_short = found.and_then(|(_, text)| whole(text)).is_some_and(|steps| steps < last);
    if !recording.steps_are_epochs
        && (found.is_none() || is_too_short)
        && let Some((name, text)) = find(&both, None, TOTAL_EPOCHS, of_training)
        && let Some(counted) = whole(text)
    {
        let set = find(&both, None, EPOCH_LENGTH, of_training);
        let by_length = |length: u64| Some(counted.saturating_mul(length));
        let of_recorded =
            || Some((length::of_epochs(recording, counted)?, "by the steps of those recorded".to_owned()));
        let of_option = || Some((by_length(options.steps_per_epoch?)?, "by --steps-per-epoch".to_owned()));
        let of_setting = || set.and_then(|(name, text)| Some((by_length(whole(text)?)?, format!("{name} = {text}"))));
        let steps = of_option().or_else(of_recorded).or_else(of_setting);
        if let Some((steps, how)) = steps.filter(|&(steps, _)| found.is_none() || steps >= last) {
            notes.push(format!("its planned length is {steps} steps: {name} = {text}, {how}"));
            return (Some(Planned { steps, is_certain: false }), None);
        }
    }
    let steps = found.and_then(|(_, text)| if recording.steps_are_epochs { epochs(text) } else { whole(text) });
    if let Some((name, text)) = found {
        // Of a name that is less likely, or of the same in another place.
        let differs = |other: &str, value: &str| of_training(other, value) && whole(value) != whole(text);
        if let Some((other, value)) = find(&both, None, usual, differs) {
            notes.push(format!(
                "its settings say {name} = {text} and {other} = {value}: the first is taken for its planned length; \
                 --total-steps-from names another"
            ));
        }
    }
    (steps.map(|steps| Planned { steps, is_certain: false }), found.map(|(name, _)| name))
}

/// The setting asked for, or the one whose last part is the first of `usual` names that occurs and of which `fits` holds; of
/// several, the least nested. What is not set counts as not there.
fn find<'a>(
    settings: &[&'a BTreeMap<String, String>],
    asked: Option<&String>,
    usual: &[&str],
    fits: impl Fn(&str, &str) -> bool,
) -> Option<(&'a str, &'a str)> {
    let found = match asked {
        Some(name) => settings.iter().find_map(|settings| settings.get_key_value(name)),
        None => usual.iter().find_map(|usual| {
            let is_usual = |name: &str, text: &str| is_called(last_part(name), usual) && fits(name, text.trim());
            settings.iter().find_map(|settings| {
                let found = settings.iter().filter(|(name, text)| is_usual(name, text));
                found.min_by_key(|(name, _)| (name.matches(['.', '/']).count(), name.len()))
            })
        }),
    };
    let (name, text) = found?;
    let text = text.trim();
    (!text.is_empty() && !["null", "none", "None"].contains(&text)).then_some((name.as_str(), text))
}

/// The rate that is set for an optimizer by its name: `muon_lr` or `lr_muon`.
fn own_rate<'a>(settings: &'a BTreeMap<String, String>, optimizer: &str) -> Option<(&'a str, &'a str)> {
    let optimizer = last_word(optimizer).to_lowercase();
    let is_own = |name: &str| {
        let last = last_part(name).to_lowercase();
        let rest = last.strip_prefix(&optimizer).map(|rest| rest.trim_start_matches('_'));
        let rest = rest.or_else(|| last.strip_suffix(&optimizer).map(|rest| rest.trim_end_matches('_')));
        rest.is_some_and(|rest| ["lr", "learning_rate"].contains(&rest))
    };
    let found = settings.iter().find(|(name, value)| is_own(name) && value.trim().parse::<f64>().is_ok());
    found.map(|(name, value)| (name.as_str(), value.trim()))
}

/// `maxSteps`, `max-steps` and `Max Steps` are `max_steps`.
fn is_called(name: &str, usual: &str) -> bool {
    fn letters(name: &str) -> impl Iterator<Item = u8> {
        name.bytes().filter(|byte| !b"_- ".contains(byte)).map(|byte| byte.to_ascii_lowercase())
    }
    letters(name).eq(letters(usual))
}

fn last_part(name: &str) -> &str {
    name.rsplit(['.', '/']).next().unwrap_or(name)
}

/// `torch.optim.AdamW` is `AdamW`.
fn last_word(text: &str) -> String {
    let word = text.rsplit('.').next().unwrap_or(text);
    if word.is_empty() || word.contains(char::is_whitespace) { text.to_owned() } else { word.to_owned() }
}

/// A whole number, which tables often write as 12.0, and people as `12_000` or 12,000.
fn whole(text: &str) -> Option<u64> {
    let mut groups = text.split(['_', ',']);
    let is_short = groups.next().is_some_and(|first| (1..=3).contains(&first.len()));
    let is_grouped =
        is_short && groups.all(|group| group.len() == 3 && group.bytes().all(|byte| byte.is_ascii_digit()));
    let plain = if is_grouped { text.replace(['_', ','], "") } else { text.to_owned() };
    plain.parse().ok().or_else(|| {
        let number: f64 = text.parse().ok()?;
        (number.fract() == 0.0 && (0.0..9e15).contains(&number)).then_some(number as u64)
    })
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
    fn lengths_are_found_however_they_are_written_and_those_that_differ_are_said() {
        for (name, text) in [
            ("maxSteps", "12000"),
            ("Max Steps", "12_000"),
            ("trainer.max-steps", "12,000"),
            ("max_steps", "1.2e4"),
            ("totalIters", "12000.0"),
        ] {
            let (recording, mut notes) = (recording(&[(name, text)]), Vec::new());
            let found = attributes(&recording, &ImportOptions::default(), &mut notes);
            assert_eq!((found.attributes.total_steps, notes.len()), (Some(12_000), 0), "{name} = {text}");
        }
        for text in ["1_2", "12,5", "12 000 or so", "_", ",000", "1,,000"] {
            let recording = recording(&[("max_steps", text)]);
            let found = attributes(&recording, &ImportOptions::default(), &mut Vec::new());
            assert_eq!(found.attributes.total_steps, None, "{text}");
        }
        let differing = recording(&[("total_steps", "5000"), ("trainer.max_steps", "1000"), ("num_steps", "-1")]);
        let mut notes = Vec::new();
        let found = attributes(&differing, &ImportOptions::default(), &mut notes);
        assert_eq!(found.attributes.total_steps, Some(5000));
        assert!(notes[0].contains("trainer.max_steps = 1000") && notes[0].contains("--total-steps-from"), "{notes:?}");
        let same = recording(&[("total_steps", "5000"), ("max_steps", "5e3")]);
        let mut notes = Vec::new();
        attributes(&same, &ImportOptions::default(), &mut notes);
        assert!(notes.is_empty(), "{notes:?}");
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
        let mut options = ImportOptions::default();
        let found = attributes(&recording, &options, &mut Vec::new()).attributes;
        assert_eq!(found.optimizer.as_deref(), Some("AdamW"));
        // A length of -1 is not set, and leaves the word to the hint.
        assert_eq!((found.peak_lr, found.seed, found.total_steps), (Some(0.003), Some(7), Some(80_000)));
        options.attributes.total_steps = Some("workload.step_hint".to_owned());
        assert_eq!(attributes(&recording, &options, &mut Vec::new()).attributes.total_steps, Some(80_000));
        options.total_steps = Some(90);
        assert_eq!(attributes(&recording, &options, &mut Vec::new()).attributes.total_steps, Some(90));
    }

    #[test]
    fn steps_of_something_else_are_no_length_of_the_training() {
        let options = ImportOptions::default();
        let of = |settings: &[(&str, &str)]| {
            attributes(&recording(settings), &options, &mut Vec::new()).planned.map(|planned| planned.steps)
        };
        assert_eq!(of(&[("diffusion.num_steps", "1000")]), None);
        assert_eq!(of(&[("diffusion.num_steps", "1000"), ("trainer.max_steps", "5000")]), Some(5000));
        assert_eq!(of(&[("config.train.num_steps", "300")]), Some(300));
        assert_eq!(of(&[("epochs", "10")]), None, "epochs are no steps");
        assert_eq!(of(&[("epochs", "10"), ("steps_per_epoch", "50")]), Some(500));
        assert_eq!(of(&[("trainer.max_steps", "-1"), ("trainer.num_steps", "300")]), Some(300), "-1 is not set");
        for name in ["max_iter", "n_iters", "max_update", "total_iters"] {
            assert_eq!(of(&[(name, "300")]), Some(300), "{name}");
        }
    }

    #[test]
    fn the_optimizers_own_rate_is_its_peak() {
        let options = ImportOptions::default();
        let peak = |optimizer: &str| {
            let run = recording(&[("optimizer", optimizer), ("lr", "0.001"), ("muon_lr", "0.05")]);
            attributes(&run, &options, &mut Vec::new()).attributes.peak_lr
        };
        assert_eq!((peak("muon"), peak("adam")), (Some(0.05), Some(0.001)));
    }
}
