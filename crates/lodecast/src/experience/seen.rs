//! What the sweep's runs looked like at each part of a run, and how far a live run is from it.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::data::{Point, Run};
use crate::odd::{are_odd, mean_and_deviation, quantile};

/// Parts that a run is divided into.
const PARTS: usize = 20;
/// The recent past of a live run, as a fraction of it, and its least number of points.
const RECENT: f64 = 0.02;
const LEAST_RECENT: usize = 3;
/// A band's deviation is at least this fraction of the whole column's. Configurations that look alike at some progress by
/// chance do not make the next run a surprise.
const LEAST_DEVIATION: f64 = 0.1;

/// Values of one column within one part of all runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Band {
    /// Smallest value.
    pub lowest: f64,
    /// Largest value.
    pub highest: f64,
    /// Mean.
    pub mean: f64,
    /// Standard deviation, but at least a tenth of that of the column over whole runs, in which odd values count for little.
    pub deviation: f64,
    /// Number of values.
    pub count: u64,
}

impl Band {
    fn new(values: &[f64], least_deviation: f64) -> Option<Self> {
        let (mean, deviation) = mean_and_deviation(values);
        Some(Self {
            lowest: values.iter().copied().reduce(f64::min)?,
            highest: values.iter().copied().reduce(f64::max)?,
            mean,
            deviation: deviation.max(least_deviation),
            count: values.len() as u64,
        })
    }

    /// Standard deviations by which `value` lies outside the band; 0 within.
    fn distance(&self, value: f64) -> f64 {
        let outside = (self.lowest - value).max(value - self.highest).max(0.0);
        // A sweep of one run, or a constant column, has no deviation of its own.
        outside / self.deviation.max(0.01 * self.mean.abs()).max(1e-6)
    }

    fn check(&self) -> bool {
        let numbers = [self.lowest, self.highest, self.mean, self.deviation];
        numbers.iter().all(|number| number.is_finite()) && self.lowest <= self.highest && self.deviation >= 0.0
    }
}

/// Values within which almost all of a column lie: its quantiles of 5 and 95 %, and to either side so many times the distance of the
/// two. Where these are the same, nothing is known of how far the others may lie.
const REACH: f64 = 3.0;

fn usual(mut values: Vec<f64>) -> RangeInclusive<f64> {
    if values.is_empty() {
        return f64::MIN..=f64::MAX;
    }
    let (low, high) = (quantile(&mut values, 0.05), quantile(&mut values, 0.95));
    let reach = REACH * (high - low);
    if reach > 0.0 { low - reach..=high + reach } else { f64::MIN..=f64::MAX }
}

/// The bands of a column whose values in each part of a run are these.
fn bands(parts: &[Vec<f64>]) -> Vec<Option<Band>> {
    let usual = usual(parts.concat());
    // One value that exploded says nothing of how runs differ, and many are no more worth than the worst that is usual.
    let within = |value: f64| value.clamp(*usual.start(), *usual.end());
    let all: Vec<f64> = parts.iter().flatten().map(|&value| within(value)).collect();
    let least = LEAST_DEVIATION * mean_and_deviation(&all).1;
    let is_unusual = |value: f64| !usual.contains(&value);
    let band = |values: &Vec<f64>| {
        // What is unusual but common at its place, as a first loss is, was seen there.
        if are_odd(values, is_unusual) {
            let kept: Vec<f64> = values.iter().copied().filter(|&value| !is_unusual(value)).collect();
            Band::new(&kept, least)
        } else {
            Band::new(values, least)
        }
    };
    parts.iter().map(band).collect()
}

/// Bands of every column over the twentieths of a run; `None` where nothing was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Seen {
    /// ln of the train loss.
    pub train_loss: Vec<Option<Band>>,
    /// ln of the learning rate.
    pub learning_rate: Vec<Option<Band>>,
    /// Validation metric.
    pub validation: Vec<Option<Band>>,
}

impl Seen {
    /// Nothing was seen yet.
    pub(super) fn nothing() -> Self {
        let never = || vec![None; PARTS];
        Self { train_loss: never(), learning_rate: never(), validation: never() }
    }
}

/// How far a live run is from what the sweep showed at the same progress, in standard deviations outside the range seen.
/// `None` where there is nothing to compare.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Surprise {
    /// Of ln train loss.
    pub train_loss: Option<f64>,
    /// Of the ln learning rate. A planned schedule may well be new: this says how new, and speaks against nothing.
    pub learning_rate: Option<f64>,
    /// Of the validation metric.
    pub validation: Option<f64>,
}

fn part(progress: f64) -> usize {
    ((progress * PARTS as f64) as usize).min(PARTS - 1)
}

fn finite(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite())
}

fn ln(value: Option<f64>) -> Option<f64> {
    value.filter(|&value| value > 0.0 && value.is_finite()).map(f64::ln)
}

impl Seen {
    /// From the runs that did not diverge.
    pub(super) fn from_runs<'a>(runs: impl Iterator<Item = &'a Run>, metric: usize) -> Self {
        let mut columns: [Vec<Vec<f64>>; 3] = std::array::from_fn(|_| vec![Vec::new(); PARTS]);
        for run in runs {
            let total_steps = run.total_steps() as f64;
            for point in run.points(metric) {
                let part = part(point.step as f64 / total_steps);
                columns[0][part].extend(ln(point.train_loss));
                columns[1][part].extend(ln(point.learning_rate));
                columns[2][part].extend(finite(point.validation));
            }
        }
        let [train_loss, learning_rate, validation] = columns.map(|parts| bands(&parts));
        Self { train_loss, learning_rate, validation }
    }

    /// How surprising the last points of a run are.
    pub fn surprise(&self, observed: &[Point], total_steps: u64) -> Surprise {
        let Some(last) = observed.last() else { return Surprise::default() };
        let total_steps = total_steps.max(1) as f64;
        let progress = last.step as f64 / total_steps;
        let recent = observed.partition_point(|point| (point.step as f64) < last.step as f64 - RECENT * total_steps);
        let recent = &observed[recent.min(observed.len().saturating_sub(LEAST_RECENT))..];
        let of = |bands: &[Option<Band>], column: fn(&Point) -> Option<f64>| {
            let values: Vec<f64> = recent.iter().filter_map(column).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let nearest = (0..bands.len())
                .filter_map(|index| Some((index.abs_diff(part(progress)), bands[index]?)))
                .min_by_key(|&(distance, _)| distance)?;
            (!values.is_empty()).then(|| nearest.1.distance(mean))
        };
        Surprise {
            train_loss: of(&self.train_loss, |point| ln(point.train_loss)),
            learning_rate: of(&self.learning_rate, |point| ln(point.learning_rate)),
            validation: of(&self.validation, |point| finite(point.validation)),
        }
    }

    pub(super) fn check(&self) -> Result<(), String> {
        for bands in [&self.train_loss, &self.learning_rate, &self.validation] {
            if bands.len() != PARTS || !bands.iter().flatten().all(Band::check) {
                return Err("what its sweep looked like is not usable; fit it again".to_owned());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Twelve runs of a loss that falls from 2.3 in 50 points, with this one in place of one of its values.
    fn seen(odd: Option<f64>) -> Seen {
        let run = |number: u32| {
            let loss = |step: u64| 0.2 + 2.1 / (1.0 + 0.1 * f64::from(number + 1) * step as f64);
            let points = (0..50).map(|step| {
                let value = odd.filter(|_| (number, step) == (4, 20)).unwrap_or_else(|| loss(step));
                Point::new(step).train_loss(loss(step)).learning_rate(0.1).validation(value)
            });
            Run::from_points(number.to_string(), points).expect("increasing")
        };
        let runs: Vec<Run> = (0..12).map(run).collect();
        Seen::from_runs(runs.iter(), 0)
    }

    #[test]
    fn one_value_that_exploded_blinds_nobody() {
        let distance = |seen: &Seen, value: f64| {
            let observed: Vec<Point> = (18..=20).map(|step| Point::new(step).validation(value)).collect();
            seen.surprise(&observed, 49).validation.expect("seen there")
        };
        let expected = seen(None);
        assert!(distance(&expected, 30.0) > 10.0);
        for odd in [1e2, 1e4, 4e21, 1e200] {
            let found = seen(Some(odd));
            found.check().unwrap_or_else(|error| panic!("{odd}: {error}"));
            let ratio = distance(&found, 30.0) / distance(&expected, 30.0);
            assert!(ratio > 0.8, "{odd}: {ratio} of the distance");
            assert!(found.validation.iter().flatten().all(|band| band.highest < 10.0), "{odd}");
        }
    }

    #[test]
    fn what_every_run_begins_with_was_seen() {
        let run = |number: u32| {
            let value = |step: u64| if step == 0 { 3e4 + f64::from(number) } else { 20.0 + f64::from(number) };
            let points = (0..200).map(|step| Point::new(step).learning_rate(0.1).validation(value(step)));
            Run::from_points(number.to_string(), points).expect("increasing")
        };
        let runs: Vec<Run> = (0..12).map(run).collect();
        let seen = Seen::from_runs(runs.iter(), 0);
        let at = |step: u64, value: f64| seen.surprise(&[Point::new(step).validation(value)], 200).validation;
        assert_eq!(at(0, 3e4), Some(0.0));
        assert!(at(100, 1e3) > Some(10.0), "{:?}", at(100, 1e3));
    }
}
