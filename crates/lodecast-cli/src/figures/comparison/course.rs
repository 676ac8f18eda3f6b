//! How the runs of a comparison went: their learning rates, and their curves.

use lodecast::Run;
use lodecast_lab::{ComparisonRow, RunRecord};

use super::View;
use crate::figures::sweep::capitalised;
use crate::figures::{mean, metric_axis, metric_name};
use crate::report::{Axis, Band, Curves, Figure, Key, Mark, Panel, Plot, Series, Size, Weight};

impl<'a> View<'a> {
    /// The learning rate of every method over the run.
    pub(crate) fn schedules(&self) -> Figure {
        let mut series = Vec::new();
        // Lodecast's own lines are drawn last, on top.
        for row in self.in_drawing_order() {
            let own = self.lodecast.contains(&row.method);
            let runs: Vec<_> = self.records(&row.method).collect();
            let shown = if own { runs.len() } else { 1 };
            for record in runs.into_iter().take(shown) {
                let points = record.run.points(0).filter_map(|point| {
                    Some((progress(&record.run, point.step), point.learning_rate.filter(|rate| *rate > 0.0)?))
                });
                series.push(Series {
                    label: if own { format!("{}, seed {}", row.method, record.seed) } else { row.method.clone() },
                    color: self.color(&row.method),
                    mark: if own { Mark::Line } else { Mark::Dashes },
                    weight: if own && shown > 3 { Weight::Faint } else { Weight::Normal },
                    points: points.collect(),
                });
            }
        }
        let rates = || series.iter().flat_map(|series| series.points.iter().map(|point| point.1));
        let highest = rates().fold(f64::MIN_POSITIVE, f64::max);
        // The last steps of a cosine go to zero; three and a half decades show all that matters.
        let lowest = rates().fold(f64::INFINITY, f64::min).max(highest * 3e-4).min(highest * 0.3);
        let plot = Curves {
            x: Axis::linear("progress of the run").percent().between(0.0, 1.0),
            y: Axis::log("learning rate").between(lowest, highest * 1.15),
            series,
            ..Curves::default()
        };
        Figure {
            title: "Learning rate of every method".to_owned(),
            reading: "Schedules that were fixed beforehand are dashed. lodecast decides run by run, so each of its seeds has its own line.".to_owned(),
            keys: self.keys(),
            panels: vec![Panel { title: String::new(), plot: Plot::Curves(plot), size: Size::Wide }],
        }
    }

    /// Validation metric and train loss of every method over the run, mean and range over the seeds.
    pub(crate) fn curves(&self) -> Figure {
        let name = metric_name(&self.comparison.metric);
        let validation = self.mean_curves(|run| run.validation(0));
        let loss = self.mean_curves(|run| run.train_loss());
        let values = validation.series.iter().flat_map(|series| series.points.iter().map(|point| point.1));
        let y = metric_axis(&self.comparison.metric, name.clone(), values);
        let end = ending(&validation, Axis { range: None, ..y.clone() });
        let panel =
            |title: &str, plot: Curves| Panel { title: title.to_owned(), plot: Plot::Curves(plot), size: Size::Small };
        let mut keys = self.keys();
        for key in &mut keys {
            key.mark = Mark::Line;
        }
        Figure {
            title: format!("{} and train loss", capitalised(&name)),
            reading: format!(
                "Mean over the {} seeds; the area reaches from the lowest to the highest seed.",
                self.seeds()
            ),
            keys,
            panels: vec![
                panel(&capitalised(&name), Curves { y, ..validation }),
                panel("Its last third", end),
                panel("Train loss", Curves { y: Axis::log("train loss"), ..loss }),
            ],
        }
    }

    fn mean_curves(&self, column: fn(&Run) -> &[Option<f64>]) -> Curves {
        let mut plot = Curves { x: Axis::linear("optimizer step"), ..Curves::default() };
        for row in self.in_drawing_order() {
            let records: Vec<_> = self.records(&row.method).collect();
            let Some(longest) = records.iter().map(|record| &record.run).max_by_key(|run| run.len()) else { continue };
            let (mut means, mut range) = (Vec::new(), Vec::new());
            for (index, &step) in longest.steps().iter().enumerate() {
                let at = |record: &&RunRecord| column(&record.run).get(index).copied().flatten();
                let values: Vec<f64> = records.iter().filter_map(at).filter(|value| value.is_finite()).collect();
                if values.is_empty() {
                    continue;
                }
                let low = values.iter().copied().fold(f64::INFINITY, f64::min);
                let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                means.push((step as f64, mean(&values)));
                range.push((step as f64, low, high));
            }
            let color = self.color(&row.method);
            let main = self.lodecast.first() == Some(&row.method);
            plot.bands.push(Band { color, points: range });
            plot.series.push(Series {
                label: row.method.clone(),
                color,
                mark: Mark::Line,
                weight: if main { Weight::Strong } else { Weight::Normal },
                points: means,
            });
        }
        plot
    }

    fn in_drawing_order(&self) -> Vec<&'a ComparisonRow> {
        let rank = |row: &ComparisonRow| {
            self.lodecast.iter().position(|name| *name == row.method).map_or(0, |index| 100 - index)
        };
        let mut rows: Vec<_> = self.comparison.rows.iter().collect();
        rows.sort_by_key(|row| rank(row));
        rows
    }

    fn keys(&self) -> Vec<Key> {
        let key = |row: &ComparisonRow| {
            let mark = if self.lodecast.contains(&row.method) { Mark::Line } else { Mark::Dashes };
            Key { label: row.method.clone(), color: self.color(&row.method), mark }
        };
        self.in_drawing_order().into_iter().rev().map(key).collect()
    }
}

/// The last third of a plot, where methods that end close to each other can be told apart.
fn ending(plot: &Curves, y: Axis) -> Curves {
    let last = plot.series.iter().filter_map(|series| series.points.last()).map(|point| point.0).fold(0.0, f64::max);
    let mut plot = Curves { y, ..plot.clone() };
    for series in &mut plot.series {
        series.points.retain(|point| point.0 >= last * 2.0 / 3.0);
    }
    for band in &mut plot.bands {
        band.points.retain(|point| point.0 >= last * 2.0 / 3.0);
    }
    plot
}

fn progress(run: &Run, step: u64) -> f64 {
    step as f64 / run.total_steps() as f64
}
