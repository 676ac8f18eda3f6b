//! Forecasts of the law: final values and whole curves, with their doubt, in the metric's own units.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::calibration::{STRETCH_68, STRETCH_95};
use super::covariates::Settings;
use super::curve::{Gradient, Path, SEGMENTS};
use super::divergence::{Divergence, mixture_quantile, normal_distribution};
use super::fitted_law::Law;
use super::observation::segment_rates;
use super::residual::ResidualProcess;
use crate::{Error, Result, Schedule};

/// The final value of a run that has not been made, as the law sees it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FinalForecast {
    /// Expected value: that of a run that trains and that of an untrained network, each with its probability. Choose by it.
    pub expected: f64,
    /// Median: as likely to be passed as not, divergence counted. Forecast by it.
    pub median: f64,
    /// Ends of the interval that holds 68 %.
    pub low_68: f64,
    /// See [`Self::low_68`].
    pub high_68: f64,
    /// Ends of the interval that holds 95 %.
    pub low_95: f64,
    /// See [`Self::low_95`].
    pub high_95: f64,
    /// Probability that the run diverges.
    pub probability_diverged: f64,
    /// Logarithm of the gap to the metric's ideal value, of a run that trains.
    pub ln_gap: f64,
    /// Its deviation: doubt and the scatter of runs together.
    pub deviation: f64,
    /// The part of it that another seed would change.
    pub seed_deviation: f64,
}

/// The whole curve of a run, as the law sees it; see [`FinalForecast`] for its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LawForecast {
    /// Times, as fractions of the planned run.
    pub progress: Vec<f64>,
    /// Learning rate then.
    pub learning_rate: Vec<f64>,
    /// Median of the metric, of a run that trains.
    pub median: Vec<f64>,
    /// Ends of the interval that holds 68 %.
    pub low_68: Vec<f64>,
    /// See [`Self::low_68`].
    pub high_68: Vec<f64>,
    /// The end.
    pub last: FinalForecast,
}

/// A run to be forecast: rates, length and settings in the form the parts of the law need.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) path: Path,
    pub(crate) features: Vec<f64>,
    pub(crate) ln_peak: f64,
}

/// `ln(peak / reference rate)`, finite for any rates.
pub(crate) fn ln_over(peak: f64, reference: f64) -> f64 {
    (peak / reference).clamp(1e-300, 1e300).ln()
}

impl Law {
    /// Final values of runs of `total_steps` under `schedules`, with the settings of the best run.
    ///
    /// # Errors
    /// If a schedule is not usable or a run has no steps.
    pub fn final_values(&self, schedules: &[Schedule], total_steps: u64) -> Result<Vec<FinalForecast>> {
        check(schedules, total_steps)?;
        Ok(schedules
            .par_iter()
            .with_min_len(64)
            .map_init(Vec::new, |scratch, schedule| {
                self.final_forecast(&self.question(schedule, total_steps), &self.forecast_process, scratch)
            })
            .collect())
    }

    /// The curve and the final value of a run of `total_steps` under `schedule`, with the settings of the best run.
    ///
    /// # Errors
    /// If the schedule is not usable or the run has no steps.
    pub fn forecast(&self, schedule: &Schedule, total_steps: u64) -> Result<LawForecast> {
        check([schedule], total_steps)?;
        let question = self.question(schedule, total_steps);
        let mut scratch = Vec::new();
        let last = self.final_forecast(&question, &self.forecast_process, &mut scratch);
        let residual = self.forecast_process.predict(&mut question.features.clone(), &mut scratch);
        let ends: Vec<usize> = (0..SEGMENTS).collect();
        let (mut median, mut low_68, mut high_68) = (Vec::new(), Vec::new(), Vec::new());
        let noise = self.forecast_process.noise().max(self.posterior.sigma.powi(2));
        self.posterior.curve().derivatives(&question.path, &ends, |k, ln_gap, slopes| {
            // What the process knows is about the end; on the way there it counts by how far the run has come.
            let come = (k + 1) as f64 / SEGMENTS as f64;
            let doubt =
                self.posterior.variance(&self.posterior.prior.whiten_gradient(slopes)) + self.level_doubt.powi(2);
            let variance = doubt + come * come * residual.variance + noise;
            let deviation = variance.sqrt() * self.multiplier;
            let ln_gap = ln_gap + come * residual.mean;
            let gap = |ln_gap: f64| ln_gap.exp().min(self.units.start);
            median.push(self.scale.value(gap(ln_gap)));
            let (low, high) = self.scale.range(gap(ln_gap - deviation), gap(ln_gap + deviation));
            low_68.push(low);
            high_68.push(high);
        });
        let progress: Vec<f64> = (1..=SEGMENTS).map(|k| k as f64 / SEGMENTS as f64).collect();
        let learning_rate = progress.iter().map(|&at| schedule.learning_rate(at)).collect();
        Ok(LawForecast { progress, learning_rate, median, low_68, high_68, last })
    }

    pub(crate) fn question(&self, schedule: &Schedule, total_steps: u64) -> Question {
        self.question_of(&segment_rates(schedule), total_steps as f64, &self.assumed)
    }

    pub(crate) fn question_of(&self, rates: &[f64; SEGMENTS], length: f64, settings: &Settings) -> Question {
        let peak = rates.iter().copied().fold(0.0, f64::max) * self.gain(settings);
        Question {
            path: self.path(rates, length, settings),
            features: self.features(rates, length, settings),
            ln_peak: ln_over(peak, self.units.rate),
        }
    }

    /// `ln gap` at the end, its slopes in the whitened parameters, and what the process adds.
    pub(crate) fn answer(
        &self,
        question: &Question,
        process: &ResidualProcess,
        scratch: &mut Vec<f64>,
    ) -> (Answer, Gradient) {
        let (ln_gap, slopes) = self.posterior.end(&self.posterior.curve(), &question.path);
        let residual = process.predict(&mut question.features.clone(), scratch);
        let doubt = self.posterior.variance(&slopes) + residual.variance + self.level_doubt.powi(2);
        (Answer { ln_gap: ln_gap + residual.mean, doubt, noise: process.noise() }, slopes)
    }

    pub(crate) fn final_forecast(
        &self,
        question: &Question,
        process: &ResidualProcess,
        scratch: &mut Vec<f64>,
    ) -> FinalForecast {
        let (answer, _) = self.answer(question, process, scratch);
        self.natural(answer, self.threshold.probability(question.ln_peak))
    }

    /// Probability that a run ends at `target` or better, by its forecast.
    pub fn probability_of(&self, forecast: &FinalForecast, target: f64) -> f64 {
        let distance = self.scale.gap(target).ln() - forecast.ln_gap;
        let among_trained = normal_distribution(distance / (STRETCH_68 * forecast.deviation).max(1e-12));
        // One that diverges ends where it started.
        let start = if self.scale.gap(target) >= self.units.start { 1.0 } else { 0.0 };
        (1.0 - forecast.probability_diverged) * among_trained + forecast.probability_diverged * start
    }

    /// What runs of this search come to that diverge, which one does with `probability`.
    pub(crate) fn divergence(&self, probability: f64) -> Divergence {
        Divergence::new(probability, self.diverged_ends)
    }

    /// The gap that is not passed with probability `p`: the run trains, and ends about `ln_gap` with a deviation, or it diverges.
    fn quantile(&self, p: f64, stretch: f64, (ln_gap, deviation): (f64, f64), divergence: &Divergence) -> f64 {
        let ln_start = self.units.start.ln();
        let Divergence { probability, ends, worst } = *divergence;
        let trained = (1.0 - probability, ln_gap.min(ln_start + worst), (stretch * deviation).max(1e-9));
        let diverged = (probability, ln_start + ends.mean, stretch * ends.deviation);
        mixture_quantile(p, [trained, diverged]).min(700.0).exp()
    }

    /// The median of it.
    fn median(&self, trained: (f64, f64), divergence: &Divergence) -> f64 {
        let worst = self.units.start * divergence.worst.min(700.0).exp();
        self.quantile(0.5, STRETCH_68, trained, divergence).min(worst)
    }

    /// The best and the worst end of the interval of 68 %, and the median between, of a run that trains or diverges.
    pub(crate) fn within_68(&self, ln_gap: f64, deviation: f64, divergence: &Divergence) -> [f64; 3] {
        let quantile = |p: f64| self.quantile(p, STRETCH_68, (ln_gap, deviation), divergence);
        let gaps = [quantile(0.16), self.median((ln_gap, deviation), divergence), quantile(0.84)];
        gaps.map(|gap| self.scale.value(gap))
    }

    /// An answer, calibrated, in the metric's own units.
    pub(crate) fn natural(&self, answer: Answer, probability_diverged: f64) -> FinalForecast {
        self.natural_by(self.multiplier, answer, &self.divergence(probability_diverged))
    }

    /// An answer in the metric's own units, its deviations multiplied by `factor`.
    pub(crate) fn natural_by(&self, factor: f64, answer: Answer, divergence: &Divergence) -> FinalForecast {
        let deviation = (answer.doubt + answer.noise).sqrt() * factor;
        let start = self.units.start;
        let quantile = |p: f64, stretch: f64| self.quantile(p, stretch, (answer.ln_gap, deviation), divergence);
        let trained = answer.ln_gap.min(start.ln()).exp();
        let (low_68, high_68) = self.scale.range(quantile(0.16, STRETCH_68), quantile(0.84, STRETCH_68));
        let (low_95, high_95) = self.scale.range(quantile(0.025, STRETCH_95), quantile(0.975, STRETCH_95));
        let probability_diverged = divergence.probability;
        FinalForecast {
            expected: self.scale.value((1.0 - probability_diverged) * trained + probability_diverged * start),
            median: self.scale.value(self.median((answer.ln_gap, deviation), divergence)),
            low_68,
            high_68,
            low_95,
            high_95,
            probability_diverged,
            ln_gap: answer.ln_gap,
            deviation,
            seed_deviation: answer.noise.sqrt() * factor,
        }
    }
}

/// Can runs of `total_steps` follow these schedules?
pub(crate) fn check<'a>(schedules: impl IntoIterator<Item = &'a Schedule>, total_steps: u64) -> Result<()> {
    if total_steps == 0 {
        return Err(Error::Setting {
            name: "total_steps",
            value: "0".to_owned(),
            remedy: "give the length of the run in optimizer steps, at least 1",
        });
    }
    schedules.into_iter().try_for_each(Schedule::check)
}
