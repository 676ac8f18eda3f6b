//! Runs of which a part has been seen: the law corrected by what the run has shown so far.
//!
//! Four forecasts of the end are averaged: a Bayesian regression of the end's residual on the residuals seen ([`regression`]); a
//! Gauss-Newton update of the law ([`update`]); what the law misses of the run stays as it is; and the value itself stays. How much
//! each counts is learned from how far it is off on the fitted runs ([`weighing`]).

mod regression;
mod update;
mod weighing;

use std::rc::Rc;

use regression::{FALL_DOUBT, Regression, SeenFeatures, seen_features, slope_before};
use weighing::{Each, Weighing};

use super::answer::Answer;
use super::curve::{Curve, Gradient, PARAMETERS, SEGMENTS};
use super::divergence::{Signs, has_gone_astray, normal_distribution};
use super::fitted_law::Law;
use super::fitted_run::FittedRun;
use super::forecast::{FinalForecast, Question};
use super::gaussian_process::Prediction;
use super::groups::Groups;
use super::least_squares::LeftOut;
use super::residual::{Purpose, ResidualProcess};
use super::seen::{LastSeen, Seen, ends_until};
use crate::representatives::representatives;
use crate::{Result, Run, Schedule};

/// Forecasts err half alike, so that their mean is less doubtful than each; and what the variance among them adds. Found on held-out
/// searches.
const MEAN_DOUBT: f64 = 0.75;
const DISAGREEMENT: f64 = 0.5;
/// Fitted runs on which the forecasts are tried, at most.
const TRIED: usize = 100;
/// Runs that what the process scatters by counts for where it is said how far runs drift.
const DRIFT_WEIGHT: f64 = 2.0;

/// A law ready to forecast runs of which the same part has been seen.
#[derive(Debug)]
pub struct PartlySeen<'a> {
    law: &'a Law,
    /// Fraction seen.
    seen: f64,
    /// Observed ends up to there.
    ends: &'static [usize],
    regression: Regression,
    /// What the regression leaves of the end.
    process: ResidualProcess,
    /// Variance by which residuals change from now to the end.
    drift: f64,
    weighing: Weighing,
    /// How likely runs are to look diverged by now.
    signs: Signs,
    /// What deviations are multiplied by.
    multiplier: f64,
}

/// A fitted run, as it had been seen by then.
struct SeenRun<'a> {
    fitted: &'a FittedRun,
    question: Question,
    row: SeenFeatures,
    /// What the law expected at the observed ends.
    expected: Vec<f64>,
    last: LastSeen,
    /// Residual of its end.
    end: f64,
}

impl<'a> SeenRun<'a> {
    fn of(law: &Law, curve: &Curve, fitted: &'a FittedRun, ends: &[usize]) -> Option<Self> {
        let (&end, seen) = (fitted.residuals.last()?, fitted.residuals.get(..ends.len())?);
        let rates = <&[f64; SEGMENTS]>::try_from(fitted.rates.as_slice()).ok()?;
        let question = law.question_of(rates, fitted.length, &fitted.settings);
        let row = seen_features(seen, curve, &question.path, ends)?;
        let mut expected = vec![0.0; ends.len()];
        curve.values(&question.path, ends, &mut expected);
        let last = LastSeen::of(ends, &expected, seen)?;
        Some(Self { fitted, question, row, expected, last, end: end? })
    }

    /// Gaps at the ends of all segments, NaN where none was seen.
    fn values(&self, ends: &[usize]) -> [f64; SEGMENTS] {
        let mut values = [f64::NAN; SEGMENTS];
        for ((&end, expected), residual) in ends.iter().zip(&self.expected).zip(&self.fitted.residuals) {
            values[end] = residual.map_or(f64::NAN, |residual| (expected + residual).exp());
        }
        values
    }
}

impl Law {
    /// Prepares forecasts of runs of which the fraction `seen` in (0, 1) has been seen.
    pub fn watching(&self, seen: f64) -> PartlySeen<'_> {
        let seen = if seen.is_nan() { 0.0 } else { seen.clamp(0.0, 1.0) };
        let ends = ends_until(seen);
        let curve = self.posterior.curve();
        let trained = self.runs.iter().filter(|run| !run.diverged);
        let runs: Vec<SeenRun<'_>> = trained.filter_map(|run| SeenRun::of(self, &curve, run, ends)).collect();
        let rows: Vec<SeenFeatures> = runs.iter().map(|run| run.row).collect();
        let targets: Vec<f64> = runs.iter().map(|run| run.end).collect();
        let spread = self.forecast_process.scale();
        let regression = Regression::of(&rows, &targets, slope_before(seen), spread);
        let left: Vec<f64> = targets.iter().zip(&rows).map(|(target, row)| target - regression.mean(row)).collect();
        let features: Vec<Vec<f64>> = runs.iter().map(|run| run.question.features.clone()).collect();
        // The rest is expected to be as small as the residual itself, less what has been seen.
        let process =
            ResidualProcess::fit(&features, &left, spread / 0.15 * (1.0 - 0.8 * seen), Purpose::Forecast, None);
        let squares: f64 = runs.iter().map(|run| (run.end - run.last.residual()).powi(2)).sum();
        let drift = (DRIFT_WEIGHT * (spread * (1.0 - seen)).powi(2) + squares) / (DRIFT_WEIGHT + runs.len() as f64);
        let looked = ends
            .len()
            .checked_sub(1)
            .into_iter()
            .flat_map(|now| self.runs.iter().filter_map(move |run| Some((run.diverged, *run.looked.get(now)?))));
        let mut watching = PartlySeen {
            law: self,
            seen,
            ends,
            regression,
            process,
            drift,
            weighing: Weighing::of(&[], seen, drift),
            signs: Signs::of(looked, seen),
            multiplier: 1.0,
        };
        let tried = watching.tried(&curve, &runs);
        let errors: Vec<(Each, f64)> = tried.iter().map(|tried| (tried.errors, tried.fall)).collect();
        watching.weighing = Weighing::of(&errors, seen, drift);
        let misses: Vec<f64> = tried.iter().map(|tried| watching.miss(tried)).collect();
        watching.multiplier = self.checked_multiplier(&misses);
        watching
    }

    /// The final value of a run, of which the fraction `observed` of the plan is known, under the rates it recorded; `metric`
    /// is the column of the law's metric. `observed = 0` asks what the schedule alone says.
    ///
    /// # Errors
    /// If the run has no learning rate.
    pub fn final_value_of(&self, run: &Run, metric: usize, observed: f64) -> Result<FinalForecast> {
        self.watching(observed).final_value_of(run, metric)
    }
}

/// What the forecasts say of a fitted run that they have not been shown.
struct Tried {
    errors: Each,
    /// Variances, of the chance in the rest of the run too.
    variances: Each,
    /// How far the law still expected it to fall.
    fall: f64,
}

impl PartlySeen<'_> {
    /// The final value of a run under the rates it recorded; see [`Law::final_value_of`].
    ///
    /// # Errors
    /// If the run has no learning rate.
    pub fn final_value_of(&self, run: &Run, metric: usize) -> Result<FinalForecast> {
        self.forecast(run, metric, None)
    }

    /// The final value of a run whose points until now are `run`, if it follows `schedule` from here on.
    ///
    /// # Errors
    /// If the schedule is not usable.
    pub fn final_value_under(&self, run: &Run, metric: usize, schedule: &Schedule) -> Result<FinalForecast> {
        schedule.check()?;
        self.forecast(run, metric, Some(schedule))
    }

    fn forecast(&self, run: &Run, metric: usize, schedule: Option<&Schedule>) -> Result<FinalForecast> {
        let law = self.law;
        let seen = Seen::of(law, run, metric, self.seen, schedule)?;
        let question = &seen.question;
        if seen.lost {
            let lost = Answer { ln_gap: law.units.start.ln(), doubt: 0.0, noise: law.forecast_process.noise() };
            return Ok(law.natural_by(self.multiplier, lost, &law.divergence(1.0)));
        }
        let mut scratch = Vec::new();
        let curve = law.posterior.curve();
        let row = seen_features(&seen.residuals, &curve, &question.path, self.ends);
        let (Some(row), Some(last)) = (row, seen.last) else {
            return Ok(law.final_forecast(question, &law.forecast_process, &mut scratch));
        };
        let (end, slopes) = law.posterior.end(&curve, &question.path);
        let fall = last.expected - end;
        let doubt = self.drift + law.doubt_of_fall(&curve, question, last, fall);
        let rest = |ln_gap: f64| Answer { ln_gap, doubt, noise: 0.0 };
        let answer = self.averaged(
            [
                self.by_regression(end, &slopes, question, &row, &mut scratch),
                law.updated(&curve, question, &seen.values, self.seen, &mut scratch),
                rest(end + last.residual()),
                rest(last.measured),
            ],
            fall,
        );
        let before = law.threshold.probability(question.ln_peak);
        let looks = has_gone_astray(&seen.values, law.units.start, law.units.best);
        let chance = self.signs.probability(before, looks, law.chance_to_be_as_bad(last));
        // Values count as an untrained network's where they are worse; a run that diverged stays where it is.
        let ln_start = law.units.start.ln();
        let now = if last.measured < ln_start { last.measured } else { seen.stands.max(ln_start) };
        let divergence = law.divergence(chance).of_one_at(now - ln_start, self.seen);
        Ok(law.natural_by(self.multiplier, answer, &divergence))
    }

    /// The average of the four forecasts of a run that the law expects to fall by `fall` from now on.
    fn averaged(&self, answers: [Answer; 4], fall: f64) -> Answer {
        let weights = self.weighing.weights(fall);
        let ln_gaps = answers.map(|answer| answer.ln_gap);
        Answer {
            ln_gap: mean(&ln_gaps, &weights),
            doubt: doubt_of_mean(&ln_gaps, &answers.map(|answer| answer.doubt), &weights),
            noise: mean(&answers.map(|answer| answer.noise), &weights),
        }
    }

    /// The forecasts of some of the fitted runs, each as if those of its configuration had been left out of the fit.
    fn tried(&self, curve: &Curve, runs: &[SeenRun<'_>]) -> Vec<Tried> {
        let groups = Groups::of(runs.iter().map(|run| run.fitted));
        let left_out = self.process.left_out(&groups);
        let mut alone: Vec<Option<Rc<Regression>>> = vec![None; runs.len()];
        for members in groups.members() {
            let known = members.iter().map(|&index| (&runs[index].row, runs[index].end));
            let without = self.regression.without(known).map(Rc::new);
            for &index in members {
                alone[index].clone_from(&without);
            }
        }
        let known = alone.iter().zip(runs).enumerate();
        let known: Vec<(usize, &Regression, LeftOut)> =
            known.filter_map(|(index, (alone, run))| Some((index, alone.as_deref()?, run.fitted.left_out?))).collect();
        let mut scratch = Vec::new();
        let mut try_one = |&(index, alone, LeftOut { shift, variance }): &(usize, &Regression, LeftOut)| {
            let run = &runs[index];
            // A process of very many runs hardly changes by one.
            let rest = left_out.get(index).copied().unwrap_or_else(|| {
                let Prediction { mean, variance } =
                    self.process.predict(&mut run.question.features.clone(), &mut scratch);
                Prediction { mean, variance: variance + self.process.noise() }
            });
            let uncorrected = alone.uncorrected();
            let updated = self.law.updated(curve, &run.question, &run.values(self.ends), self.seen, &mut scratch);
            let (end, _) = self.law.posterior.end(curve, &run.question.path);
            let (truth, drifted) = (end + run.end, run.end - run.last.residual());
            let fall = run.last.expected - end;
            let fall_doubt = self.law.doubt_of_fall(curve, &run.question, run.last, fall);
            Tried {
                errors: [
                    run.end - alone.mean(&run.row) - uncorrected * shift - rest.mean,
                    truth - updated.ln_gap - uncorrected * shift,
                    drifted,
                    drifted - fall,
                ],
                variances: [
                    alone.doubt(&run.row) + uncorrected * uncorrected * variance + rest.variance,
                    updated.doubt + updated.noise,
                    self.drift + fall_doubt,
                    self.drift + fall_doubt,
                ],
                fall,
            }
        };
        representatives(known.len(), TRIED).map(|index| try_one(&known[index])).collect()
    }

    /// How far the average is off of a run that it has not been shown, in deviations.
    fn miss(&self, tried: &Tried) -> f64 {
        let weights = self.weighing.weights(tried.fall);
        mean(&tried.errors, &weights) / doubt_of_mean(&tried.errors, &tried.variances, &weights).sqrt()
    }

    /// By the regression, of a run for which the law expects `end`, with `slopes` in its whitened parameters.
    fn by_regression(
        &self,
        end: f64,
        slopes: &Gradient,
        question: &Question,
        row: &SeenFeatures,
        scratch: &mut Vec<f64>,
    ) -> Answer {
        let rest = self.process.predict(&mut question.features.clone(), scratch);
        // The curve's own doubt shrinks by what the residual seen corrects.
        let left = self.regression.uncorrected().powi(2);
        Answer {
            ln_gap: end + self.regression.mean(row) + rest.mean,
            doubt: self.regression.doubt(row) + rest.variance + left * self.law.posterior.variance(slopes),
            noise: self.process.noise(),
        }
    }
}

fn mean(values: &Each, weights: &Each) -> f64 {
    values.iter().zip(weights).map(|(value, weight)| weight * value).sum()
}

/// Variance of the mean of forecasts that have these variances each.
fn doubt_of_mean(values: &Each, variances: &Each, weights: &Each) -> f64 {
    let middle = mean(values, weights);
    let among = mean(&values.map(|value| (value - middle).powi(2)), weights);
    MEAN_DOUBT * mean(variances, weights) + DISAGREEMENT * among
}

impl Law {
    /// Variance of the law's `fall` of a run from now on: by the doubt about its parameters, and as no law is right.
    fn doubt_of_fall(&self, curve: &Curve, question: &Question, last: LastSeen, fall: f64) -> f64 {
        if last.end == SEGMENTS - 1 {
            return 0.0;
        }
        let mut slopes = [[0.0; PARAMETERS]; 2];
        curve.derivatives(&question.path, &[last.end, SEGMENTS - 1], |k, _, found| slopes[k] = *found);
        let slope: Gradient = std::array::from_fn(|k| slopes[0][k] - slopes[1][k]);
        self.posterior.variance(&self.posterior.prior.whiten_gradient(&slope)) + (FALL_DOUBT * fall).powi(2)
    }

    /// Chance that a run which trains is as bad by now, under the rates that it had, as one that diverged: with a high rate values are
    /// bad until it falls.
    fn chance_to_be_as_bad(&self, last: LastSeen) -> f64 {
        normal_distribution(-last.residual() / self.forecast_process.scale().max(self.posterior.sigma))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Direction, LawSettings, Metric, Sweep};

    /// A loss that falls along a power law of the rates' sum, with a level of its own.
    fn run(id: usize, schedule: &Schedule, level: f64) -> Run {
        let mut run = Run::new(id.to_string(), 1);
        let mut trained = 0.0;
        for step in 0..=400u64 {
            let rate = schedule.at_step(step, 400);
            trained += rate;
            if step % 8 == 0 {
                let loss = (0.3 + 2.0 / (1.0 + 0.5 * trained).sqrt()) * level;
                run.push(step, None, Some(rate), &[Some(loss)]).expect("increasing");
            }
        }
        run
    }

    #[test]
    fn what_has_been_seen_of_a_run_tells_its_level() {
        let mut sweep = Sweep::new(vec![Metric::new("loss", Direction::Min)]);
        // Runs differ by a level that no schedule tells.
        let levels = [1.0, 1.1, 0.92, 1.05, 0.97, 1.15, 0.9, 1.02, 0.95, 1.08];
        for (k, level) in levels.into_iter().enumerate() {
            let peak = 0.05 * 1.3f64.powf(k as f64);
            sweep.runs.push(run(k, &Schedule::cosine(peak), level));
        }
        let law = Law::fit(&sweep, "loss", &LawSettings::default()).expect("a fit");
        let schedule = Schedule::cosine(0.2);
        let (mut unseen, mut seen, mut doubt) = (0.0, 0.0, [0.0; 2]);
        for level in [0.88, 1.0, 1.17] {
            let new = run(99, &schedule, level);
            let truth = new.final_validation(0).expect("a value");
            let early = law.final_value_of(&new, 0, 0.0).expect("rates");
            let late = law.final_value_of(&new, 0, 0.5).expect("rates");
            unseen += (early.median - truth).abs();
            seen += (late.median - truth).abs();
            doubt[0] += early.deviation;
            doubt[1] += late.deviation;
            // The same points, and the schedule named for the rest.
            let mut part = Run::new("part", 1);
            part.attributes.total_steps = Some(400);
            for point in new.points(0).take_while(|point| point.step <= 200) {
                part.push(point.step, None, point.learning_rate, &[point.validation]).expect("increasing");
            }
            let live = law.watching(0.5).final_value_under(&part, 0, &schedule).expect("a schedule");
            assert!((live.median / late.median - 1.0).abs() < 0.01, "{} beside {}", live.median, late.median);
        }
        assert!(seen < 0.35 * unseen, "{seen} beside {unseen}");
        assert!(doubt[1] < 0.8 * doubt[0], "{doubt:?}");
    }
}
