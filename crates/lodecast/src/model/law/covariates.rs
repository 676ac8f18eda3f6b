//! Settings that differ between runs, as covariates of what the law leaves.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::Run;
use crate::data::{canonical, is_setting};

/// What was set in a run besides its schedule, by name.
pub(crate) type Settings = BTreeMap<String, String>;

/// Scale of a numeric covariate against a schedule feature.
const SCALE: f64 = 0.3;
/// Numbers beyond this are mistakes of the record.
const GREATEST: f64 = 1e15;
/// Values that a setting in words may have, and covariates there may be.
const CHOICES: usize = 6;
const COVARIATES: usize = 24;

/// Words in the names of settings that describe the schedule, the run's length or its identity.
const NO_COVARIATES: [&str; 17] = [
    "lr",
    "rate",
    "warmup",
    "schedule",
    "scheduler",
    "cooldown",
    "peak",
    "step",
    "steps",
    "epoch",
    "epochs",
    "iter",
    "iters",
    "seed",
    "id",
    "name",
    "total",
];

/// One covariate made of a setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
enum Covariate {
    /// A number, on the scale on which it acts; `missing` stands for runs that do not have it.
    Number { name: String, scale: NumberScale, missing: f64 },
    /// 1 for runs with this value.
    Choice { name: String, value: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum NumberScale {
    Linear,
    Logarithm,
    /// `-ln(1 - x)`, for decay rates of averages (momentum, beta).
    Memory,
}

impl NumberScale {
    fn apply(self, x: f64) -> f64 {
        match self {
            Self::Linear => x,
            Self::Logarithm => x.max(1e-300).ln(),
            Self::Memory => -(1.0 - x).max(1e-12).ln(),
        }
    }
}

/// The covariates of a sweep: settings that differ between its runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Covariates(Vec<Covariate>);

/// Settings of a run: its optimizer and whatever else was recorded.
pub(crate) fn settings_of(run: &Run) -> Settings {
    let mut settings = run.attributes.other.clone();
    if let Some(optimizer) = &run.attributes.optimizer {
        settings.insert("optimizer".to_owned(), optimizer.clone());
    }
    settings
}

/// Does a setting of this name say something besides the schedule?
fn is_covariate(name: &str) -> bool {
    let name = name.to_lowercase();
    let words: Vec<&str> = name.split(|letter: char| !letter.is_alphanumeric()).collect();
    // Dropout rates and weight decays act on their own.
    if words.contains(&"dropout") || words.contains(&"weight") || words.contains(&"wd") {
        return true;
    }
    !words.iter().any(|word| NO_COVARIATES.contains(word) || *word == "decay")
}

fn number(settings: &Settings, name: &str) -> Option<f64> {
    settings.get(name)?.trim().parse().ok().filter(|number: &f64| number.abs() <= GREATEST)
}

impl Covariates {
    /// Those of runs with these settings.
    pub(crate) fn of(runs: &[&Settings]) -> Self {
        let names: BTreeSet<&String> = runs.iter().flat_map(|settings| settings.keys()).collect();
        let mut covariates = Vec::new();
        for name in names.into_iter().filter(|name| is_setting(name) && is_covariate(name)) {
            let present: Vec<&String> = runs.iter().filter_map(|settings| settings.get(name)).collect();
            let distinct: BTreeSet<String> = present.iter().map(|value| canonical(value)).collect();
            if distinct.len() < 2 && present.len() == runs.len() {
                continue;
            }
            let numbers: Vec<f64> = runs.iter().filter_map(|settings| number(settings, name)).collect();
            if numbers.len() == present.len() {
                let scale = number_scale(name, &numbers);
                let scaled: Vec<f64> = numbers.iter().map(|&x| scale.apply(x)).collect();
                let missing = scaled.iter().sum::<f64>() / scaled.len().max(1) as f64;
                covariates.push(Covariate::Number { name: name.clone(), scale, missing });
            } else if distinct.len() <= CHOICES.min(runs.len() / 2) {
                // The first is what the others are compared with.
                let values = distinct.into_iter().skip(usize::from(present.len() == runs.len()));
                covariates.extend(values.map(|value| Covariate::Choice { name: name.clone(), value }));
            }
        }
        covariates.truncate(COVARIATES);
        Self(covariates)
    }

    /// Their values for a run.
    pub(crate) fn row<'a>(&'a self, settings: &'a Settings) -> impl Iterator<Item = f64> + 'a {
        self.0.iter().map(|covariate| match covariate {
            Covariate::Number { name, scale, missing } => {
                SCALE * number(settings, name).map_or(*missing, |x| scale.apply(x))
            }
            Covariate::Choice { name, value } => {
                let has_it = settings.get(name).is_some_and(|own| canonical(own) == canonical(value));
                f64::from(u8::from(has_it))
            }
        })
    }

    /// Are they numbers that a row can have?
    pub(crate) fn is_sound(&self) -> bool {
        self.0.iter().all(|covariate| match covariate {
            Covariate::Number { missing, .. } => missing.is_finite(),
            Covariate::Choice { .. } => true,
        })
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Names of the settings, each once.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.0.iter().map(Covariate::name).collect();
        names.dedup();
        names
    }
}

impl Covariate {
    fn name(&self) -> &str {
        match self {
            Self::Number { name, .. } | Self::Choice { name, .. } => name,
        }
    }
}

fn number_scale(name: &str, numbers: &[f64]) -> NumberScale {
    let name = name.to_lowercase();
    let is_memory = name.contains("beta") || name.contains("momentum") || name == "b1" || name == "b2";
    if is_memory && numbers.iter().all(|x| (0.0..1.0).contains(x)) {
        NumberScale::Memory
    } else if numbers.iter().all(|x| *x > 0.0) {
        NumberScale::Logarithm
    } else {
        NumberScale::Linear
    }
}

/// By how much momentum multiplies the rate of plain SGD: `1 / (1 - momentum)`, where the optimizer is SGD.
pub(crate) fn momentum_gain(settings: &Settings) -> Option<f64> {
    let optimizer = settings.get("optimizer").map(|name| name.to_lowercase());
    let is_sgd =
        optimizer.is_none_or(|name| name.contains("sgd") || name.contains("momentum") || name.contains("nesterov"));
    let momentum = number(settings, "momentum").filter(|momentum| (0.0..1.0).contains(momentum))?;
    is_sgd.then_some(1.0 / (1.0 - momentum))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_differs_and_is_no_schedule_is_a_covariate() {
        let pair = |decay: &str, optimizer: &str, seed: &str| {
            settings(&[
                ("weight_decay", decay),
                ("optimizer", optimizer),
                ("seed", seed),
                ("peak_lr", seed),
                ("width", "64"),
            ])
        };
        let runs =
            [pair("0.1", "adam", "1"), pair("0.01", "sgd", "2"), pair("0.001", "sgd", "3"), pair("0.1", "adam", "4")];
        let covariates = Covariates::of(&runs.iter().collect::<Vec<_>>());
        assert_eq!(covariates.names(), ["optimizer", "weight_decay"]);
        let row: Vec<f64> = covariates.row(&runs[1]).collect();
        assert_eq!(row, [1.0, 0.3 * 0.01f64.ln()]);
        let mean = runs.iter().map(|run| 0.3 * number(run, "weight_decay").expect("a number").ln()).sum::<f64>() / 4.0;
        assert!((covariates.row(&Settings::new()).nth(1).expect("two") - mean).abs() < 1e-12);
    }

    #[test]
    fn momentum_multiplies_the_rate_of_sgd_only() {
        assert_eq!(momentum_gain(&settings(&[("momentum", "0.75"), ("optimizer", "SGD")])), Some(4.0));
        assert_eq!(momentum_gain(&settings(&[("momentum", "0.9"), ("optimizer", "RMSprop")])), None);
        assert_eq!(momentum_gain(&settings(&[("optimizer", "SGD")])), None);
    }
}
