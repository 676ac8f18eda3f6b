//! What has to hold of a law that comes from a file, so that it can be asked anything.

use super::curve::PARAMETERS;
use super::divergence::DivergedEnds;
use super::features::SCHEDULE_FEATURES;
use super::fitted_law::Law;
use super::fitted_law::Units;
use super::fitted_run::FittedRun;
use super::linear_algebra::Cholesky;
use super::plain_process::PlainProcess;
use super::posterior::{OBSERVED, Posterior};
use super::residual::ResidualProcess;

fn positive(value: f64) -> bool {
    value > 0.0 && value.is_finite()
}

fn all_finite<'a>(values: impl IntoIterator<Item = &'a f64>) -> bool {
    values.into_iter().all(|value| value.is_finite())
}

impl Law {
    /// Checks a law that was read from a file; says what of it is not usable.
    pub(super) fn check(&self) -> Result<(), String> {
        let Units { rate, length, start, best } = self.units;
        let DivergedEnds { mean, deviation } = self.diverged_ends;
        let width = SCHEDULE_FEATURES + self.covariates.len();
        let sound = [
            (
                "its units are",
                [rate, length, start, best, self.multiplier].into_iter().all(positive)
                    && self.level_doubt.is_finite()
                    && all_finite([&self.scale.ideal, &self.scale.least]),
            ),
            ("its parameters are", self.posterior.is_sound()),
            (
                "its processes are",
                self.forecast_process.is_sound(width)
                    && self.search_process.is_sound(width)
                    && self.plain_process.as_ref().is_none_or(|process| process.is_sound(width)),
            ),
            ("its verdicts on divergence are", self.threshold.is_sound() && mean.is_finite() && positive(deviation)),
            ("its settings are", self.covariates.is_sound()),
            ("what it remembers of its runs is", self.runs.iter().all(FittedRun::is_sound)),
        ];
        match sound.into_iter().find(|(_, sound)| !sound) {
            Some((what, _)) => Err(format!("{what} not usable; fit it again")),
            None => Ok(()),
        }
    }
}

impl Posterior {
    fn is_sound(&self) -> bool {
        [self.start, self.best, self.sigma].into_iter().all(positive)
            && self.log_evidence.is_finite()
            && all_finite(&self.v)
            && self.covariance.len() == PARAMETERS * PARAMETERS
            && all_finite(&self.covariance)
            && Cholesky::of(self.covariance.clone(), PARAMETERS).is_some()
    }
}

impl PlainProcess {
    /// Does it take rows of so many features?
    fn is_sound(&self, width: usize) -> bool {
        self.mean.is_finite()
            && positive(self.deviation)
            && self.standardiser.is_sound()
            && self.process.features() == width
            && self.standardiser.width() == width
    }
}

impl ResidualProcess {
    /// Does it take rows of so many features?
    fn is_sound(&self, width: usize) -> bool {
        let process = self.process.as_ref();
        positive(self.scale)
            && (0.0..=1.0).contains(&self.weight)
            && (0.0..=f64::MAX).contains(&self.noise_alone)
            && self.standardiser.is_sound()
            && process.is_none_or(|process| process.features() == width && self.standardiser.width() == width)
    }
}

impl FittedRun {
    fn is_sound(&self) -> bool {
        let left_out = self.left_out.is_none_or(|left_out| left_out.shift.is_finite() && left_out.variance.is_finite());
        positive(self.length)
            && self.last.is_none_or(positive)
            && self.best_at.is_none_or(|at| (0.0..=1.0).contains(&at))
            && matches!(self.residuals.len(), 0 | OBSERVED_ENDS)
            && left_out
            && self.schedule.as_ref().is_none_or(|schedule| schedule.check().is_ok())
    }
}

const OBSERVED_ENDS: usize = OBSERVED.len();
