//! Forecasts beside what happened.

use lodecast::{Forecast, Metric, Point, Spread};
use serde::{Deserialize, Serialize};

use super::evaluation::percent;
use super::sweep::capitalised;
use super::{is_fraction, metric_name, metric_value};
use crate::report::{Axis, Band, Color, Curves, Figure, Guide, Key, Mark, Panel, Plot, Series, Size, Weight};

/// A forecast beside what happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ForecastExample {
    /// The run, in words.
    pub run: String,
    /// The metric.
    pub metric: Metric,
    /// Part of the run that was seen.
    pub observed: f64,
    /// The forecast from there on.
    pub forecast: Forecast,
    /// Progress and validation metric as they were measured, after the forecast too if that is known.
    pub validation: Vec<(f64, f64)>,
    /// Progress and train loss as they were measured.
    pub train_loss: Vec<(f64, f64)>,
    /// Progress and learning rate as they were set.
    pub learning_rate: Vec<(f64, f64)>,
}

impl ForecastExample {
    /// A forecast made of a run of `total_steps` after `observed` of it; `points` are those known, later ones too.
    pub(crate) fn new(
        label: String,
        points: &[Point],
        total_steps: u64,
        metric: &Metric,
        observed: f64,
        forecast: Forecast,
    ) -> Self {
        let measured = |pick: fn(&Point) -> Option<f64>| {
            let value = |point: &Point| pick(point).filter(|value| value.is_finite());
            let known = points.iter().filter_map(|point| Some((point.step, value(point)?)));
            known.map(|(step, value)| (step as f64 / total_steps as f64, value)).collect()
        };
        Self {
            run: label,
            metric: metric.clone(),
            observed,
            forecast,
            validation: measured(|point| point.validation),
            train_loss: measured(|point| point.train_loss),
            learning_rate: measured(|point| point.learning_rate),
        }
    }

    fn fraction(&self) -> bool {
        is_fraction(&self.metric, self.validation.iter().map(|point| point.1))
    }

    /// The forecast of the final metric in words.
    pub(crate) fn final_in_words(&self) -> String {
        let value = |value: f64| metric_value(value, self.fraction());
        let last = self.forecast.final_validation;
        format!("{} (from {} to {})", value(last.mean), value(last.low), value(last.high))
    }

    /// The validation metric as a plot.
    fn validation_plot(&self) -> Curves {
        let label = metric_name(&self.metric);
        let ends = self.forecast.validation.low.iter().chain(&self.forecast.validation.high).copied();
        let known = self.validation.iter().map(|point| point.1);
        let y = super::metric_axis(&self.metric, label, ends.chain(known));
        self.plot(y, &self.forecast.validation, &self.validation)
    }

    fn plot(&self, y: Axis, spread: &Spread, known: &[(f64, f64)]) -> Curves {
        let progress = &self.forecast.progress;
        let range =
            progress.iter().zip(spread.low.iter().zip(&spread.high)).map(|(&at, (&low, &high))| (at, low, high));
        let mean = progress.iter().copied().zip(spread.mean.iter().copied());
        Curves {
            x: Axis::linear("progress of the run").percent().between(0.0, 1.0),
            y,
            bands: vec![Band { color: Color::Hue(0), points: range.collect() }],
            guides: vec![Guide::Vertical(self.observed)],
            series: vec![
                Series {
                    label: "what happened".to_owned(),
                    color: Color::Ink,
                    mark: Mark::Line,
                    weight: Weight::Normal,
                    points: known.to_vec(),
                },
                Series {
                    label: "forecast".to_owned(),
                    color: Color::Hue(0),
                    mark: Mark::Line,
                    weight: Weight::Strong,
                    points: mean.collect(),
                },
            ],
        }
    }

    /// All that was forecast, for a page of its own.
    pub(crate) fn figure(&self) -> Figure {
        let label = metric_name(&self.metric);
        let rate = self.forecast.progress.iter().copied().zip(self.forecast.learning_rate.iter().copied());
        let positive = |points: &mut dyn Iterator<Item = (f64, f64)>| points.filter(|p| p.1 > 0.0).collect::<Vec<_>>();
        let line = |label: &str, color, weight, points| Series {
            label: label.to_owned(),
            color,
            mark: Mark::Line,
            weight,
            points,
        };
        let rates = Curves {
            x: Axis::linear("progress of the run").percent().between(0.0, 1.0),
            y: Axis::log("learning rate"),
            guides: vec![Guide::Vertical(self.observed)],
            series: vec![
                line("set", Color::Ink, Weight::Normal, positive(&mut self.learning_rate.iter().copied())),
                line("from here on", Color::Hue(0), Weight::Strong, positive(&mut rate.into_iter())),
            ],
            ..Curves::default()
        };
        let loss = self.plot(Axis::log("train loss"), &self.forecast.train_loss, &self.train_loss);
        let panel = |title: String, plot, size| Panel { title, plot: Plot::Curves(plot), size };
        Figure {
            title: format!("{}, {} seen", self.run, percent(self.observed)),
            reading: format!("Final {label}: {}.", self.final_in_words()),
            keys: keys(),
            panels: vec![
                panel(capitalised(&label), self.validation_plot(), Size::Wide),
                panel("Train loss".to_owned(), loss, Size::Half),
                panel("Learning rate".to_owned(), rates, Size::Half),
            ],
        }
    }
}

/// Several forecasts side by side.
#[cfg(feature = "lab")]
pub(crate) fn examples(examples: &[ForecastExample]) -> Option<Figure> {
    let first = examples.first()?;
    let panels = examples.iter().map(|example| Panel {
        title: format!("{}, {} seen", example.run, percent(example.observed)),
        plot: Plot::Curves(example.validation_plot()),
        size: Size::Small,
    });
    let within = examples.iter().filter(|example| {
        let last = example.forecast.final_validation;
        example.validation.last().is_some_and(|point| (last.low..=last.high).contains(&point.1))
    });
    Some(Figure {
        title: format!("{} of runs the model had not seen", capitalised(&metric_name(&first.metric))),
        reading: format!(
            "The dotted line is where the forecast was made. The area is one standard deviation over the models of the ensemble. \
             In {} of these {} runs the final value came to lie within one standard deviation of its forecast.",
            within.count(),
            examples.len()
        ),
        keys: keys(),
        panels: panels.collect(),
    })
}

fn keys() -> Vec<Key> {
    vec![
        Key { label: "what happened".to_owned(), color: Color::Ink, mark: Mark::Line },
        Key { label: "forecast".to_owned(), color: Color::Hue(0), mark: Mark::Line },
        Key { label: "its spread".to_owned(), color: Color::Hue(0), mark: Mark::Area },
    ]
}
