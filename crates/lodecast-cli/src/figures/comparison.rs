//! A comparison of methods in tables.

mod course;
mod verdict;

use lodecast::Direction;
use lodecast_lab::{Comparison, ComparisonRow, RunRecord};

use super::{bare_metric_name, is_fraction, metric_error, metric_value};
use crate::report::{Color, Table, probability, signed, significant};

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
