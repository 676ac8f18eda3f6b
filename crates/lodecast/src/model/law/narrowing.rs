//! What further runs would tell: how much narrower a forecast would be with them.

use rand::{Rng, RngExt};
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use super::fitted_law::Law;
use super::forecast::{Answer, FinalForecast};
use super::settings::LawSettings;
use crate::random::{Purpose, stream};
use crate::{Error, Point, Result, Run, Schedule, Sweep};

/// Ways in which the runs may scatter.
const DRAWS: u64 = 5;
/// How much of the slow part of a curve's scatter is left at its next point.
const REMEMBERED: f64 = 0.7;
/// Peaks of the runs that tell most where next to nothing is known, as factors on that of the schedule in question.
const FACTORS: [f64; 3] = [1.0, 3.0, 1.0 / 3.0];

/// A run that would tell, and what would be forecast then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Narrowing {
    /// The schedule to run.
    pub schedule: Schedule,
    /// What it would tell.
    pub tells: String,
    /// The final value under the schedule in question, if this run and those before it end as is expected of them now.
    pub predicted: FinalForecast,
}

impl Law {
    /// How much the forecast of a run of `total_steps` under `schedule` would narrow with each of a few more runs, which are imagined to end
    /// as the law expects. `runs` are those that it was fitted to, with these `settings`; none if there was none. Three or more runs say
    /// by themselves how wide intervals are, and the list is empty.
    ///
    /// # Errors
    /// If the schedule is not usable, the run has no steps, or the runs are not given.
    pub fn narrowing(
        &self,
        runs: &Sweep,
        settings: &LawSettings,
        schedule: &Schedule,
        total_steps: u64,
    ) -> Result<Vec<Narrowing>> {
        let known = self.runs();
        let mut sweep = Sweep { metrics: vec![self.metric().clone()], runs: Vec::new() };
        if known > 0 && runs.runs.is_empty() {
            let remedy = "give the runs that the law was fitted to";
            return Err(Error::Setting { name: "runs", value: "(none)".to_owned(), remedy });
        }
        if known > 0 {
            let (own, _) = runs.with_metric(Some(&self.metric().name))?;
            sweep = own.into_owned();
        }
        // A law of one run knows the level already.
        let told = known.min(FACTORS.len());
        let now = self.final_values(std::slice::from_ref(schedule), total_steps)?[0];
        let mut imagined = vec![sweep; DRAWS as usize];
        let mut found = Vec::new();
        for factor in FACTORS.into_iter().skip(told) {
            let next = schedule.scaled(factor);
            let run = self.imagined(&format!("imagined {factor}"), &next, total_steps)?;
            let mut then = Vec::new();
            for (draw, sweep) in (0..).zip(&mut imagined) {
                sweep.runs.push(self.scattered(&run, stream(draw, Purpose::Candidate, factor.to_bits())));
                let law = Self::fit(sweep, &self.metric().name, settings)?;
                then.push(law.final_values(std::slice::from_ref(schedule), total_steps)?[0]);
            }
            // As wide as it will be in the middle, about what is forecast now.
            then.sort_by(|a, b| a.deviation.total_cmp(&b.deviation));
            let FinalForecast { deviation, seed_deviation, probability_diverged, .. } = then[then.len() / 2];
            let noise = seed_deviation.min(deviation).powi(2);
            let answer = Answer { ln_gap: now.ln_gap, doubt: deviation.powi(2) - noise, noise };
            let predicted = self.natural_by(1.0, answer, &self.divergence(probability_diverged));
            let tells = if factor > 1.0 {
                "where rates begin to be too high"
            } else if factor < 1.0 {
                "how much a lower rate loses"
            } else {
                "the level of the curve"
            };
            found.push(Narrowing { schedule: next, tells: tells.to_owned(), predicted });
        }
        Ok(found)
    }

    /// A run that scatters about another as curves do about the law: most of it over tenths of the run.
    fn scattered(&self, run: &Run, mut random: impl Rng) -> Run {
        let mut run = run.clone();
        let (scale, sigma, start) = (self.scale(), self.scatter(), self.units.start);
        let mut drift: f64 = random.sample(StandardNormal);
        run.change_points(0, |point| {
            let [slow, quick]: [f64; 2] = std::array::from_fn(|_| random.sample(StandardNormal));
            drift = REMEMBERED * drift + (1.0 - REMEMBERED * REMEMBERED).sqrt() * slow;
            let off = sigma * (drift + quick) / std::f64::consts::SQRT_2;
            let validation = point.validation.map(|value| scale.value((scale.gap(value) * off.exp()).min(start)));
            Point { validation, ..point }
        });
        run
    }

    /// A run as the law expects it.
    pub(crate) fn imagined(&self, name: &str, schedule: &Schedule, total_steps: u64) -> Result<Run> {
        let curve = self.forecast(schedule, total_steps)?;
        let points = curve.progress.iter().zip(&curve.median).map(|(progress, value)| {
            let step = (progress * total_steps as f64).round() as u64;
            Point::new(step).learning_rate(schedule.learning_rate(*progress)).validation(*value)
        });
        let mut points: Vec<Point> = points.collect();
        points.dedup_by_key(|point| point.step);
        let mut run = Run::from_points(name, points)?;
        run.attributes.total_steps = Some(total_steps);
        Ok(run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Direction, Metric, PriorKnowledge};

    #[test]
    fn every_run_narrows_what_is_forecast() {
        let metric = Metric::new("loss", Direction::Min);
        let law = Law::before_any_run(&metric, &PriorKnowledge::new(3e-3, 2000, 2.3)).expect("sound");
        let schedule = Schedule::cosine(3e-3);
        let width = |forecast: &FinalForecast| (forecast.high_68 / forecast.low_68).ln();
        let before = width(&law.final_values(std::slice::from_ref(&schedule), 2000).expect("a forecast")[0]);
        let settings = LawSettings { start: Some(2.3), ..LawSettings::default() };
        let found = law.narrowing(&Sweep::new(Vec::new()), &settings, &schedule, 2000).expect("imagined");
        let widths: Vec<f64> = found.iter().map(|one| width(&one.predicted)).collect();
        assert_eq!(found.len(), 3);
        println!("{before} {widths:?}");
        assert!(widths[0] < 0.7 * before && widths[2] < widths[0] && widths[2] > 0.02, "{before} {widths:?}");
        assert!((found[1].schedule.highest_rate() / 9e-3 - 1.0).abs() < 1e-9);

        // With a run there are two to be told of; with three none.
        let mut sweep = Sweep::new(vec![metric]);
        for (name, factor, left) in [("a", 1.0, 2), ("b", 3.0, 1), ("c", 0.3, 0)] {
            sweep.runs.push(law.imagined(name, &schedule.scaled(factor), 2000).expect("a run"));
            let fitted = Law::fit(&sweep, "loss", &settings).expect("a law");
            let found = fitted.narrowing(&sweep, &settings, &schedule, 2000).expect("imagined");
            assert_eq!(found.len(), left, "{name}");
            assert!(fitted.narrowing(&Sweep::new(Vec::new()), &settings, &schedule, 2000).is_err() || left == 0);
        }
    }
}
