//! Who won a comparison: in a sentence, and seed by seed.

use lodecast::Direction;
use lodecast_lab::ComparisonRow;
use statrs::distribution::{ContinuousCDF, StudentsT};

use super::View;
use crate::figures::{bare_metric_name, mean, standard_error};
use crate::report::{Axis, Figure, Outcome, Panel, Plot, Size, Strip, StripRow, probability, significant};

/// The level at which a difference counts as one.
const LEVEL: f64 = 0.05;

impl View<'_> {
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
}

/// A p-value as an equation that does not break over lines.
fn equation(p: f64) -> String {
    let p = probability(p);
    if p.starts_with('<') { format!("p {p}").replace(' ', "\u{a0}") } else { format!("p\u{a0}=\u{a0}{p}") }
}

/// Half-width of a mean's 95 % confidence interval over `count` values, in standard errors.
fn t_quantile(count: usize) -> f64 {
    let freedom = count.saturating_sub(1).max(1) as f64;
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::NAN, |distribution| distribution.inverse_cdf(0.975))
}
