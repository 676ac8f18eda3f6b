//! The cross-entropy method over a low-dimensional family of schedules for the rest of a run.

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use super::remaining::Remaining;
use crate::data::{Schedule, interpolate};

/// Which schedules are searched besides those of the sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SearchFamily {
    /// ln lr at evenly spaced knots over the rest of the run.
    FreeKnots,
    /// Warm up, hold a level, then anneal: level, fraction of the rest over which the rate rises to it, fraction until which
    /// it is held, depth in ln lr, and the form of the descent (from a straight line in ln lr to half a cosine).
    HoldAndAnneal,
    /// None: the schedules of the sweep only.
    SweepOnly,
}

/// Straight pieces between two knots, which are straight in ln lr.
const PIECES: usize = 4;
/// Deviation of the first round at least, as a fraction of a parameter's bounds, and its factor from round to round.
const FIRST_DEVIATION: f64 = 0.15;
const NARROWING: f64 = 0.6;
/// Below this much under its largest rate (in ln lr) a schedule has begun to anneal.
const HELD_WITHIN: f64 = 0.1;
/// Samples of a schedule that is projected on hold-and-anneal.
const SAMPLES: usize = 33;
/// Longest warm-up, as a fraction of the rest of the run, and the rate that it starts from, as a fraction of the level.
const LONGEST_WARMUP: f64 = 0.4;
const WARMUP_START: f64 = 0.04;
/// Straight pieces of a warm-up.
const WARMUP_PARTS: usize = 8;

/// A family with its number of parameters.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    FreeKnots { knots: usize },
    HoldAndAnneal,
}

impl Shape {
    /// Bounds of each parameter.
    fn bounds(self, remaining: &Remaining) -> Vec<(f64, f64)> {
        let (lowest, highest) = remaining.bounds;
        match self {
            Self::FreeKnots { knots } => vec![(lowest, highest); knots],
            Self::HoldAndAnneal => {
                vec![(lowest, highest), (0.0, LONGEST_WARMUP), (0.0, 1.0), (lowest - highest, 0.0), (0.0, 1.0)]
            }
        }
    }

    /// The parameters nearest to a schedule.
    pub(super) fn project(self, remaining: &Remaining, schedule: &Schedule) -> Vec<f64> {
        let mut parameters = match self {
            Self::FreeKnots { knots } => remaining.log_rates(schedule, knots),
            Self::HoldAndAnneal => {
                let rates = remaining.log_rates(schedule, SAMPLES);
                let level = rates.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let at_level = |rate: &f64| *rate >= level - HELD_WITHIN;
                let part = |index: Option<usize>| index.unwrap_or(0) as f64 / (SAMPLES - 1) as f64;
                let (reached, held) = (part(rates.iter().position(at_level)), part(rates.iter().rposition(at_level)));
                let end = rates[SAMPLES - 1].max(remaining.bounds.0);
                vec![level, reached, held, end - level, 1.0]
            }
        };
        for (value, (least, most)) in parameters.iter_mut().zip(self.bounds(remaining)) {
            *value = value.clamp(least, most);
        }
        parameters
    }

    /// The schedule of these parameters.
    pub(super) fn schedule(self, remaining: &Remaining, parameters: &[f64]) -> Schedule {
        match self {
            Self::FreeKnots { knots } => {
                let at = |k: usize, of: usize| remaining.at(k as f64 / of as f64);
                let points: Vec<(f64, f64)> =
                    parameters.iter().enumerate().map(|(k, &rate)| (at(k, knots - 1), rate)).collect();
                let pieces = PIECES * (knots - 1);
                remaining.schedule((0..=pieces).map(|k| at(k, pieces)), |progress| interpolate(&points, progress))
            }
            Self::HoldAndAnneal => {
                let [level, warmup, hold, depth, form] = std::array::from_fn(|k| parameters[k]);
                let (reached, start) = (remaining.at(warmup), remaining.at(hold.max(warmup)));
                let between = |from: f64, to: f64, parts: usize| {
                    (0..=parts).map(move |k| from + (to - from) * k as f64 / parts as f64)
                };
                let marks = between(remaining.at(0.0), reached, WARMUP_PARTS).chain(between(start, 1.0, SAMPLES / 2));
                let from = remaining.log_rate_in_force().unwrap_or(level + WARMUP_START.ln()).min(level).exp();
                remaining.schedule(marks, |progress| {
                    if progress < reached {
                        let done = (progress - remaining.at(0.0)) / (reached - remaining.at(0.0));
                        return (from + (level.exp() - from) * done).ln();
                    }
                    let done = if start < 1.0 { ((progress - start) / (1.0 - start)).max(0.0) } else { 0.0 };
                    let cosine = 0.5 * (1.0 - (std::f64::consts::PI * done).cos());
                    level + depth * ((1.0 - form) * done + form * cosine)
                })
            }
        }
    }
}

/// The search: it asks for rewards of samples, is told them, and narrows down.
#[derive(Clone, Debug)]
pub(super) struct CrossEntropy {
    bounds: Vec<(f64, f64)>,
    elite: usize,
    /// The best parameters so far with their scores, best first.
    best: Vec<(f64, Vec<f64>)>,
    rounds: i32,
}

impl CrossEntropy {
    pub(super) fn new(shape: Shape, remaining: &Remaining, elite: usize) -> Self {
        Self { bounds: shape.bounds(remaining), elite, best: Vec::new(), rounds: 0 }
    }

    /// Takes in scores of parameters.
    pub(super) fn tell(&mut self, scored: impl IntoIterator<Item = (f64, Vec<f64>)>) {
        self.best.extend(scored.into_iter().filter(|(score, _)| score.is_finite()));
        // Stable: of equals the earlier one stays first, so the order is the same everywhere.
        self.best.sort_by(|a, b| b.0.total_cmp(&a.0));
        self.best.truncate(self.elite);
    }

    /// The parameters to try next: normal around the mean of the elite, within the bounds; every second one around a single
    /// one of the elite, since the best schedules of a sweep need not resemble each other.
    pub(super) fn ask(&mut self, random: &mut ChaCha8Rng, population: usize) -> Vec<Vec<f64>> {
        let least = FIRST_DEVIATION * NARROWING.powi(self.rounds);
        self.rounds += 1;
        let count = self.best.len().max(1) as f64;
        let columns: Vec<(f64, f64)> = (0..self.bounds.len())
            .map(|j| {
                let (lowest, highest) = self.bounds[j];
                if self.best.is_empty() {
                    return (0.5 * (lowest + highest), 0.5 * (highest - lowest));
                }
                let mean = self.best.iter().map(|(_, values)| values[j]).sum::<f64>() / count;
                let variance = self.best.iter().map(|(_, values)| (values[j] - mean).powi(2)).sum::<f64>() / count;
                (mean, variance.sqrt().max(least * (highest - lowest)))
            })
            .collect();
        let mut normal = || -> f64 { StandardNormal.sample(random) };
        (0..population)
            .map(|sample| {
                let single = (sample % 2 == 1).then(|| self.best.get(sample / 2 % self.best.len().max(1))).flatten();
                (0..self.bounds.len())
                    .map(|j| {
                        let (lowest, highest) = self.bounds[j];
                        let (mean, deviation) = match single {
                            // Around one of the elite: as far as the search has narrowed down.
                            Some((_, values)) => (values[j], least * (highest - lowest)),
                            None => columns[j],
                        };
                        (mean + deviation * normal()).clamp(lowest, highest)
                    })
                    .collect()
            })
            .collect()
    }
}
