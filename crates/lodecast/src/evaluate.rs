//! How good forecasts are: error of the final metric from the first part of a run, beside simple baselines.

mod few_runs;
mod multi_power_law;
mod power_law;

pub use few_runs::{FewRunsMethod, FewRunsScore, FewRunsSettings, evaluate_few_runs};

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::data::{Attributes, Direction, Run, Schedule, Sweep};
use crate::error::{Error, Result};
use crate::model::series::{Series, Worst};
use crate::model::{Column, Expected, FAR, Interval, Model, Scaler};
use crate::representatives::representatives;

/// A way to forecast the final metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ForecastMethod {
    /// The model.
    Model,
    /// The last measured metric stays.
    LastValue,
    /// The power law that fits the metric so far goes on.
    PowerLaw,
    /// The mean final metric of the five runs of other configurations whose curves are closest so far.
    NearestRuns,
    /// The mean final metric of all runs of other configurations.
    SweepMean,
    /// The median final metric of all runs of other configurations.
    SweepMedian,
}

impl ForecastMethod {
    /// All of them, the model first.
    pub const ALL: [Self; 6] =
        [Self::Model, Self::LastValue, Self::PowerLaw, Self::NearestRuns, Self::SweepMean, Self::SweepMedian];

    /// Name for tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Model => "lodecast",
            Self::LastValue => "last value",
            Self::PowerLaw => "power law",
            Self::NearestRuns => "nearest runs",
            Self::SweepMean => "sweep mean",
            Self::SweepMedian => "sweep median",
        }
    }
}

/// Skill of one method after one fraction of the runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Skill {
    /// Observed fraction of each run.
    pub observed: f64,
    /// Who forecasts.
    pub method: ForecastMethod,
    /// Runs forecast; those without a metric yet have no last value.
    pub runs: usize,
    /// Mean absolute error of the final metric, in its own units.
    pub mean_absolute_error: f64,
    /// Median absolute error.
    pub median_absolute_error: f64,
    /// Spearman's rank correlation between forecast and true final metric; `None` where it is undefined.
    pub rank_correlation: Option<f64>,
    /// Fraction of runs whose final metric lies within one standard deviation of the forecast (0.68 is right); the model's
    /// only.
    pub coverage: Option<f64>,
    /// Fraction of runs that the planner would leave alone, since they look like nothing in the model's sweep; the model's
    /// only.
    pub outside_experience: Option<f64>,
    /// Fraction of runs whose final metric lies more than three standard deviations from the forecast, for which that warning
    /// is meant; the model's only.
    pub misjudged: Option<f64>,
}

/// One forecast of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunForecast {
    /// The run.
    pub run: String,
    /// Observed fraction.
    pub observed: f64,
    /// Forecast of the final metric.
    pub predicted: Interval,
    /// What it became.
    pub actual: f64,
    /// Why a planner would leave the run alone at this point: it is outside what the model's sweep showed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub outside_experience: Option<String>,
    /// Does the true value lie more than three standard deviations from the forecast?
    pub misjudged: bool,
}

/// Result of [`evaluate`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Evaluation {
    /// The metric that is forecast.
    pub metric: String,
    /// Was no run forecast by a member that had seen its configuration?
    pub held_out: bool,
    /// Runs that are not forecast since they stopped before their end without diverging: what they would have come to is unknown.
    #[serde(default)]
    pub stopped: Vec<String>,
    /// Skill by fraction and method.
    pub skills: Vec<Skill>,
    /// The model's forecasts.
    pub forecasts: Vec<RunForecast>,
}

/// Points of a run at which runs are compared.
const MOST_POINTS: f64 = 100.0;
/// Runs that are searched for neighbours.
const MOST_COMPARED: usize = 500;
/// Neighbours that [`ForecastMethod::NearestRuns`] asks.
const NEIGHBOURS: usize = 5;

/// A run to be forecast.
struct Case<'a> {
    /// Index in the sweep.
    index: usize,
    run: &'a Run,
    /// Number of its configuration.
    configuration: usize,
    /// The run in the sweep's units, its metric not clamped.
    recorded: Series,
    /// Standardised final metric, not clamped either.
    truth: f64,
}

/// Forecasts the final metric of every run from its first `fractions`. A run whose configuration the model was fitted on
/// is forecast by the members that had not seen it at the end of their first cycle.
///
/// # Errors
/// If the sweep does not record the model's metric, or none of its runs can be forecast.
pub fn evaluate(model: &Model, sweep: &Sweep, fractions: &[f64]) -> Result<Evaluation> {
    let (sweep, metric) = sweep.with_metric(Some(&model.metric().name))?;
    let (sweep, _) = sweep.with_lengths();
    let sweep = sweep.as_ref();
    let scaler = Scaler::fit(sweep, metric, MOST_POINTS)?;
    let (stopped, ended): (Vec<usize>, Vec<usize>) =
        (0..sweep.runs.len()).partition(|&index| has_stopped(&sweep.runs[index], metric));
    let cases = cases(sweep, &ended, metric, &scaler, model.metric().direction);
    if cases.len() < 2 {
        return Err(Error::Sweep {
            reason: format!(
                "{} run(s) can be evaluated, and {} stopped before their end; runs need a measured final {} and a configuration that a \
                 member did not see",
                cases.len(),
                stopped.len(),
                model.metric()
            ),
        });
    }
    let witness = model.form().witness(sweep, metric);
    let column = model.form().validation();
    let unclamped = Column { range: Column::identity().range, ..column };
    let natural = |case: &Case<'_>| scaler.validation.natural(case.truth);
    let mut evaluation = Evaluation {
        metric: model.metric().to_string(),
        held_out: !cases.iter().any(|case| witness.has_seen(case.index)),
        stopped: stopped.into_iter().map(|index| sweep.runs[index].id.clone()).collect(),
        skills: Vec::new(),
        forecasts: Vec::new(),
    };
    let others = Others::new(&cases, |case| natural(case));
    let indices: Vec<usize> = cases.iter().map(|case| case.index).collect();
    for &fraction in fractions {
        let predictions = witness.final_metrics(&indices, fraction);
        let deviations =
            |case: &Case<'_>, expected: &Expected| expected.deviations(unclamped.standardise(natural(case)));
        for (case, prediction) in cases.iter().zip(&predictions) {
            let Some(expected) = prediction else { continue };
            evaluation.forecasts.push(RunForecast {
                run: case.run.id.clone(),
                observed: fraction,
                predicted: Interval::natural(&column, expected),
                actual: natural(case),
                outside_experience: objection(model, case, metric, fraction),
                misjudged: deviations(case, expected) > FAR,
            });
        }
        let until = fraction * scaler.time_scale;
        for method in ForecastMethod::ALL {
            let predict = |index: usize| {
                let standardised = match method {
                    ForecastMethod::Model => return predictions[index].map(|expected| column.possible(expected.mean)),
                    ForecastMethod::LastValue => last_value(&cases[index], until),
                    // The law is one of the metric as people see it.
                    ForecastMethod::PowerLaw => return power_law(&cases[index], until, &scaler.validation),
                    ForecastMethod::NearestRuns => nearest(&cases, index, until, NEIGHBOURS),
                    ForecastMethod::SweepMean => return others.mean(cases[index].configuration),
                    ForecastMethod::SweepMedian => return others.median(cases[index].configuration),
                };
                standardised.map(|value| scaler.validation.natural(value))
            };
            let pairs: Vec<(f64, f64)> =
                (0..cases.len()).filter_map(|index| Some((predict(index)?, natural(&cases[index])))).collect();
            if pairs.is_empty() {
                continue;
            }
            let mut skill = skill(fraction, method, &pairs);
            if method == ForecastMethod::Model {
                let covered = |&(prediction, case): &(&Option<Expected>, &Case<'_>)| {
                    prediction.is_some_and(|expected| expected.covers(unclamped.standardise(natural(case))))
                };
                let part = |count: usize| Some(count as f64 / pairs.len() as f64);
                skill.coverage = part(predictions.iter().zip(&cases).filter(covered).count());
                let forecasts = || evaluation.forecasts.iter().filter(|forecast| forecast.observed == fraction);
                skill.outside_experience = part(forecasts().filter(|run| run.outside_experience.is_some()).count());
                skill.misjudged = part(forecasts().filter(|run| run.misjudged).count());
            }
            evaluation.skills.push(skill);
        }
    }
    Ok(evaluation)
}

/// Did a run stop before its end, for another reason than that it diverged?
fn has_stopped(run: &Run, metric: usize) -> bool {
    !run.is_empty() && !run.reached_end() && run.diverged_at(metric).is_none()
}

/// The runs among `ended` whose final metric is known.
fn cases<'a>(sweep: &'a Sweep, ended: &[usize], metric: usize, scaler: &Scaler, direction: Direction) -> Vec<Case<'a>> {
    let validation = Column { range: Column::identity().range, ..scaler.validation };
    let unclamped = Scaler { validation, ..*scaler };
    let worst = Worst::of(scaler, direction);
    let mut configurations = vec![0; sweep.runs.len()];
    for (number, (_, runs)) in sweep.configurations().into_iter().enumerate() {
        for run in runs {
            configurations[run] = number;
        }
    }
    let case = |&index: &usize| {
        let run = &sweep.runs[index];
        let recorded = Series::from_run(run, metric, &unclamped, worst).ok()?;
        let truth = recorded.last_validation()?;
        Some(Case { index, run, configuration: configurations[index], recorded, truth })
    };
    ended.iter().filter_map(case).collect()
}

/// What the planner would say against planning for the run after `fraction` of it.
fn objection(model: &Model, case: &Case<'_>, metric: usize, fraction: f64) -> Option<String> {
    let until = fraction * case.run.total_steps() as f64;
    let points = case.run.points(metric).take_while(|point| fraction > 0.0 && point.step as f64 <= until);
    let mut seen = Run::from_points(&case.run.id, points).ok()?;
    seen.attributes = Attributes { total_steps: Some(case.run.total_steps()), ..case.run.attributes.clone() };
    let schedule = Schedule::of_run(case.run);
    schedule.and_then(|schedule| model.experience().unknown_schedule(&schedule)).or_else(|| model.objection(&seen, 0))
}

/// The power law through the metric so far, in natural units.
fn power_law(case: &Case<'_>, until: f64, column: &Column) -> Option<f64> {
    let seen = case.recorded.points.iter().filter(|point| point.time <= until + 1e-9 && point.time > 0.0);
    let measured = seen.filter(|point| !point.validation.is_nan());
    let measured: Vec<(f64, f64)> = measured.map(|point| (point.time, column.natural(point.validation))).collect();
    power_law::extrapolate(&measured, case.recorded.points.last()?.time)
}

fn last_value(case: &Case<'_>, until: f64) -> Option<f64> {
    let seen = case.recorded.points.iter().filter(|point| point.time <= until + 1e-9);
    seen.map(|point| point.validation).rfind(|value| !value.is_nan())
}

/// Final metrics of the runs of other configurations than one.
struct Others {
    /// `(value, configuration)`, values increasing.
    sorted: Vec<(f64, usize)>,
    sum: f64,
    /// Sum and number of each configuration's.
    own: HashMap<usize, (f64, usize)>,
}

impl Others {
    fn new<'a>(cases: &[Case<'a>], value: impl Fn(&Case<'a>) -> f64) -> Self {
        let mut sorted: Vec<(f64, usize)> = cases.iter().map(|case| (value(case), case.configuration)).collect();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut own = HashMap::<usize, (f64, usize)>::new();
        for &(value, configuration) in &sorted {
            let (sum, count) = own.entry(configuration).or_default();
            *sum += value;
            *count += 1;
        }
        Self { sum: sorted.iter().map(|&(value, _)| value).sum(), sorted, own }
    }

    fn mean(&self, configuration: usize) -> Option<f64> {
        let (sum, count) = self.own.get(&configuration).copied().unwrap_or_default();
        let others = self.sorted.len() - count;
        (others > 0).then(|| (self.sum - sum) / others as f64)
    }

    fn median(&self, configuration: usize) -> Option<f64> {
        let others = self.sorted.len() - self.own.get(&configuration).map_or(0, |&(_, count)| count);
        let mut values = self.sorted.iter().filter(|&&(_, other)| other != configuration).map(|&(value, _)| value);
        let middle = values.nth((others.checked_sub(1)?) / 2)?;
        if others % 2 == 1 { Some(middle) } else { values.next().map(|next| 0.5 * (middle + next)) }
    }
}

/// Mean final metric of the `count` runs of other configurations that are closest to run `index` up to model time `until`.
fn nearest(cases: &[Case<'_>], index: usize, until: f64, count: usize) -> Option<f64> {
    let case = &cases[index];
    // Among a great many runs some hundreds, evenly picked, have neighbours enough.
    let mut others: Vec<(f64, f64)> = representatives(cases.len(), MOST_COMPARED)
        .map(|index| &cases[index])
        .filter(|other| other.configuration != case.configuration)
        .map(|other| (distance(&case.recorded, &other.recorded, until), other.truth))
        .collect();
    others.sort_by(|a, b| a.0.total_cmp(&b.0));
    let chosen = &others[..count.min(others.len())];
    (!chosen.is_empty()).then(|| chosen.iter().map(|&(_, truth)| truth).sum::<f64>() / chosen.len() as f64)
}

/// Mean squared difference of loss, rate and metric of two runs up to model time `until`, at the first one's times.
fn distance(a: &Series, b: &Series, until: f64) -> f64 {
    let (mut sum, mut count) = (0.0, 0usize);
    for point in a.points.iter().take_while(|point| point.time <= until + 1e-9) {
        let after = b.points.partition_point(|other| other.time < point.time);
        let candidates = [after.checked_sub(1).and_then(|at| b.points.get(at)), b.points.get(after)];
        let gap = |other: &&crate::model::series::SeriesPoint| (other.time - point.time).abs();
        let Some(other) = candidates.into_iter().flatten().min_by(|x, y| gap(x).total_cmp(&gap(y))) else { continue };
        let differences = [
            point.train_loss - other.train_loss,
            point.learning_rate - other.learning_rate,
            point.validation - other.validation,
        ];
        for difference in differences.into_iter().filter(|difference| !difference.is_nan()) {
            sum += difference * difference;
            count += 1;
        }
    }
    if count == 0 { 0.0 } else { sum / count as f64 }
}

fn skill(observed: f64, method: ForecastMethod, pairs: &[(f64, f64)]) -> Skill {
    let mut errors: Vec<f64> = pairs.iter().map(|(predicted, actual)| (predicted - actual).abs()).collect();
    errors.sort_by(f64::total_cmp);
    Skill {
        observed,
        method,
        runs: pairs.len(),
        mean_absolute_error: errors.iter().sum::<f64>() / errors.len() as f64,
        median_absolute_error: errors[errors.len() / 2],
        rank_correlation: rank_correlation(pairs),
        coverage: None,
        outside_experience: None,
        misjudged: None,
    }
}

/// Spearman's rank correlation, with mean ranks for ties.
fn rank_correlation(pairs: &[(f64, f64)]) -> Option<f64> {
    let ranks = |values: Vec<f64>| -> Vec<f64> {
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
        let mut ranks = vec![0.0; values.len()];
        let mut below = 0;
        for tie in order.chunk_by(|&a, &b| values[a] == values[b]) {
            for &index in tie {
                ranks[index] = below as f64 + 0.5 * (tie.len() as f64 - 1.0);
            }
            below += tie.len();
        }
        ranks
    };
    let (a, b) = (ranks(pairs.iter().map(|p| p.0).collect()), ranks(pairs.iter().map(|p| p.1).collect()));
    let mean = (pairs.len() as f64 - 1.0) / 2.0;
    let product = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| (x - mean) * (y - mean)).sum::<f64>();
    let correlation = product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt();
    correlation.is_finite().then_some(correlation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rank_correlation_agrees_with_known_values() {
        let pairs = |x: &[f64], y: &[f64]| -> Vec<(f64, f64)> { x.iter().copied().zip(y.iter().copied()).collect() };
        assert_eq!(rank_correlation(&pairs(&[1.0, 2.0, 3.0], &[10.0, 20.0, 90.0])), Some(1.0));
        assert_eq!(rank_correlation(&pairs(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0])), Some(-1.0));
        // scipy.stats.spearmanr([1, 2, 2, 4, 5], [2, 1, 4, 3, 5]) = 0.66688592885535
        let found = rank_correlation(&pairs(&[1.0, 2.0, 2.0, 4.0, 5.0], &[2.0, 1.0, 4.0, 3.0, 5.0])).expect("defined");
        assert!((found - 0.666_885_928_855_35).abs() < 1e-12, "{found}");
        assert_eq!(rank_correlation(&pairs(&[1.0, 1.0], &[1.0, 2.0])), None);
    }
}
