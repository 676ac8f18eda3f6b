//! Runs of which a part has been seen: the law corrected by what the run has shown so far.
//!
//! Two corrections, of which the mean is taken: a Bayesian regression of the end's residual on the residuals seen, learned
//! from the fitted runs; and a Gauss-Newton update of the law's parameters and of three effects of this run.

use super::Law;
use super::curve::{Curve, PARAMETERS, Path, SEGMENTS};
use super::divergence::{Signs, has_gone_astray, normal_distribution};
use super::forecast::{Answer, FinalForecast, Question};
use super::least_squares::LeftOut;
use super::linear_algebra::{Cholesky, dot};
use super::posterior::curves;
use super::residual::{Purpose, ResidualProcess};
use super::seen::{Seen, ends_until, level_and_trend};
use crate::{Result, Run, Schedule};

/// Slope of the end's residual in the one seen last, by the fraction seen, before any run tells; and the doubt about it.
const SLOPES: [(f64, f64); 5] = [(0.0, 0.2), (0.1, 0.4), (0.25, 0.7), (0.5, 0.9), (1.0, 1.0)];
const SLOPE_DOUBT: f64 = 0.5;
/// Doubt about the slope in the law's own remaining fall.
const FALL_DOUBT: f64 = 0.1;
/// Deviations of the effects of a run: its level, in units of the process's scale; its slope in `ln S`; a shift of `ln η`.
const LEVEL_EFFECT: f64 = 1.0;
const SLOPE_EFFECT: f64 = 0.3;
const SHIFT_EFFECT: f64 = 0.15;
/// The two corrections err half alike, so that their mean is less doubtful than each; and what their squared difference adds. Found on
/// held-out searches.
const MEAN_DOUBT: f64 = 0.75;
const DISAGREEMENT: f64 = 0.125;
/// Step for the derivative in the shift.
const SHIFT: f64 = 1e-3;
const EFFECTS: usize = 3;
const SIZE: usize = PARAMETERS + EFFECTS;
const SEEN_FEATURES: usize = 3;
type SeenFeatures = [f64; SEEN_FEATURES];

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
    /// How likely runs are to look diverged by now.
    signs: Signs,
    /// What deviations are multiplied by.
    multiplier: f64,
}

impl Law {
    /// Prepares forecasts of runs of which the fraction `seen` in (0, 1) has been seen.
    pub fn watching(&self, seen: f64) -> PartlySeen<'_> {
        let seen = if seen.is_nan() { 0.0 } else { seen.clamp(0.0, 1.0) };
        let ends = ends_until(seen);
        let count = ends.len();
        let curve = self.posterior.curve();
        let mut rows = Vec::new();
        let mut targets = Vec::new();
        let mut features = Vec::new();
        let mut left_out = Vec::new();
        for run in self.runs.iter().filter(|run| !run.diverged) {
            let (Some(&last), Some(residuals)) = (run.residuals.last(), run.residuals.get(..count)) else { continue };
            let path = self.path(&run.rates, run.length, &run.settings);
            let (Some(last), Some(row)) = (last, seen_features(residuals, &curve, &path, ends)) else { continue };
            rows.push(row);
            targets.push(last);
            left_out.push(run.left_out);
            if let Ok(rates) = <&[f64; SEGMENTS]>::try_from(run.rates.as_slice()) {
                features.push(self.features(rates, run.length, &run.settings));
            }
        }
        let spread = self.forecast_process.scale();
        let regression = Regression::of(&rows, &targets, slope_before(seen), spread);
        let left: Vec<f64> = targets.iter().zip(&rows).map(|(target, row)| target - regression.mean(row)).collect();
        // The rest is expected to be as small as the residual itself, less what has been seen.
        let process =
            ResidualProcess::fit(&features, &left, spread / 0.15 * (1.0 - 0.8 * seen), Purpose::Forecast, None);
        let looked = self.runs.iter().filter_map(|run| Some((run.diverged, *run.looked.get(count.checked_sub(1)?)?)));
        let signs = Signs::of(looked, seen);
        let processes = process.left_out(left.len());
        let misses: Vec<f64> = (rows.iter().zip(&left).zip(left_out).zip(processes))
            .filter_map(|(((row, left), left_out), process)| {
                let LeftOut { shift, variance } = left_out?;
                let alone = regression.left_out(row);
                let corrected = regression.uncorrected();
                let miss = left * alone.stretch - corrected * shift - process.mean;
                Some(miss / (alone.variance + corrected * corrected * variance + process.variance).sqrt())
            })
            .collect();
        let multiplier = self.checked_multiplier(&misses);
        PartlySeen { law: self, seen, ends, regression, process, signs, multiplier }
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
            return Ok(law.natural_by(self.multiplier, lost, 1.0));
        }
        let mut scratch = Vec::new();
        let curve = law.posterior.curve();
        let Some(row) = seen_features(&seen.residuals, &curve, &question.path, self.ends) else {
            return Ok(law.final_forecast(question, &law.forecast_process, &mut scratch));
        };
        let before = law.threshold.probability(question.ln_peak);
        let looks = has_gone_astray(&seen.values, law.units.start, law.units.best);
        let chance = self.signs.probability(before, looks, law.chance_to_be_as_bad(&seen));
        let regressed = self.by_regression(&curve, question, &row, &mut scratch);
        let updated = self.by_update(&curve, question, &seen.values, &mut scratch);
        let difference = regressed.ln_gap - updated.ln_gap;
        let mean = Answer {
            ln_gap: f64::midpoint(regressed.ln_gap, updated.ln_gap),
            doubt: MEAN_DOUBT * f64::midpoint(regressed.doubt, updated.doubt) + DISAGREEMENT * difference * difference,
            noise: f64::midpoint(regressed.noise, updated.noise),
        };
        Ok(law.natural_by(self.multiplier, mean, chance))
    }

    fn by_regression(&self, curve: &Curve, question: &Question, row: &SeenFeatures, scratch: &mut Vec<f64>) -> Answer {
        let (ln_gap, gradient) = self.law.posterior.end(curve, &question.path);
        let rest = self.process.predict(&mut question.features.clone(), scratch);
        // The curve's own doubt shrinks by what the residual seen corrects.
        let left = self.regression.uncorrected().powi(2);
        Answer {
            ln_gap: ln_gap + self.regression.mean(row) + rest.mean,
            doubt: self.regression.doubt(row) + rest.variance + left * self.law.posterior.variance(&gradient),
            noise: self.process.noise(),
        }
    }

    fn by_update(
        &self,
        curve: &Curve,
        question: &Question,
        values: &[f64; SEGMENTS],
        scratch: &mut Vec<f64>,
    ) -> Answer {
        let law = self.law;
        let process = &law.forecast_process;
        let residual = process.predict(&mut question.features.clone(), scratch);
        let Some(seen) = curves(question.path.clone(), values) else { return law.answer(question, process, scratch).0 };
        let ends: Vec<usize> = seen.ends.iter().copied().chain([SEGMENTS - 1]).collect();
        let mut shifted_path = question.path.clone();
        shifted_path.ln_rates.iter_mut().for_each(|rate| *rate += SHIFT);
        let mut shifted = vec![0.0; ends.len()];
        curve.values(&shifted_path, &ends, &mut shifted);
        let now = seen.ends.last().map_or(0.0, |&end| curve.intrinsic_time(&question.path, end).max(1e-12).ln());
        let mut rows: Vec<([f64; SIZE], f64)> = Vec::with_capacity(ends.len());
        curve.derivatives(&question.path, &ends, |k, ln_gap, slopes| {
            let mut row = [0.0; SIZE];
            row[..PARAMETERS].copy_from_slice(&law.posterior.prior.whiten_gradient(slopes));
            row[PARAMETERS] = 1.0;
            row[PARAMETERS + 1] = curve.intrinsic_time(&question.path, ends[k]).max(1e-12).ln() - now;
            row[PARAMETERS + 2] = (shifted[k] - ln_gap) / SHIFT;
            rows.push((row, ln_gap));
        });
        let Some((end_row, end)) = rows.pop() else { return law.answer(question, process, scratch).0 };
        // Prior covariance: the posterior of the parameters, and the effects of one run.
        let scale = process.scale();
        let effects = [LEVEL_EFFECT * scale, SLOPE_EFFECT * scale, SHIFT_EFFECT];
        let times_prior = |row: &[f64; SIZE]| -> [f64; SIZE] {
            std::array::from_fn(|k| match k.checked_sub(PARAMETERS) {
                None => dot(&law.posterior.covariance[k * PARAMETERS..(k + 1) * PARAMETERS], &row[..PARAMETERS]),
                Some(effect) => effects[effect] * effects[effect] * row[k],
            })
        };
        let count = rows.len();
        let spread: Vec<[f64; SIZE]> = rows.iter().map(|(row, _)| times_prior(row)).collect();
        let mut covariance = vec![0.0; count * count];
        let mut innovation = Vec::with_capacity(count);
        for a in 0..count {
            for b in 0..=a {
                covariance[a * count + b] = dot(&spread[b], &rows[a].0);
            }
            covariance[a * count + a] += (law.posterior.sigma / seen.weights[a]).powi(2);
            innovation.push(seen.ln_values[a] - rows[a].1);
        }
        let with_end: Vec<f64> = spread.iter().map(|spread| dot(spread, &end_row)).collect();
        let before = dot(&times_prior(&end_row), &end_row);
        let Some(factor) = Cholesky::of(covariance, count) else { return law.answer(question, process, scratch).0 };
        let mut whitened = with_end.clone();
        factor.solve_lower(&mut whitened);
        factor.solve(&mut innovation);
        // The process speaks of the end; what has been seen speaks against it as far as it has come.
        let share = (1.0 - self.seen).powi(2);
        Answer {
            ln_gap: end + dot(&with_end, &innovation) + share * residual.mean,
            doubt: (before - dot(&whitened, &whitened)).max(0.0) + share * residual.variance,
            // The level of this run is an effect; what is left to chance is its rest.
            noise: (1.0 - self.seen) * process.noise(),
        }
    }
}

impl Law {
    /// Chance that a run which trains is as bad by now, under the rates that it had, as one that diverged: with a high rate values are
    /// bad until it falls.
    fn chance_to_be_as_bad(&self, seen: &Seen) -> f64 {
        let Some((expected, measured)) = seen.last else { return 0.0 };
        normal_distribution((expected - measured) / self.forecast_process.scale().max(self.posterior.sigma))
    }
}

/// Level and trend of the residuals seen, and how far the law still falls.
fn seen_features(residuals: &[Option<f64>], curve: &Curve, path: &Path, ends: &[usize]) -> Option<SeenFeatures> {
    let (level, trend) = level_and_trend(residuals)?;
    let mut values = [0.0; 2];
    curve.values(path, &[*ends.last()?, SEGMENTS - 1], &mut values);
    Some([level, trend, values[0] - values[1]])
}

fn slope_before(seen: f64) -> f64 {
    let after = SLOPES.partition_point(|(fraction, _)| *fraction <= seen).clamp(1, SLOPES.len() - 1);
    let ((left, a), (right, b)) = (SLOPES[after - 1], SLOPES[after]);
    a + (b - a) * (seen - left) / (right - left)
}

/// Bayesian linear regression of the end's residual on what has been seen, with normal priors of the slopes.
#[derive(Debug)]
struct Regression {
    slopes: SeenFeatures,
    covariance: Vec<f64>,
    /// Variance of what it leaves.
    variance: f64,
}

/// What a regression says of a run that it was not shown.
struct Alone {
    /// By how much what it leaves of the run grows.
    stretch: f64,
    /// Variance by the doubt about the slopes.
    variance: f64,
}

impl Regression {
    /// From the runs' features and the residuals of their ends, which scatter by `scale`.
    fn of(rows: &[SeenFeatures], targets: &[f64], level_slope: f64, scale: f64) -> Self {
        let before = [level_slope, 0.0, 0.0];
        let precision = [SLOPE_DOUBT, SLOPE_DOUBT, FALL_DOUBT].map(|doubt| doubt.powi(-2));
        let mut found =
            Self { slopes: before, covariance: vec![0.0; SEEN_FEATURES * SEEN_FEATURES], variance: scale * scale };
        for _ in 0..3 {
            let mut matrix = vec![0.0; SEEN_FEATURES * SEEN_FEATURES];
            let mut right: SeenFeatures = std::array::from_fn(|k| precision[k] * before[k]);
            for (row, target) in rows.iter().zip(targets) {
                for a in 0..SEEN_FEATURES {
                    right[a] += row[a] * target / found.variance;
                    for b in 0..SEEN_FEATURES {
                        matrix[a * SEEN_FEATURES + b] += row[a] * row[b] / found.variance;
                    }
                }
            }
            (0..SEEN_FEATURES).for_each(|k| matrix[k * SEEN_FEATURES + k] += precision[k]);
            let Some(factor) = Cholesky::of(matrix, SEEN_FEATURES) else { break };
            found.slopes = right;
            factor.solve(&mut found.slopes);
            found.covariance = factor.inverse();
            let squares: f64 = rows.iter().zip(targets).map(|(row, target)| (target - found.mean(row)).powi(2)).sum();
            found.variance = (2.0 * scale * scale + squares) / (2.0 + rows.len() as f64);
        }
        found
    }

    fn mean(&self, row: &SeenFeatures) -> f64 {
        dot(&self.slopes, row)
    }

    /// Variance of the mean.
    fn doubt(&self, row: &SeenFeatures) -> f64 {
        let product = |k: usize| dot(&self.covariance[k * SEEN_FEATURES..(k + 1) * SEEN_FEATURES], row);
        (0..SEEN_FEATURES).map(|k| row[k] * product(k)).sum::<f64>().max(0.0)
    }

    /// Part of an error of the law that the level seen does not correct.
    fn uncorrected(&self) -> f64 {
        1.0 - self.slopes[0].clamp(0.0, 1.0)
    }

    /// What it would say of a run it was made from, had it not been.
    fn left_out(&self, row: &SeenFeatures) -> Alone {
        let doubt = self.doubt(row);
        // One row less: the inverse of the normal matrix by Sherman and Morrison.
        let stretch = 1.0 / (1.0 - doubt / self.variance).max(LEAST_LEFT);
        Alone { stretch, variance: doubt * stretch }
    }
}

/// Least part of the variance that a run may leave the others to say.
const LEAST_LEFT: f64 = 0.02;

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

    #[test]
    fn prior_slopes_are_those_found() {
        for (seen, slope) in [(0.1, 0.4), (0.25, 0.7), (0.5, 0.9), (0.0, 0.2), (1.0, 1.0), (0.375, 0.8)] {
            assert!((slope_before(seen) - slope).abs() < 1e-12);
        }
    }
}
