//! What further runs would tell: how much narrower a forecast would be with them.

use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::calibration::multiplier;
use super::curve::{PARAMETERS, Path, SEGMENTS};
use super::fitted_law::Law;
use super::forecast::{FinalForecast, check};
use super::linear_algebra::Cholesky;
use super::posterior::{Posterior, curves};
use crate::{Result, Schedule};

/// Peaks of the runs that tell most where next to nothing is known, as factors on that of the schedule in question, and what they tell.
const TELLING: [(f64, &str); 3] = [
    (1.0, "the level of the curve"),
    (3.0, "where rates begin to be too high"),
    (1.0 / 3.0, "how much a lower rate loses"),
];

/// A run that would tell, and what would be forecast then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Narrowing {
    /// The schedule to run.
    pub schedule: Schedule,
    /// What it would tell.
    pub tells: String,
    /// The final value under the schedule in question, if this run and those before it are as is expected of them now.
    pub predicted: FinalForecast,
}

impl Law {
    /// How much the forecast of a run of `total_steps` under `schedule` would narrow with each of a few more runs, which are taken to be as
    /// the law expects. Three or more runs say by themselves how wide intervals are, and the list is empty.
    ///
    /// # Errors
    /// If the schedule is not usable or the run has no steps.
    pub fn narrowing(&self, schedule: &Schedule, total_steps: u64) -> Result<Vec<Narrowing>> {
        check([schedule], total_steps)?;
        let question = self.question(schedule, total_steps);
        let (now, slopes) = self.answer(&question, &self.forecast_process, &mut Vec::new());
        // What the process is in doubt about, further runs of other rates hardly change.
        let apart = now.doubt - self.posterior.variance(&slopes) - self.level_doubt.powi(2);
        let divergence = self.divergence(self.threshold.probability(question.ln_peak));
        let known = self.runs();
        let mut posterior = self.posterior.clone();
        let mut found = Vec::new();
        // A law of one run knows the level already.
        for (count, (factor, tells)) in TELLING.into_iter().enumerate().skip(known.min(TELLING.len())) {
            let next = schedule.scaled(factor);
            posterior.learn(&self.question(&next, total_steps).path);
            let then = Answer { doubt: posterior.variance(&slopes) + apart, ..now };
            let predicted = self.natural_by(multiplier(count + 1), then, &divergence);
            found.push(Narrowing { schedule: next, tells: tells.to_owned(), predicted });
        }
        Ok(found)
    }
}

impl Posterior {
    /// The doubt that is left after a whole run as it is expected: as much is known of its curve as a fit would take from it.
    fn learn(&mut self, path: &Path) {
        let Some(run) = curves(path.clone(), &[1.0; SEGMENTS]) else { return };
        let Some(factor) = Cholesky::of(self.covariance.clone(), PARAMETERS) else { return };
        let mut precision = factor.inverse();
        let mut weights = run.weights.iter().map(|weight| (weight / self.sigma).powi(2));
        self.curve().derivatives(path, &run.ends, |_, _, slopes| {
            let slopes = self.prior.whiten_gradient(slopes);
            let weight = weights.next().unwrap_or(0.0);
            for row in 0..PARAMETERS {
                for column in 0..PARAMETERS {
                    precision[row * PARAMETERS + column] += weight * slopes[row] * slopes[column];
                }
            }
        });
        if let Some(factor) = Cholesky::of(precision, PARAMETERS) {
            self.covariance = factor.inverse();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Direction, LawSettings, Metric, Point, PriorKnowledge, Run, Sweep};

    #[test]
    fn every_run_narrows_what_is_forecast() {
        let metric = Metric::new("loss", Direction::Min);
        let law = Law::before_any_run(&metric, &PriorKnowledge::new(3e-3, 2000, 2.3)).expect("sound");
        let schedule = Schedule::cosine(3e-3);
        let deviations = |law: &Law| -> Vec<f64> {
            let now = law.final_values(std::slice::from_ref(&schedule), 2000).expect("a forecast")[0].deviation;
            let then = law.narrowing(&schedule, 2000).expect("sound");
            std::iter::once(now).chain(then.iter().map(|one| one.predicted.deviation)).collect()
        };
        let from_nothing = deviations(&law);
        assert_eq!(from_nothing.len(), 4);
        assert!(from_nothing.windows(2).all(|pair| pair[1] < pair[0]), "{from_nothing:?}");
        assert!(from_nothing[1] < 0.5 * from_nothing[0], "{from_nothing:?}");
        let peaks: Vec<f64> =
            law.narrowing(&schedule, 2000).expect("sound").iter().map(|one| one.schedule.highest_rate()).collect();
        assert!(peaks.iter().zip([3e-3, 9e-3, 1e-3]).all(|(peak, expected)| (peak / expected - 1.0).abs() < 1e-9));

        // With a run there are two to be told of; with three none. What a real fit of such a run comes to is as was foretold, within a factor.
        let mut sweep = Sweep::new(vec![metric]);
        let curve = |factor: f64| {
            let forecast = law.forecast(&schedule.scaled(factor), 2000).expect("a curve");
            let points = forecast.progress.iter().zip(&forecast.median).enumerate().map(|(k, (at, value))| {
                let off = [0.1, -0.05, -0.1, 0.08, 0.0, -0.03][k % 6];
                let step = (at * 2000.0).round() as u64;
                Point::new(step).learning_rate(factor * schedule.learning_rate(*at)).validation(value * (1.0 + off))
            });
            Run::from_points(factor.to_string(), points).expect("increasing")
        };
        for (count, factor) in [1.0, 3.0, 1.0 / 3.0].into_iter().enumerate() {
            sweep.runs.push(curve(factor));
            let settings = LawSettings { start: Some(2.3), ..LawSettings::default() };
            let fitted = Law::fit(&sweep, "loss", &settings).expect("a law");
            let found = deviations(&fitted);
            assert_eq!(found.len(), 3 - count, "{factor}");
            assert!((0.2..5.0).contains(&(found[0] / from_nothing[count + 1])), "{count}: {found:?} {from_nothing:?}");
        }
    }
}
