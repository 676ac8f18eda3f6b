//! How good forecasts are: error of the final metric from the first part of a run, beside simple baselines.

#[allow(dead_code, reason = "a baseline that the evaluation of searches will ask")]
mod multi_power_law;
mod power_law;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::forecast::{Interval, moments};
use crate::latent_ode::pass::Network;
use crate::latent_ode::series::{Series, Worst};
use crate::latent_ode::{Column, ControlledLatentOde, LatentOde, Model, Scaler};
use crate::run::{Point, Run, Sweep};

/// A way to forecast the final metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
}

impl ForecastMethod {
    /// All of them, the model first.
    pub const ALL: [Self; 5] = [Self::Model, Self::LastValue, Self::PowerLaw, Self::NearestRuns, Self::SweepMean];

    /// Name for tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Model => "lodecast",
            Self::LastValue => "last value",
            Self::PowerLaw => "power law",
            Self::NearestRuns => "nearest runs",
            Self::SweepMean => "sweep mean",
        }
    }
}

/// Skill of one method after one fraction of the runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
pub struct Evaluation {
    /// The metric that is forecast.
    pub metric: String,
    /// Was no run forecast by a member that had seen its configuration?
    pub held_out: bool,
    /// Skill by fraction and method.
    pub skills: Vec<Skill>,
    /// The model's forecasts.
    pub forecasts: Vec<RunForecast>,
}

/// Standard deviations beyond which a run is outside the model's experience, or its forecast wrong.
const FAR: f64 = 3.0;
/// Neighbours that [`ForecastMethod::NearestRuns`] asks.
const NEIGHBOURS: usize = 5;

/// A run to be forecast.
struct Case<'a> {
    run: &'a Run,
    configuration: String,
    /// The run as the model reads it.
    series: Series,
    /// The run as it was, its metric not clamped to what the model knows.
    recorded: Series,
    /// Standardised final metric, not clamped either.
    truth: f64,
    /// The networks that may forecast it: those that did not see its configuration.
    networks: Vec<Network<f32>>,
}

/// Forecasts the final metric of every run from its first `fractions`. A run whose configuration the model was fitted on
/// is forecast by the members that had not seen it at the end of their first cycle.
///
/// # Errors
/// If the sweep does not record the model's metric, or none of its runs can be forecast.
pub fn evaluate(model: &Model, sweep: &Sweep, fractions: &[f64]) -> Result<Evaluation> {
    let metric = sweep.metric_index(&model.metric().name)?;
    let (cases, held_out) = cases(model, sweep, metric);
    if cases.len() < 2 {
        return Err(Error::Sweep {
            reason: format!(
                "{} run(s) can be evaluated; runs need a measured final {} and a configuration that a member did not see",
                cases.len(),
                model.metric()
            ),
        });
    }
    let column = model.scaler().validation;
    let time_scale = model.scaler().time_scale;
    let mut evaluation =
        Evaluation { metric: model.metric().to_string(), held_out, skills: Vec::new(), forecasts: Vec::new() };
    for &fraction in fractions {
        let residual = model.record().residual(fraction);
        let predictions: Vec<Option<(f64, f64)>> = cases
            .par_iter()
            .map(|case| {
                let values = match model {
                    Model::Controlled(model) => predict_controlled(model, case, fraction),
                    Model::LatentOde(model) => predict_latent(model, case, metric, fraction)?,
                };
                let (mean, deviation) = moments(values.into_iter(), residual);
                mean.is_finite().then_some((mean, deviation))
            })
            .collect();
        for (case, prediction) in cases.iter().zip(&predictions) {
            let Some((mean, deviation)) = *prediction else { continue };
            evaluation.forecasts.push(RunForecast {
                run: case.run.id.clone(),
                observed: fraction,
                predicted: Interval::natural(&column, mean, deviation),
                actual: column.natural(case.truth),
                outside_experience: objection(model, case, metric, fraction),
                misjudged: (mean - case.truth).abs() > FAR * deviation,
            });
        }
        let until = fraction * time_scale;
        for method in ForecastMethod::ALL {
            let predict = |index: usize| {
                let standardised = match method {
                    ForecastMethod::Model => predictions[index].map(|(mean, _)| mean),
                    ForecastMethod::LastValue => last_value(&cases[index], until),
                    // The law is one of the metric as people see it.
                    ForecastMethod::PowerLaw => return power_law(&cases[index], until, &column),
                    ForecastMethod::NearestRuns => nearest(&cases, index, until, NEIGHBOURS),
                    ForecastMethod::SweepMean => nearest(&cases, index, 0.0, usize::MAX),
                };
                standardised.map(|value| column.natural(value))
            };
            let pairs: Vec<(f64, f64)> = (0..cases.len())
                .filter_map(|index| Some((predict(index)?, column.natural(cases[index].truth))))
                .collect();
            if pairs.is_empty() {
                continue;
            }
            let mut skill = skill(fraction, method, &pairs);
            if method == ForecastMethod::Model {
                let covered = |&(prediction, case): &(&Option<(f64, f64)>, &Case<'_>)| {
                    prediction.is_some_and(|(mean, deviation)| (mean - case.truth).abs() <= deviation)
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

/// The runs that can be forecast, and whether no forecast knows its own configuration.
fn cases<'a>(model: &Model, sweep: &'a Sweep, metric: usize) -> (Vec<Case<'a>>, bool) {
    let scaler = model.scaler();
    let worst = Worst::of(scaler, model.metric().direction);
    let validation = Column { range: Column::identity().range, ..scaler.validation };
    let unclamped = Scaler { validation, ..*scaler };
    let ensemble = match model {
        Model::LatentOde(model) => &model.0,
        Model::Controlled(model) => &model.0,
    };
    let record = model.record();
    let mut held_out = true;
    let cases = sweep
        .runs
        .iter()
        .filter_map(|run| {
            let series = Series::from_run(run, metric, scaler, worst).ok()?;
            let recorded = Series::from_run(run, metric, &unclamped, worst).ok()?;
            let truth = recorded.points.iter().rev().map(|point| point.validation).find(|value| !value.is_nan())?;
            let configuration = run.configuration();
            let witnesses = record.held_out.iter().zip(&ensemble.held_out_networks);
            let witnesses = witnesses.filter(|(names, _)| names.contains(&configuration));
            let mut networks: Vec<Network<f32>> = witnesses.map(|(_, network)| network.clone()).collect();
            if networks.is_empty() {
                // A configuration of another sweep, which no member has seen; or one that all have, of this one.
                held_out &= !record.learned.contains(&configuration);
                networks.clone_from(&ensemble.networks);
            }
            Some(Case { run, configuration, series, recorded, truth, networks })
        })
        .collect();
    (cases, held_out)
}

fn predict_controlled(model: &ControlledLatentOde, case: &Case<'_>, fraction: f64) -> Vec<f64> {
    let header = &model.0.header;
    let points = &case.series.points;
    let observed = points.iter().filter(|point| point.time <= fraction * header.scaler.time_scale + 1e-9).count();
    let observed = if fraction <= 0.0 { 0 } else { observed.min(points.len() - 1) };
    let now = if observed == 0 { case.series.control.start } else { points[observed - 1].time };
    let reach = now - header.window * header.scaler.time_scale - 1e-9;
    let window = Series {
        points: points[..observed].iter().filter(|point| point.time > reach).copied().collect(),
        control: crate::ode::Control::default(),
    };
    model.final_metrics(&case.networks, &window, &case.series.control.after(now))
}

fn predict_latent(model: &LatentOde, case: &Case<'_>, metric: usize, fraction: f64) -> Option<Vec<f64>> {
    let total = case.run.total_steps();
    let observed: Vec<Point> =
        case.run.points(metric).filter(|point| point.step as f64 <= fraction * total as f64).collect();
    let column = model.0.header.scaler.validation;
    let end = case.series.points.last()?.time / model.0.header.scaler.time_scale;
    case.networks
        .iter()
        .map(|network| {
            let latent = model.encode_with(network, &observed, total).ok()?;
            let curve = model.decode_with(network, &[latent], &[end]).pop()?;
            curve.validation.last().map(|&value| column.standardise(value))
        })
        .collect()
}

/// What the planner would say against planning for the run after `fraction` of it.
fn objection(model: &Model, case: &Case<'_>, metric: usize, fraction: f64) -> Option<String> {
    let total_steps = case.run.total_steps();
    let until = fraction * total_steps as f64;
    let observed: Vec<Point> = case.run.points(metric).filter(|point| point.step as f64 <= until).collect();
    let observed = if fraction > 0.0 { &observed[..] } else { &[] };
    model.experience().objection(observed, total_steps, FAR)
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

/// Mean final metric of the `count` runs of other configurations that are closest to run `index` up to model time `until`.
fn nearest(cases: &[Case<'_>], index: usize, until: f64, count: usize) -> Option<f64> {
    let case = &cases[index];
    let mut others: Vec<(f64, f64)> = cases
        .iter()
        .filter(|other| other.configuration != case.configuration)
        .map(|other| (distance(&case.series, &other.series, until), other.truth))
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
        let gap = |other: &&crate::latent_ode::series::SeriesPoint| (other.time - point.time).abs();
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
        let below = |value: f64| values.iter().filter(|&&other| other < value).count() as f64;
        let equal = |value: f64| values.iter().filter(|&&other| other == value).count() as f64;
        values.iter().map(|&value| below(value) + 0.5 * (equal(value) - 1.0)).collect()
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
