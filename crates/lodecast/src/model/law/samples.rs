//! Draws from a law's posterior: what the final values of many candidates may all be together.

use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use super::curve::{Gradient, PARAMETERS};
use super::fitted_law::Law;
use super::forecast::{Question, check};
use super::linear_algebra::{Cholesky, dot};
use crate::random::{Purpose, stream};
use crate::{Result, Schedule};

impl Law {
    /// `draws` draws of the expected final values of runs of `total_steps` under `schedules`, one row a draw.
    ///
    /// A draw is one way the search may be: the same for all candidates, so that a planner can count how often one is the
    /// best. The law is linearised about its most probable parameters (far draws of the law itself explode), divergence is
    /// integrated out, and the scatter of seeds is left out.
    ///
    /// # Errors
    /// If a schedule is not usable or a run has no steps.
    pub fn samples(&self, schedules: &[Schedule], total_steps: u64, draws: usize, seed: u64) -> Result<Vec<Vec<f64>>> {
        check(schedules, total_steps)?;
        let questions: Vec<Question> = schedules.iter().map(|schedule| self.question(schedule, total_steps)).collect();
        Ok(self.sample(&questions, draws, seed))
    }

    pub(crate) fn sample(&self, questions: &[Question], draws: usize, seed: u64) -> Vec<Vec<f64>> {
        let curve = self.posterior.curve();
        let ends: Vec<(f64, Gradient)> =
            questions.par_iter().with_min_len(64).map(|question| self.posterior.end(&curve, &question.path)).collect();
        let chances: Vec<f64> = questions.iter().map(|question| self.threshold.probability(question.ln_peak)).collect();
        let features: Vec<Vec<f64>> = questions.iter().map(|question| question.features.clone()).collect();
        let paths = self.search_process.paths(&features);
        let factor = Cholesky::of(self.posterior.covariance.clone(), PARAMETERS);
        let widen = self.multiplier;
        let start = self.units.start;
        (0..draws as u64)
            .into_par_iter()
            .map(|draw| {
                let mut random = stream(seed, Purpose::Candidate, draw);
                let normal: Vec<f64> = (0..PARAMETERS).map(|_| random.sample(StandardNormal)).collect();
                let moved = factor.as_ref().map_or_else(|| vec![0.0; PARAMETERS], |factor| factor.multiply(&normal));
                let level = self.level_doubt * Distribution::<f64>::sample(&StandardNormal, &mut random);
                let residuals = paths.draw(&mut random, widen);
                (ends.iter().zip(residuals).zip(&chances))
                    .map(|(((ln_gap, slopes), residual), chance)| {
                        let ln_gap = ln_gap + widen * (dot(slopes, &moved) + level) + residual;
                        let gap = ln_gap.min(700.0).exp().min(start);
                        self.scale.value((1.0 - chance) * gap + chance * start)
                    })
                    .collect()
            })
            .collect()
    }

    /// What deviations of draws are multiplied by.
    pub(crate) fn widen(&self) -> f64 {
        self.multiplier
    }

    /// The metric at drawn `ln` gaps that count divergence already.
    pub(crate) fn values_of_draw(&self, ln_gaps: Vec<f64>) -> Vec<f64> {
        ln_gaps.into_iter().map(|ln_gap| self.scale.value(ln_gap.min(700.0).exp().min(self.units.start))).collect()
    }
}
