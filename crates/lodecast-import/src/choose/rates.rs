//! Which of several learning rates is the run's: parameter groups that differ, and what most of them share.

use std::collections::BTreeMap;

use crate::names::rate_rank;
use crate::recording::Series;

/// How far apart two rates may be and still count as the same: tables round them.
const SAME: f64 = 0.01;
/// A series with so many times fewer samples than another was noted down, and not recorded.
const FEWER: usize = 4;
/// Samples that are compared.
const COMPARED: usize = 64;

/// The series of one run that are called like a learning rate: one that stands alone before those of parameter groups.
pub(crate) struct Rates<'a> {
    /// Rank and name of each, and its first samples.
    found: Vec<(usize, &'a str, Samples)>,
}

/// Steps with their values.
type Samples = Vec<(u64, f64)>;

impl<'a> Rates<'a> {
    /// Those among `series`.
    pub(crate) fn of(series: &'a BTreeMap<String, Series>) -> Self {
        let found = series.iter().filter_map(|(name, series)| {
            let samples = series.steps().zip(series.values()).take(COMPARED).collect();
            Some((rate_rank(name)?, name.as_str(), samples))
        });
        Self { found: found.collect() }
    }

    /// The one to take: one that stands alone, or of parameter groups the first of those that most agree with.
    pub(crate) fn usual(&self) -> Option<&'a str> {
        let most = self.found.iter().map(|(.., samples)| samples.len()).max()?;
        let recorded = || self.found.iter().filter(|(.., samples)| samples.len() * FEWER >= most);
        let rank = recorded().map(|&(rank, ..)| rank).min()?;
        let of_rank: Vec<_> = recorded().filter(|(of, ..)| *of == rank).collect();
        let agreeing = |one: &Samples| of_rank.iter().filter(|(_, _, other)| apart(one, other) <= 1.0 + SAME).count();
        let mut best: Option<(usize, &str)> = None;
        for (_, name, samples) in &of_rank {
            let count = agreeing(samples);
            if best.is_none_or(|(most, _)| count > most) {
                best = Some((count, name));
            }
        }
        best.map(|(_, name)| name)
    }

    /// How the others differ from the one named `chosen`: each with the largest factor between the two, 1 if they agree.
    pub(crate) fn beside(&self, chosen: &str) -> Vec<(&'a str, f64)> {
        let Some((_, _, own)) = self.found.iter().find(|(_, name, _)| *name == chosen) else { return Vec::new() };
        let others = self.found.iter().filter(|(_, name, _)| *name != chosen);
        others.map(|(_, name, samples)| (*name, apart(own, samples))).collect()
    }

    /// What is peculiar about `name`: it falls while it warms up, below a tenth of where it began, or none of it is a rate.
    pub(crate) fn peculiarity(&self, name: &str) -> Option<String> {
        let (_, _, samples) = self.found.iter().find(|(_, found, _)| *found == name)?;
        let values: Vec<f64> = samples.iter().map(|&(_, value)| value).collect();
        let first = *values.first()?;
        let negative = values.iter().find(|&&value| value < 0.0);
        if let (Some(value), true) = (negative, values.iter().all(|&value| value <= 0.0)) {
            return Some(format!(
                "it is negative ({value}), which no learning rate is: if these are logarithms, log the rate itself, or name another \
                 with --lr"
            ));
        }
        let lowest = (0..values.len()).min_by(|&a, &b| values[a].total_cmp(&values[b]))?;
        // It falls by far and rises again: no schedule's end.
        let rises = values[lowest..].iter().any(|&later| later > 1.5 * values[lowest]);
        let falls = lowest > 0 && values[lowest] < 0.1 * first && values[lowest] > 0.0 && rises;
        falls.then(|| format!("it falls from {first} before it rises: a warm-up from above"))
    }
}

/// The largest factor between two series at the steps they share.
fn apart(one: &[(u64, f64)], other: &[(u64, f64)]) -> f64 {
    let other: BTreeMap<u64, f64> = other.iter().copied().collect();
    let mut shared = 0;
    let mut largest = 1.0_f64;
    for (step, a) in one {
        let Some(&b) = other.get(step) else { continue };
        shared += 1;
        let factor = if *a == b || (a.is_nan() && b.is_nan()) {
            1.0
        } else if a.abs().min(b.abs()) > 0.0 {
            (a / b).abs().max((b / a).abs())
        } else {
            // One is nought: what remains of the other counts only if it is no rounding.
            if a.abs().max(b.abs()) < 1e-5 { 1.0 } else { f64::INFINITY }
        };
        // Numbers of five or six decimals are rounded by as much as this.
        if (a - b).abs() > 2e-6 {
            largest = largest.max(factor);
        }
    }
    if shared == 0 { f64::INFINITY } else { largest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_most_groups_share_is_the_rate() {
        let series = |values: &[f64]| (1..).zip(values).map(|(step, &value)| (step, value, step)).collect::<Series>();
        let found = BTreeMap::from([
            ("lr/pg0".to_owned(), series(&[0.067, 0.034, 0.001_054, 0.000_9])),
            ("lr/pg1".to_owned(), series(&[0.000_45, 0.000_8, 0.001_055, 0.000_9])),
            ("lr/pg2".to_owned(), series(&[0.000_45, 0.000_801, 0.001_055, 0.000_9])),
        ]);
        let rates = Rates::of(&found);
        assert_eq!(rates.usual(), Some("lr/pg1"));
        let beside = rates.beside("lr/pg1");
        assert_eq!(beside[0].0, "lr/pg0");
        assert!((beside[0].1 - 0.067 / 0.000_45).abs() < 1e-9);
        assert!(beside[1].1 <= 1.0 + SAME);
    }
}
