//! From results to what a report is made of: tables and figures with their readings.

#[cfg(feature = "lab")]
pub(crate) mod comparison;
#[cfg(feature = "lab")]
pub(crate) mod contest;
pub(crate) mod evaluation;
pub(crate) mod forecast;
pub(crate) mod sweep;

use lodecast::{Direction, Knot, Metric, ModelKind, Run, Schedule};

use crate::report::{Axis, learning_rate, significant};

/// A metric in words: `val_accuracy` is "validation accuracy".
pub(crate) fn metric_name(metric: &Metric) -> String {
    let words = metric.name.replace(['_', '/', '.'], " ");
    let words = words.strip_prefix("val ").map(|rest| format!("validation {rest}")).unwrap_or(words);
    words.trim().to_owned()
}

/// A metric's name without "validation", for values measured elsewhere.
pub(crate) fn bare_metric_name(metric: &Metric) -> String {
    let name = metric_name(metric);
    name.strip_prefix("validation ").map_or(name.clone(), str::to_owned)
}

/// Is the metric a fraction that is better the larger it is, such as an accuracy?
pub(crate) fn is_fraction(metric: &Metric, values: impl IntoIterator<Item = f64>) -> bool {
    metric.direction == Direction::Max
        && !is_of_agreement(&metric.name)
        && values.into_iter().filter(|v| v.is_finite()).all(|v| (0.0..=1.0).contains(&v))
}

/// Is it a coefficient, which up to 1 is better and may be negative? Nobody gives those in per cent.
fn is_of_agreement(name: &str) -> bool {
    const COEFFICIENTS: [&str; 11] = [
        "r2",
        "rsquared",
        "corr",
        "correlation",
        "pearson",
        "pearsonr",
        "spearman",
        "spearmanr",
        "kendalltau",
        "mcc",
        "kappa",
    ];
    let name = name.to_lowercase();
    name.ends_with("r_squared") || name.split(|c: char| !c.is_alphanumeric()).any(|word| COEFFICIENTS.contains(&word))
}

/// A metric's value in words: a percentage where it is a fraction.
pub(crate) fn metric_value(value: f64, fraction: bool) -> String {
    if fraction && value.is_finite() { format!("{:.2} %", value * 100.0) } else { significant(value, 4) }
}

/// An error or difference of a metric in words: percentage points where the metric is a fraction.
pub(crate) fn metric_error(value: f64, fraction: bool) -> String {
    if fraction && value.is_finite() { format!("{:.2} pp", value * 100.0) } else { significant(value, 3) }
}

/// A configuration in words: its schedule and peak, or else its name.
pub(crate) fn configuration_label(run: &Run) -> String {
    let attributes = &run.attributes;
    match (&attributes.schedule, attributes.peak_lr) {
        (Some(schedule), Some(peak)) => {
            let others = attributes.other.iter().map(|(name, value)| format!(", {name} {value}"));
            format!("{schedule} {}{}", learning_rate(peak), others.collect::<String>())
        }
        _ => run.label(),
    }
}

/// A schedule in a few words.
pub(crate) fn schedule_label(schedule: &Schedule) -> String {
    match schedule {
        Schedule::Parametric { family, peak_lr, warmup } if *warmup > 0.0 => {
            format!("{family} {}, warm-up {:.0} %", learning_rate(*peak_lr), warmup * 100.0)
        }
        Schedule::Parametric { family, peak_lr, .. } => format!("{family} {}", learning_rate(*peak_lr)),
        Schedule::PiecewiseLinear { knots } => format!("a schedule of {} knots", knots.len()),
    }
}

/// A schedule told from its start to its end: the rate at each corner and at which part of the run it is reached.
pub(crate) fn schedule_in_words(schedule: &Schedule) -> String {
    const MOST_CORNERS: usize = 8;
    match schedule {
        Schedule::PiecewiseLinear { knots } if knots.len() <= MOST_CORNERS => {
            let corner =
                |knot: &Knot| format!("{} at {:.0} %", learning_rate(knot.learning_rate), knot.progress * 100.0);
            knots.iter().map(corner).collect::<Vec<_>>().join(", ")
        }
        other => schedule_label(other),
    }
}

/// How lodecast with a kind of model is called in tables.
pub(crate) fn lodecast_name(kind: ModelKind) -> String {
    match kind {
        ModelKind::Paper => "lodecast (paper's model)".to_owned(),
        other => format!("lodecast ({other})"),
    }
}

/// Arithmetic mean; NaN of nothing.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Standard error of the mean. `None` of fewer than two values.
pub(crate) fn standard_error(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let mean = mean(values);
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64;
    Some((variance / values.len() as f64).sqrt())
}

/// An axis for a metric: from a low quantile of what was measured up to the best, so that the end of training is seen.
pub(crate) fn metric_axis(metric: &Metric, label: String, values: impl Iterator<Item = f64>) -> Axis {
    let mut sorted: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let quantile = |q: f64| sorted[((sorted.len() - 1) as f64 * q).round() as usize];
    let axis = Axis { percent: is_fraction(metric, sorted.iter().copied()), ..Axis::linear(label) };
    if sorted.len() < 2 {
        return axis;
    }
    let (low, high) = match metric.direction {
        Direction::Max => (quantile(0.08), quantile(1.0)),
        Direction::Min => (quantile(0.0), quantile(0.92)),
    };
    let air = 0.03 * (high - low).max(1e-9);
    axis.between(low - air, high + air)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_read_as_words() {
        let accuracy = Metric::new("val_accuracy", Direction::Max);
        assert_eq!(metric_name(&accuracy), "validation accuracy");
        assert_eq!(bare_metric_name(&accuracy), "accuracy");
        assert!(is_fraction(&accuracy, [0.1, 1.0, f64::NAN]));
        assert!(!is_fraction(&Metric::new("bleu", Direction::Max), [31.0]));
        assert!(!is_fraction(&Metric::new("val_r2", Direction::Max), [0.9]), "R2 is no share of anything");
        assert!(!is_fraction(&Metric::new("val_loss", Direction::Min), [0.3]));
        assert_eq!(metric_value(0.9425, true), "94.25 %");
    }
}
