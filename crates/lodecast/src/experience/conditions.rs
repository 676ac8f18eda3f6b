//! What the runs of a sweep had in common, which a model takes for granted: how long they were, and their settings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::data::{ANNEALED, Attributes, Run, Schedule, is_setting};

/// Lengths up to so many times the longest and down to such a part of the shortest are like those of the sweep.
const LIKE: f64 = 2.0;
/// Settings that differ by less than this part are the same.
const SAME: f64 = 1e-6;
/// Name of the optimizer among the settings.
const OPTIMIZER: &str = "optimizer";

/// Lengths and settings of a sweep's runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Conditions {
    /// Planned lengths of the shortest and the longest run; `None` in models of versions that did not keep them.
    pub lengths: Option<(u64, u64)>,
    /// Settings that all runs recorded with the same value: numbers, and the optimizer.
    pub settings: BTreeMap<String, String>,
    /// The smallest part of its peak that the rate of a run had at its end; `None` where no run recorded that.
    #[serde(default)]
    pub least_end: Option<f64>,
}

impl Conditions {
    /// Of these runs.
    pub(super) fn of<'a>(runs: impl Iterator<Item = &'a Run> + Clone) -> Self {
        let lengths = || runs.clone().filter(|run| !run.is_empty()).map(Run::total_steps);
        let lengths = lengths().min().zip(lengths().max());
        let mut settings = runs.clone().next().map(|run| known(&run.attributes)).unwrap_or_default();
        for run in runs.clone() {
            let own = known(&run.attributes);
            settings.retain(|name, value| own.get(name).is_some_and(|own| same(own, value)));
        }
        let least_end = runs.filter(|run| run.reached_end()).filter_map(Run::last_rate).reduce(f64::min);
        Self { lengths, settings, least_end }
    }

    /// The length of a run of which nothing is said: that of the longest.
    pub fn usual_length(&self) -> u64 {
        const UNKNOWN: u64 = 1000;
        self.lengths.map_or(UNKNOWN, |(_, longest)| longest)
    }

    /// What speaks against forecasting a run under `schedule`: its rate falls, and none of the sweep's did.
    pub(super) fn unknown_fall(&self, schedule: &Schedule) -> Option<String> {
        let (least, end) = (self.least_end?, schedule.learning_rate(1.0) / schedule.highest_rate());
        (least >= ANNEALED && end < ANNEALED * least).then(|| {
            format!(
                "its rate falls to {:.1} % of its peak, and no run's of the sweep fell below {:.0} %: what that brings is unknown until a \
                 run shows it",
                100.0 * end,
                100.0 * least
            )
        })
    }

    /// What speaks against forecasting a run of so many steps: it is more than twice as long as all runs, or less than half.
    pub(crate) fn unknown_length(&self, total_steps: u64) -> Option<String> {
        let (shortest, longest) = self.lengths?;
        let (steps, which) = match total_steps as f64 {
            steps if steps > LIKE * longest as f64 => (longest, "longest"),
            steps if steps * LIKE < shortest as f64 => (shortest, "shortest"),
            _ => return None,
        };
        Some(format!(
            "it has {total_steps} steps, and the {which} run of the sweep {steps}: it is forecast as if lengths did not matter more than they did there"
        ))
    }

    /// What speaks against forecasting a run with such settings: one that the sweep never varied.
    pub(crate) fn unknown_settings(&self, attributes: &Attributes) -> Option<String> {
        let own = known(attributes);
        self.settings.iter().find_map(|(name, value)| {
            let differs = own.get(name).filter(|own| !same(own, value))?;
            Some(format!(
                "its {name} is {differs}, that of every run of the sweep {value}: what this changes is unknown"
            ))
        })
    }
}

/// The settings that can be compared: numbers, and the optimizer.
fn known(attributes: &Attributes) -> BTreeMap<String, String> {
    let numbers =
        attributes.other.iter().filter(|(name, value)| is_setting(name) && value.trim().parse::<f64>().is_ok());
    let optimizer = attributes.optimizer.iter().map(|name| (OPTIMIZER.to_owned(), name.to_lowercase()));
    numbers.map(|(name, value)| (name.clone(), value.trim().to_owned())).chain(optimizer).collect()
}

fn same(a: &str, b: &str) -> bool {
    a == b
        || a.parse::<f64>()
            .ok()
            .zip(b.parse::<f64>().ok())
            .is_some_and(|(a, b)| (a - b).abs() <= SAME * a.abs().max(b.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(steps: u64, settings: &[(&str, &str)]) -> Run {
        let mut run = Run::new("run", 1);
        run.attributes.total_steps = Some(steps);
        run.attributes.optimizer = Some("AdamW".to_owned());
        run.attributes.other = settings.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        run.push(steps, None, Some(0.1), &[Some(0.5)]).expect("a point");
        run
    }

    #[test]
    fn what_all_runs_had_in_common_is_missed_in_another() {
        let runs = [
            run(800, &[("batch_size", "128"), ("weight_decay", "0.1"), ("note", "a")]),
            run(1000, &[("batch_size", "128.0"), ("weight_decay", "0.2"), ("note", "a")]),
        ];
        let conditions = Conditions::of(runs.iter());
        assert_eq!(conditions.lengths, Some((800, 1000)));
        assert_eq!(conditions.settings.keys().collect::<Vec<_>>(), ["batch_size", OPTIMIZER]);
        let unknown = |settings: &[(&str, &str)]| conditions.unknown_settings(&run(900, settings).attributes);
        assert_eq!(unknown(&[("batch_size", "1.28e2"), ("weight_decay", "0.7"), ("note", "b")]), None);
        assert!(unknown(&[("batch_size", "512")]).expect("differs").contains("batch_size is 512"));
        assert_eq!(unknown(&[]), None, "what is not recorded is not known to differ");
        let other = Attributes { optimizer: Some("sgd".to_owned()), ..Attributes::default() };
        assert!(conditions.unknown_settings(&other).expect("differs").contains("optimizer is sgd"));
        assert!(conditions.unknown_length(2000).is_none() && conditions.unknown_length(400).is_none());
        assert!(conditions.unknown_length(2001).expect("longer").contains("longest run of the sweep 1000"));
        assert!(conditions.unknown_length(399).expect("shorter").contains("shortest run of the sweep 800"));
        assert_eq!(Conditions::default().unknown_length(1), None);
    }

    #[test]
    fn a_fall_that_no_run_had_is_unknown() {
        let run = |end: f64| {
            let mut run = Run::new("run", 1);
            run.attributes.total_steps = Some(100);
            run.push(50, None, Some(0.1), &[Some(0.5)]).expect("a point");
            run.push(100, None, Some(0.1 * end), &[Some(0.5)]).expect("a point");
            run
        };
        let unknown = |ends: &[f64], schedule: &Schedule| {
            Conditions::of(ends.iter().map(|&end| run(end)).collect::<Vec<_>>().iter()).unknown_fall(schedule)
        };
        let cosine = Schedule::cosine(0.1);
        let said = unknown(&[1.0, 0.8], &cosine).expect("none fell");
        assert!(said.contains("falls to 0.0 %") && said.contains("below 80 %"), "{said}");
        assert_eq!(unknown(&[1.0, 0.1], &cosine), None, "one fell");
        assert_eq!(unknown(&[1.0], &Schedule::constant(0.2)), None);
        assert_eq!(unknown(&[], &cosine), None, "nothing is known of the ends");
    }
}
