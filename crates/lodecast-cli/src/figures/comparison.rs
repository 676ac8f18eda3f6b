//! A comparison of methods in tables and figures, and the sentence that says who won.

use lodecast::{Direction, Run};
use lodecast_lab::{Comparison, ComparisonRow, RunRecord};
use statrs::distribution::{ContinuousCDF, StudentsT};

use super::sweep::capitalised;
use super::{
    bare_metric_name, is_fraction, mean, metric_axis, metric_error, metric_name, metric_value, standard_error,
};
use crate::report::{
    Axis, Band, Color, Curves, Figure, Key, Mark, Outcome, Panel, Plot, Series, Size, Strip, StripRow, Table, Weight,
    probability, signed, significant,
};

/// The level at which a difference counts as one.
const LEVEL: f64 = 0.05;

/// A comparison seen from lodecast's side.
pub(crate) struct View<'a> {
    comparison: &'a Comparison,
    /// Lodecast's own methods; the verdict is about the first, which was chosen before the runs.
    lodecast: &'a [String],
    fraction: bool,
}

impl<'a> View<'a> {
    /// A comparison in which `lodecast` are lodecast's own methods.
    pub(crate) fn new(comparison: &'a Comparison, lodecast: &'a [String]) -> Self {
        let fraction = is_fraction(&comparison.metric, comparison.records.iter().map(|record| record.test_metric));
        Self { comparison, lodecast, fraction }
    }

    fn reference(&self) -> &str {
        &self.comparison.configuration.reference
    }

    fn seeds(&self) -> usize {
        self.comparison.configuration.seeds.len()
    }

    fn records(&self, method: &str) -> impl Iterator<Item = &'a RunRecord> {
        let method = method.to_owned();
        self.comparison.records.iter().filter(move |record| record.method == method)
    }

    fn color(&self, method: &str) -> Color {
        if method == self.reference() {
            return Color::Ink;
        }
        if let Some(index) = self.lodecast.iter().position(|name| name == method) {
            return Color::Hue([0, 1, 3, 6][index % 4]);
        }
        let others = self.comparison.rows.iter().map(|row| row.method.as_str());
        let index = others
            .filter(|name| *name != self.reference() && !self.lodecast.iter().any(|own| own == name))
            .position(|name| name == method);
        Color::Hue([2, 4, 7, 5][index.unwrap_or(0) % 4])
    }

    /// A difference of the metric: in percentage points where it is a fraction.
    fn difference(&self, value: f64) -> String {
        if self.fraction { format!("{} pp", signed(value * 100.0, 2)) } else { signed(value, 4) }
    }

    /// The bounds of a difference.
    fn interval(&self, [low, high]: [f64; 2]) -> String {
        let bound = |value: f64| if self.fraction { signed(value * 100.0, 2) } else { signed(value, 4) };
        format!("{} to {}", bound(low), bound(high))
    }

    /// What each method costs and where it ends: loss, time, sharpness.
    pub(crate) fn costs(&self) -> Table {
        let headings = ["Method", "#Test loss", "#Time a run", "#Overhead", "#Sharpness", "#p (Wilcoxon)"];
        let caption = "Mean over the seeds. Sharpness is the largest eigenvalue of the loss's Hessian at the end.";
        let mut table = Table::new(caption, headings);
        let missing = || "-".to_owned();
        for row in &self.comparison.rows {
            let wilcoxon = row.difference.and_then(|difference| difference.wilcoxon_p);
            table.push([
                row.method.clone(),
                row.loss.map_or_else(missing, |loss| significant(loss, 3)),
                format!("{:.2} s", row.wall_seconds),
                overhead(row.scheduler_overhead),
                row.sharpness.map_or_else(missing, |value| significant(value, 3)),
                wilcoxon.map_or_else(missing, probability),
            ]);
        }
        table
    }

    /// An error of the metric, without a sign.
    fn error(&self, value: f64) -> String {
        metric_error(value, self.fraction)
    }

    /// Did lodecast win, tie or lose; the sentence that says so; and on what that rests.
    pub(crate) fn verdict(&self) -> Option<(Outcome, String, String)> {
        let main = self.lodecast.first()?;
        let row = self.comparison.rows.iter().find(|row| row.method == *main)?;
        let difference = row.difference?;
        let others = self.comparison.rows.len() - 1;
        if difference.won + difference.lost == 0 {
            let sentence = format!("{main} ended exactly like the {} on every seed.", self.reference());
            let basis = format!("{} fresh seeds. Most likely it kept the schedule it had started with.", self.seeds());
            return Some((Outcome::Tied, sentence, basis));
        }
        let better = self.comparison.metric.direction.sign() * difference.mean > 0.0;
        let name = bare_metric_name(&self.comparison.metric);
        let amount = if self.fraction {
            format!("{:.2} percentage points of", difference.mean.abs() * 100.0)
        } else {
            format!("{} in", significant(difference.mean.abs(), 3))
        };
        let p = difference.holm_p;
        let chance = p.map_or_else(|| "too few seeds for a test".to_owned(), equation);
        let rival = self.reference();
        let (outcome, sentence) = match (p.is_some_and(|p| p < LEVEL), better) {
            (true, true) => {
                (Outcome::Won, format!("{main} beat the {rival} by {amount} final test {name} ({chance})."))
            }
            (true, false) => {
                (Outcome::Lost, format!("{main} fell behind the {rival} by {amount} final test {name} ({chance})."))
            }
            (false, _) => (
                Outcome::Tied,
                format!(
                    "No difference beyond chance: {main} ended {} the {rival} by {amount} final test {name} ({chance}).",
                    if better { "above" } else { "below" }
                ),
            ),
        };
        let basis = format!(
            "Paired t-test over {} fresh seeds, corrected for {others} comparison{} (Holm). It ended better on {}, worse on {}{}. {}",
            self.seeds(),
            if others == 1 { "" } else { "s" },
            difference.won,
            difference.lost,
            if difference.tied > 0 { format!(", equal on {}", difference.tied) } else { String::new() },
            self.power(row),
        );
        Some((outcome, sentence, [basis, self.other_models()].join(" ").trim_end().to_owned()))
    }

    /// How lodecast's further models did, for which the verdict does not go.
    fn other_models(&self) -> String {
        let rows =
            self.lodecast.iter().skip(1).filter_map(|name| self.comparison.rows.iter().find(|row| row.method == *name));
        let parts = rows.filter_map(|row| {
            let difference = row.difference?;
            let chance = difference.holm_p.map_or_else(|| "no test".to_owned(), equation);
            Some(format!("{}: {} ({chance}).", row.method, self.difference(difference.mean)))
        });
        parts.collect::<Vec<_>>().join(" ")
    }

    /// What size of difference so many seeds could have shown.
    fn power(&self, row: &ComparisonRow) -> String {
        match row.difference.and_then(|difference| difference.standard_error) {
            Some(error) => {
                let amount = self.error(error * t_quantile(self.seeds()));
                format!("A single comparison with this spread can tell differences from about {amount} on.")
            }
            None => String::new(),
        }
    }

    /// The methods, the best first.
    pub(crate) fn table(&self) -> Table {
        let sign = self.comparison.metric.direction.sign();
        let mut rows: Vec<&ComparisonRow> = self.comparison.rows.iter().collect();
        rows.sort_by(|a, b| (sign * b.mean).total_cmp(&(sign * a.mean)));
        let caption = format!(
            "Final test {} over {} fresh seeds, the best first. Differences are to the {}, seed by seed.",
            bare_metric_name(&self.comparison.metric),
            self.seeds(),
            self.reference()
        );
        let headings = [
            "Method",
            "#Mean",
            "#Std. error",
            "#Median",
            "#Lowest",
            "#Difference",
            "#95 % interval",
            "#p",
            "#p (Holm)",
            "#Won/tied/lost",
            "#Diverged",
            "#Overhead",
        ];
        let mut table = Table::new(caption, headings);
        let value = |value: f64| metric_value(value, self.fraction);
        for row in rows {
            let difference = row.difference.as_ref();
            let missing = || "-".to_owned();
            let worst = match self.comparison.metric.direction {
                Direction::Max => row.lowest,
                Direction::Min => row.highest,
            };
            let cells = [
                row.method.clone(),
                value(row.mean),
                row.standard_error.map_or_else(missing, |error| self.error(error)),
                value(row.median),
                value(worst),
                difference.map_or_else(|| "reference".to_owned(), |difference| self.difference(difference.mean)),
                difference
                    .and_then(|difference| difference.interval)
                    .map_or_else(missing, |bounds| self.interval(bounds)),
                difference.and_then(|difference| difference.t_test_p).map_or_else(missing, probability),
                difference.and_then(|difference| difference.holm_p).map_or_else(missing, probability),
                difference.map_or_else(missing, |d| format!("{}/{}/{}", d.won, d.tied, d.lost)),
                if row.diverged == 0 { missing() } else { row.diverged.to_string() },
                overhead(row.scheduler_overhead),
            ];
            let color = self.color(&row.method);
            let strong = self.lodecast.first() == Some(&row.method);
            let pushed = table.push(cells);
            (pushed.color, pushed.strong) = (Some(color), strong);
        }
        if self.comparison.metric.direction == Direction::Min {
            "Highest".clone_into(&mut table.columns[4].heading);
        }
        table
    }

    /// Each method's difference to the reference, seed by seed.
    pub(crate) fn differences(&self) -> Figure {
        let reference: Vec<f64> = self.records(self.reference()).map(|record| record.test_metric).collect();
        let unit = if self.fraction { 100.0 } else { 1.0 };
        let others = self.comparison.rows.iter().filter(|row| row.method != self.reference());
        let rows = others.map(|row| {
            let records = self.records(&row.method).zip(&reference);
            let values: Vec<f64> = records.map(|(record, other)| (record.test_metric - other) * unit).collect();
            let interval = standard_error(&values).map(|error| (mean(&values), error * t_quantile(values.len())));
            StripRow { label: row.method.clone(), color: self.color(&row.method), values, mean: interval }
        });
        let name = bare_metric_name(&self.comparison.metric);
        let label = if self.fraction {
            format!("difference in final test {name}, percentage points")
        } else {
            format!("difference in final test {name}")
        };
        let plot = Strip { x: Axis::linear(label), reference: Some(0.0), rows: rows.collect() };
        let better = if self.comparison.metric.direction == Direction::Max { "right" } else { "left" };
        Figure {
            title: format!("Difference to the {}", self.reference()),
            reading: format!(
                "A dot is one seed, the diamond the mean, the bar its 95 % confidence interval (uncorrected). What lies {better} of the line is better."
            ),
            panels: vec![Panel { title: String::new(), plot: Plot::Strip(plot), size: Size::Wide }],
            ..Figure::default()
        }
    }

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

/// A p-value as an equation that does not break over lines.
fn equation(p: f64) -> String {
    let p = probability(p);
    if p.starts_with('<') { format!("p {p}").replace(' ', "\u{a0}") } else { format!("p\u{a0}=\u{a0}{p}") }
}

fn overhead(share: f64) -> String {
    let percent = share * 100.0;
    if !percent.is_finite() {
        "-".to_owned()
    } else if percent < 0.01 {
        "< 0.01 %".to_owned()
    } else {
        format!("{percent:.2} %")
    }
}

/// Half-width of a mean's 95 % confidence interval over `count` values, in standard errors.
fn t_quantile(count: usize) -> f64 {
    let freedom = count.saturating_sub(1).max(1) as f64;
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::NAN, |distribution| distribution.inverse_cdf(0.975))
}
