//! What the sweep's runs looked like at each part of a run, and how far a live run is from it.

use serde::{Deserialize, Serialize};

use crate::data::{Point, Run};

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
pub struct Band {
    /// Smallest value.
    pub lowest: f64,
    /// Largest value.
    pub highest: f64,
    /// Mean.
    pub mean: f64,
    /// Standard deviation, but at least a tenth of that of the column over whole runs.
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

fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    (mean, variance.sqrt())
}

/// Bands of every column over the twentieths of a run; `None` where nothing was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// ln of the train loss.
    pub train_loss: Vec<Option<Band>>,
    /// ln of the learning rate.
    pub learning_rate: Vec<Option<Band>>,
    /// Validation metric.
    pub validation: Vec<Option<Band>>,
}

/// How far a live run is from what the sweep showed at the same progress, in standard deviations outside the range seen.
/// `None` where there is nothing to compare.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
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
        let [train_loss, learning_rate, validation] = columns.map(|parts| {
            let least = LEAST_DEVIATION * mean_and_deviation(&parts.concat()).1;
            parts.iter().map(|values| Band::new(values, least)).collect()
        });
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
