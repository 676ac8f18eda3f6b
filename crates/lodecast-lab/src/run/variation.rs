//! Runs that differ on purpose from the others of their task: another width, wrong labels, a network that dies.

use std::collections::BTreeMap;
use std::fmt;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::run::length::Length;

/// Seed of wrong labels, the same for all runs.
const LABEL_SEED: u64 = 42;
/// Largest factor on widths and batches.
const LARGEST_FACTOR: f64 = 100.0;

/// How a task differs on purpose from what it is otherwise; by default not at all.
///
/// ```
/// use lodecast_lab::{TaskSettings, Variation};
///
/// let settings: TaskSettings = serde_json::from_str(r#"{"variation": {"width": 2.0, "label_noise": 0.4}}"#)?;
/// assert_eq!(settings.variation, Variation { width: 2.0, label_noise: 0.4, ..Variation::default() });
/// assert_eq!(settings.variation.to_string(), "width x 2, label noise 0.4");
/// assert_eq!(settings.variation.width_of(25), 50);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Variation {
    /// Factor on the widths of the network, above 0.
    #[serde(skip_serializing_if = "is_one")]
    pub width: f64,
    /// Factor on the examples an optimizer step, above 0. Epochs stay, so a larger batch makes fewer steps.
    #[serde(skip_serializing_if = "is_one")]
    pub batch: f64,
    /// Fraction of the training examples whose class is another than theirs, in [0, 1]. Drawn once an example, the same for all
    /// runs; what is wrong at one fraction is wrong at a larger one, too.
    #[serde(skip_serializing_if = "is_zero")]
    pub label_noise: f64,
    /// Fraction of the training examples that is used, in (0, 1].
    #[serde(skip_serializing_if = "is_one")]
    pub data_share: f64,
    /// Fraction of the run, in (0, 1), from which on all weights are zero, and stay so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_from: Option<f64>,
    /// Seed of another data set, for tasks that draw theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_seed: Option<u64>,
}

impl Default for Variation {
    fn default() -> Self {
        Self { width: 1.0, batch: 1.0, label_noise: 0.0, data_share: 1.0, dead_from: None, data_seed: None }
    }
}

impl Variation {
    /// Does nothing differ?
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// Names the first setting out of its range, and the range.
    pub fn check(&self) -> Result<()> {
        let fail = |name, value: f64, remedy| Err(Error::Setting { name, value: value.to_string(), remedy });
        for (name, factor) in [("width", self.width), ("batch", self.batch)] {
            if !(factor > 0.0 && factor <= LARGEST_FACTOR) {
                return fail(name, factor, "take a factor of more than 0 and at most 100");
            }
        }
        if !(0.0..=1.0).contains(&self.label_noise) {
            return fail("label_noise", self.label_noise, "take a fraction from 0 to 1");
        }
        if !(self.data_share > 0.0 && self.data_share <= 1.0) {
            return fail("data_share", self.data_share, "take a fraction of more than 0 and at most 1");
        }
        match self.dead_from {
            Some(from) if !(from > 0.0 && from < 1.0) => {
                fail("dead_from", from, "take a fraction of the run between 0 and 1")
            }
            _ => Ok(()),
        }
    }

    /// Checks it for a task whose data is read, not drawn.
    ///
    /// # Errors
    /// As [`Self::check`]; or if another seed is asked for.
    pub(crate) fn check_for_read_data(&self) -> Result<()> {
        if let Some(seed) = self.data_seed {
            let remedy = "only mnist1d-cnn draws its data: leave the seed out, and name other data with --data";
            return Err(Error::Setting { name: "data_seed", value: seed.to_string(), remedy });
        }
        self.check()
    }

    /// `width` of a layer at this variation, rounded, and at least one.
    pub fn width_of(&self, width: usize) -> usize {
        ((width as f64 * self.width).round() as usize).max(1)
    }

    /// `length` at this variation: as many epochs and points, in batches of at least one example.
    pub fn length(&self, length: Length) -> Length {
        Length { batch_size: ((length.batch_size as f64 * self.batch).round() as usize).max(1), ..length }
    }

    /// Which of `count` training examples are used, evenly spread over them, and at least one.
    pub fn used_examples(&self, count: usize) -> Vec<usize> {
        let used = ((count as f64 * self.data_share).round() as usize).clamp(count.min(1), count);
        (0..used).map(|index| index * count / used).collect()
    }

    /// The class that the training example numbered `example` is taken for: its own, or one of the `classes - 1` others.
    pub fn noisy_class(&self, example: usize, class: u32, classes: u32) -> u32 {
        if self.label_noise == 0.0 || classes < 2 {
            return class;
        }
        let mut random = ChaCha8Rng::seed_from_u64(LABEL_SEED);
        random.set_stream(example as u64);
        if random.random::<f64>() >= self.label_noise {
            return class;
        }
        let other = random.random_range(0..classes - 1);
        if other < class { other } else { other + 1 }
    }

    /// Is the network dead after `done` of `total` optimizer steps?
    pub(crate) fn is_dead(&self, done: u64, total: u64) -> bool {
        self.dead_from.is_some_and(|from| done as f64 >= from * total as f64)
    }

    /// Writes down what whoever trains such a run would log of it. A death is nothing that anybody logs.
    pub(crate) fn log(&self, length: Length, settings: &mut BTreeMap<String, String>) {
        let plain = Self::default();
        let logged = [
            ("width", self.width != plain.width, self.width.to_string()),
            ("batch_size", self.batch != plain.batch, length.batch_size.to_string()),
            ("label_noise", self.label_noise != plain.label_noise, self.label_noise.to_string()),
            ("data_share", self.data_share != plain.data_share, self.data_share.to_string()),
        ];
        for (name, _, value) in logged.into_iter().filter(|(_, differs, _)| *differs) {
            settings.insert(name.to_owned(), value);
        }
    }
}

/// What differs, in words; "none" where nothing does.
impl fmt::Display for Variation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { width, batch, label_noise, data_share, dead_from, data_seed } = *self;
        let parts = [
            (!is_one(&width)).then(|| format!("width x {width}")),
            (!is_one(&batch)).then(|| format!("batch x {batch}")),
            (!is_zero(&label_noise)).then(|| format!("label noise {label_noise}")),
            (!is_one(&data_share)).then(|| format!("data share {data_share}")),
            dead_from.map(|from| format!("dead from {from}")),
            data_seed.map(|seed| format!("data seed {seed}")),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        f.write_str(if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }.as_str())
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_one(value: &f64) -> bool {
    *value == 1.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::TaskSettings;

    #[test]
    fn what_is_out_of_range_is_named_with_its_range() {
        let none = Variation::default;
        none().check().unwrap();
        for (bad, said) in [
            (Variation { width: 0.0, ..none() }, "width = 0: take a factor of more than 0 and at most 100"),
            (Variation { width: f64::NAN, ..none() }, "width = NaN"),
            (Variation { batch: 101.0, ..none() }, "batch = 101"),
            (Variation { batch: -4.0, ..none() }, "batch = -4"),
            (Variation { label_noise: 1.1, ..none() }, "label_noise = 1.1: take a fraction from 0 to 1"),
            (Variation { label_noise: -0.1, ..none() }, "label_noise = -0.1"),
            (Variation { data_share: 0.0, ..none() }, "data_share = 0: take a fraction of more than 0"),
            (Variation { data_share: 1.5, ..none() }, "data_share = 1.5"),
            (Variation { dead_from: Some(1.0), ..none() }, "dead_from = 1: take a fraction of the run between 0 and 1"),
            (Variation { dead_from: Some(0.0), ..none() }, "dead_from = 0"),
        ] {
            let error = bad.check().unwrap_err();
            assert!(matches!(error, Error::Setting { .. }));
            assert!(error.to_string().starts_with(said), "{error}");
            assert!(bad.check_for_read_data().is_err());
        }
        let seeded = Variation { data_seed: Some(7), ..none() };
        seeded.check().unwrap();
        assert!(seeded.check_for_read_data().unwrap_err().to_string().starts_with("data_seed = 7: only mnist1d-cnn"));
    }

    #[test]
    fn only_what_differs_is_written_and_said() {
        assert_eq!(serde_json::to_string(&Variation::default()).unwrap(), "{}");
        assert_eq!(serde_json::to_string(&TaskSettings::default()).unwrap(), "{}");
        assert_eq!(Variation::default().to_string(), "none");
        let all = Variation {
            width: 0.5,
            batch: 4.0,
            label_noise: 0.4,
            data_share: 0.5,
            dead_from: Some(0.4),
            data_seed: Some(7),
        };
        let written = r#"{"width":0.5,"batch":4.0,"label_noise":0.4,"data_share":0.5,"dead_from":0.4,"data_seed":7}"#;
        assert_eq!(serde_json::to_string(&all).unwrap(), written);
        assert_eq!(serde_json::from_str::<Variation>(written).unwrap(), all);
        assert!(serde_json::from_str::<Variation>(r#"{"widht": 2.0}"#).is_err());
        assert_eq!(
            all.to_string(),
            "width x 0.5, batch x 4, label noise 0.4, data share 0.5, dead from 0.4, data seed 7"
        );
    }

    #[test]
    fn wrong_labels_are_as_many_as_asked_for_and_spread_over_the_other_classes() {
        let classes = 10;
        let taken_for = |noise: f64| -> Vec<u32> {
            let variation = Variation { label_noise: noise, ..Variation::default() };
            (0..20_000).map(|example| variation.noisy_class(example, 3, classes)).collect()
        };
        let wrong = |taken: &[u32]| taken.iter().filter(|class| **class != 3).count();
        assert_eq!(wrong(&taken_for(0.0)), 0);
        assert_eq!(wrong(&taken_for(1.0)), 20_000);
        let some = taken_for(0.4);
        // Four standard deviations of 20,000 draws.
        assert!((wrong(&some) as f64 / 20_000.0 - 0.4).abs() < 0.014, "{}", wrong(&some));
        for class in (0..classes).filter(|class| *class != 3) {
            let share = some.iter().filter(|of| **of == class).count() as f64 / wrong(&some) as f64;
            assert!((share - 1.0 / 9.0).abs() < 0.015, "class {class}: {share}");
        }
        assert_eq!(taken_for(0.4), some, "an example keeps its wrong class");
        let more = taken_for(0.6);
        assert!(some.iter().zip(&more).all(|(some, more)| *some == 3 || some == more));
        assert_eq!(Variation { label_noise: 1.0, ..Variation::default() }.noisy_class(0, 0, 1), 0);
    }

    #[test]
    fn a_share_is_spread_over_all_examples() {
        let used = |share, count| Variation { data_share: share, ..Variation::default() }.used_examples(count);
        assert_eq!(used(1.0, 5), [0, 1, 2, 3, 4]);
        assert_eq!(used(0.5, 8), [0, 2, 4, 6]);
        assert_eq!(used(0.3, 10), [0, 3, 6]);
        assert_eq!(used(0.001, 10), [0]);
        assert_eq!(used(0.5, 0), [0; 0]);
    }

    #[test]
    fn widths_and_batches_are_rounded_and_at_least_one() {
        let half = Variation { width: 0.5, batch: 0.25, ..Variation::default() };
        assert_eq!((half.width_of(25), half.width_of(1), half.width_of(64)), (13, 1, 32));
        let length = Length { epochs: 3, batch_size: 100, points_per_epoch: 2 };
        assert_eq!(half.length(length), Length { batch_size: 25, ..length });
        assert_eq!(half.length(Length { batch_size: 1, ..length }).batch_size, 1);
        let none = Variation::default();
        assert_eq!((none.width_of(25), none.length(length)), (25, length));
    }
}
