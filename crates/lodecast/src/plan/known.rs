//! The schedules of a sweep over the rest of a run, and how unlike them another one is.

use super::remaining::Remaining;
use crate::data::Schedule;
use crate::experience::Experience;

/// Times at which schedules are compared.
pub(super) const COMPARED: usize = 33;

/// The schedules of a sweep over the rest of a run, as the measure of what the model knows.
#[derive(Clone, Debug)]
pub(super) struct KnownSchedules {
    /// ln lr at the times compared, and the roughness, of each schedule.
    curves: Vec<(Vec<f64>, f64)>,
    /// Standard deviation of ln lr over the sweep.
    spread: f64,
    /// Times over which roughness is measured.
    knots: usize,
}

/// How unlike the schedules of the sweep another one is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Strangeness {
    /// Mean over time of the squared difference in ln lr to the nearest schedule of the sweep.
    pub(super) squared_distance: f64,
    /// Sum of its squared second differences in ln lr beyond those of that nearest schedule: a cosine that drops at its end
    /// is no rougher than the cosines the model knows.
    pub(super) excess_roughness: f64,
}

impl KnownSchedules {
    pub(super) fn new(experience: &Experience, remaining: &Remaining, knots: usize) -> Self {
        let spread = experience.log_rate_spread;
        let known = |schedule: &Schedule| {
            let roughness = roughness(&remaining.log_rates(schedule, knots), spread);
            (remaining.log_rates(schedule, COMPARED), roughness)
        };
        let curves = experience.configurations.iter().map(|configuration| known(&configuration.schedule)).collect();
        Self { curves, spread, knots }
    }

    /// Compares `schedule` with the nearest one; both measures are in units of the sweep's own spread of ln lr.
    pub(super) fn strangeness(&self, remaining: &Remaining, schedule: &Schedule) -> Strangeness {
        let rates = remaining.log_rates(schedule, COMPARED);
        let distance = |curve: &[f64]| {
            let squares: f64 = curve.iter().zip(&rates).map(|(a, b)| (a - b).powi(2)).sum();
            squares / (COMPARED as f64 * self.spread.powi(2))
        };
        let distances = self.curves.iter().map(|(curve, roughness)| (distance(curve), *roughness));
        let (squared_distance, usual) = distances.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((f64::INFINITY, 0.0));
        let roughness = roughness(&remaining.log_rates(schedule, self.knots), self.spread);
        Strangeness { squared_distance, excess_roughness: (roughness - usual).max(0.0) }
    }
}

fn roughness(log_rates: &[f64], spread: f64) -> f64 {
    log_rates.windows(3).map(|w| ((w[0] - 2.0 * w[1] + w[2]) / spread).powi(2)).sum()
}
