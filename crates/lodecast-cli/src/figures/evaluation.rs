//! Forecast errors in tables and figures.

use lodecast::{Evaluation, ForecastMethod, Metric, RunForecast, Skill};
use serde::{Deserialize, Serialize};

use super::{bare_metric_name, is_fraction, metric_error, metric_name, metric_value};
use crate::report::{Axis, Color, Curves, Figure, Guide, Key, Mark, Panel, Plot, Series, Size, Table, Weight};

/// The forecast errors of one model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ModelEvaluation {
    /// The model's name in the report.
    pub model: String,
    /// Its errors beside those of simple baselines.
    pub evaluation: Evaluation,
}

impl ModelEvaluation {
    fn metric(&self) -> Metric {
        let text = &self.evaluation.metric;
        text.parse().unwrap_or_else(|_| Metric::new(text.clone(), lodecast::Direction::Min))
    }

    fn fraction(&self) -> bool {
        is_fraction(&self.metric(), self.evaluation.forecasts.iter().map(|forecast| forecast.actual))
    }

    /// An error of the metric, in percentage points where it is a fraction.
    fn error(&self, value: f64) -> String {
        metric_error(value, self.fraction())
    }

    fn skill(&self, observed: f64, method: ForecastMethod) -> Option<&Skill> {
        self.evaluation.skills.iter().find(|skill| skill.observed == observed && skill.method == method)
    }

    fn observed(&self) -> Vec<f64> {
        let mut observed: Vec<f64> = self.evaluation.skills.iter().map(|skill| skill.observed).collect();
        observed.dedup();
        observed
    }
}

const BASELINES: [ForecastMethod; 5] = [
    ForecastMethod::NearestRuns,
    ForecastMethod::LastValue,
    ForecastMethod::PowerLaw,
    ForecastMethod::SweepMean,
    ForecastMethod::SweepMedian,
];

/// Who forecasts: a name, whose evaluation it is in, and under which entry.
fn forecasters(evaluations: &[ModelEvaluation]) -> Vec<(String, &ModelEvaluation, ForecastMethod, Color)> {
    let models = evaluations.iter().enumerate().map(|(index, evaluation)| {
        (evaluation.model.clone(), evaluation, ForecastMethod::Model, Color::Hue([0, 1, 3, 6][index % 4]))
    });
    // The baselines do not depend on the model.
    let baselines = evaluations.first().into_iter().flat_map(|first| {
        let colors = [Color::Hue(2), Color::Hue(4), Color::Hue(5), Color::Muted, Color::Hue(7)];
        BASELINES
            .into_iter()
            .zip(colors)
            .map(move |(baseline, color)| (baseline.name().to_owned(), first, baseline, color))
    });
    models.chain(baselines).collect()
}

/// Error, rank correlation and coverage by how much of a run was seen.
pub(crate) fn table(evaluations: &[ModelEvaluation]) -> Table {
    let Some(first) = evaluations.first() else { return Table::default() };
    let name = bare_metric_name(&first.metric());
    let caption = format!(
        "Mean absolute error of the forecast final {name}; in brackets the rank correlation between forecast and truth. {}",
        held_out_note(evaluations)
    );
    let observed = first.observed();
    let headings: Vec<String> = observed.iter().map(|&observed| format!("#{} seen", percent(observed))).collect();
    let mut table = Table::new(caption, std::iter::once("Forecaster").chain(headings.iter().map(String::as_str)));
    for (name, evaluation, method, color) in forecasters(evaluations) {
        let cells = observed.iter().map(|&observed| {
            evaluation.skill(observed, method).map_or_else(
                || "-".to_owned(),
                |skill| {
                    let error = evaluation.error(skill.mean_absolute_error);
                    // The middle of all others falls as a run's own value rises: its rank says nothing.
                    let is_middle = matches!(method, ForecastMethod::SweepMean | ForecastMethod::SweepMedian);
                    match skill.rank_correlation.filter(|_| !is_middle) {
                        Some(rank) => format!("{error} ({rank:.2})"),
                        None => error,
                    }
                },
            )
        });
        let row = table.push(std::iter::once(name).chain(cells));
        row.color = Some(color);
        row.strong = method == ForecastMethod::Model;
    }
    table
}

/// The spread's honesty: how often the truth lay within it.
pub(crate) fn coverage(evaluations: &[ModelEvaluation]) -> Option<String> {
    let parts: Vec<String> = evaluations
        .iter()
        .filter_map(|evaluation| {
            let covered: Vec<f64> = evaluation.evaluation.skills.iter().filter_map(|skill| skill.coverage).collect();
            (!covered.is_empty()).then(|| {
                let low = covered.iter().copied().fold(f64::INFINITY, f64::min);
                let high = covered.iter().copied().fold(0.0, f64::max);
                format!("in {} to {} of the runs for {}", percent(low), percent(high), evaluation.model)
            })
        })
        .collect();
    (!parts.is_empty()).then(|| {
        format!(
            "The final value lay within one standard deviation of the forecast {}; 68 % would be right.",
            parts.join(", ")
        )
    })
}

/// How often the warning "outside what the sweep showed" is given, and how often a forecast would have deserved it.
pub(crate) fn warnings(evaluations: &[ModelEvaluation]) -> Option<String> {
    let parts: Vec<String> = evaluations
        .iter()
        .filter_map(|evaluation| {
            let forecasts = &evaluation.evaluation.forecasts;
            let count = |wanted: &dyn Fn(&RunForecast) -> bool| forecasts.iter().filter(|run| wanted(run)).count();
            let warned = count(&|run| run.outside_experience.is_some());
            let misjudged = count(&|run| run.misjudged);
            let both = count(&|run| run.misjudged && run.outside_experience.is_some());
            (!forecasts.is_empty()).then(|| {
                format!(
                    "{}: {warned} of {} forecasts were marked as outside what the sweep showed; {misjudged} missed by more \
                     than three standard deviations, {both} of these were marked",
                    evaluation.model,
                    forecasts.len()
                )
            })
        })
        .collect();
    (!parts.is_empty()).then(|| format!("{}.", parts.join(". ")))
}

/// Which runs there was nothing to forecast of.
pub(crate) fn stopped(evaluations: &[ModelEvaluation]) -> Option<String> {
    let stopped = &evaluations.first()?.evaluation.stopped;
    let first = stopped.first()?;
    let others = if stopped.len() > 1 { format!(" and {} more", stopped.len() - 1) } else { String::new() };
    Some(format!(
        "Not forecast, since they stopped before their end and what they would have come to is unknown: {first}{others}."
    ))
}

/// Error against how much of a run was seen.
pub(crate) fn errors(evaluations: &[ModelEvaluation]) -> Option<Figure> {
    let first = evaluations.first()?;
    let observed = first.observed();
    let unit = if first.fraction() { 100.0 } else { 1.0 };
    let (mut series, mut keys) = (Vec::new(), Vec::new());
    for (name, evaluation, method, color) in forecasters(evaluations) {
        let points: Vec<(f64, f64)> = observed
            .iter()
            .filter_map(|&at| Some((at, evaluation.skill(at, method)?.mean_absolute_error * unit)))
            .collect();
        let model = method == ForecastMethod::Model;
        let weight = if model { Weight::Strong } else { Weight::Normal };
        let mark = if model { Mark::Line } else { Mark::Dashes };
        series.push(Series { label: name.clone(), color, mark, weight, points: points.clone() });
        series.push(Series { label: name.clone(), color, mark: Mark::Dot, weight: Weight::Normal, points });
        keys.push(Key { label: name, color, mark });
    }
    series.reverse();
    let name = bare_metric_name(&first.metric());
    let unit = if first.fraction() { ", percentage points" } else { "" };
    let plot = Curves {
        x: Axis::linear("part of the run that was seen").percent(),
        y: Axis::log(format!("mean absolute error of the final {name}{unit}")),
        series,
        ..Curves::default()
    };
    Some(Figure {
        title: "Forecast error".to_owned(),
        reading: format!("Lower is better. {}", held_out_note(evaluations)),
        keys,
        panels: vec![Panel { title: String::new(), plot: Plot::Curves(plot), size: Size::Wide }],
    })
}

/// Forecast against truth, a panel for each of some parts seen, for the first model.
pub(crate) fn scatter(evaluations: &[ModelEvaluation]) -> Option<Figure> {
    let evaluation = evaluations.first()?;
    let metric = evaluation.metric();
    let fraction = evaluation.fraction();
    // The least, a middle and the largest part seen.
    let observed = evaluation.observed();
    let mut shown = vec![*observed.first()?, observed[observed.len() / 2], *observed.last()?];
    shown.dedup();
    let all = &evaluation.evaluation.forecasts;
    let ends = all
        .iter()
        .filter(|forecast| shown.contains(&forecast.observed))
        .flat_map(|forecast| [forecast.actual, forecast.predicted.mean])
        .filter(|v| v.is_finite());
    let (low, high) = ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if low >= high {
        return None;
    }
    let air = 0.03 * (high - low);
    // A forecast can lie outside of what is possible; an axis need not follow it there.
    let (low, high) = if fraction { (low.max(0.0), high.min(1.0)) } else { (low, high) };
    let name = bare_metric_name(&metric);
    let axis = |label: String| Axis { percent: fraction, ..Axis::linear(label).between(low - air, high + air) };
    let panels = shown.into_iter().map(|observed| {
        let forecasts: Vec<_> = all.iter().filter(|forecast| forecast.observed == observed).collect();
        let mut series: Vec<Series> = forecasts
            .iter()
            .map(|forecast| Series {
                label: String::new(),
                color: Color::Hue(0),
                mark: Mark::Line,
                weight: Weight::Faint,
                points: vec![(forecast.actual, forecast.predicted.low), (forecast.actual, forecast.predicted.high)],
            })
            .collect();
        series.extend(forecasts.iter().map(|forecast| Series {
            label: format!(
                "{}: forecast {}, became {}",
                forecast.run,
                metric_value(forecast.predicted.mean, fraction),
                metric_value(forecast.actual, fraction)
            ),
            color: Color::Hue(0),
            mark: Mark::Dot,
            weight: Weight::Normal,
            points: vec![(forecast.actual, forecast.predicted.mean)],
        }));
        let plot = Curves {
            x: axis(format!("final {name}")),
            y: axis("forecast".to_owned()),
            guides: vec![Guide::Diagonal],
            series,
            ..Curves::default()
        };
        Panel { title: format!("{} of the run seen", percent(observed)), plot: Plot::Curves(plot), size: Size::Small }
    });
    Some(Figure {
        title: format!("Forecast against truth: {}", evaluation.model),
        reading: format!(
            "A dot is one run; on the dotted line the forecast of its final {} was right. The bar is one standard deviation to either side.",
            metric_name(&metric)
        ),
        keys: Vec::new(),
        panels: panels.collect(),
    })
}

fn held_out_note(evaluations: &[ModelEvaluation]) -> &'static str {
    if evaluations.iter().all(|evaluation| evaluation.evaluation.held_out) {
        "Every run was forecast only by models that had seen no run of its configuration."
    } else {
        "Some runs belong to configurations that the models were fitted on: the errors are too good to be true."
    }
}

/// A fraction in words.
pub(crate) fn percent(fraction: f64) -> String {
    let tenths = (fraction * 1000.0).round();
    if tenths % 10.0 == 0.0 { format!("{:.0} %", tenths / 10.0) } else { format!("{:.1} %", tenths / 10.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_method_is_left_out() {
        for method in ForecastMethod::ALL {
            assert!(method == ForecastMethod::Model || BASELINES.contains(&method), "{}", method.name());
        }
    }

    #[test]
    fn fractions_read_as_percent() {
        assert_eq!(percent(0.0), "0 %");
        assert_eq!(percent(0.05), "5 %");
        assert_eq!(percent(0.25), "25 %");
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(percent(0.012), "1.2 %");
    }
}
