//! Odd values: so few of a column that they decide nothing about it, and what is done about those that a metric cannot have.

use std::borrow::Cow;

use crate::data::{Direction, Metric, Sweep};

/// So many odd values decide nothing about a column, nor does this fraction of many.
const ODD: usize = 2;
const ODD_FRACTION: f64 = 0.01;
/// What is beyond a bound by no more than this part is there by rounding: a step of a 32-bit number is a tenth of it.
const ROUNDING: f64 = 1e-6;
/// What is better than the ideal by no more than this part of the usual gap counts as the ideal; beyond, it was not measured.
const BEYOND: f64 = 0.01;
/// Greatest value of runs in fractions that is none of runs in per cent which learned nothing.
pub(crate) const LEAST_FRACTION: f64 = 0.15;
/// A metric of which no bound is known has no values that are better than nearly all by so many times the spread of these.
const FAR: f64 = 1e4;
/// Nearly all, and the worse end of the spread, as quantiles from the best value on.
const GOOD: f64 = 0.05;
const POOR: f64 = 0.75;

/// Are there no more values of this sort than may be odd ones?
pub(crate) fn are_odd(values: &[f64], sort: impl Fn(f64) -> bool) -> bool {
    let found = values.iter().filter(|&&value| sort(value)).count();
    let most = (ODD_FRACTION * values.len() as f64).max(ODD.min(values.len() / 4) as f64);
    found as f64 <= most
}

/// Mean and standard deviation, finite for any finite values.
pub(crate) fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let of = |unit: f64| {
        let mean = values.iter().map(|value| value / unit).sum::<f64>() / count;
        let variance = values.iter().map(|value| (value / unit - mean).powi(2)).sum::<f64>() / count;
        (mean * unit, variance.sqrt() * unit)
    };
    let (mean, deviation) = of(1.0);
    if values.is_empty() || mean.is_finite() && deviation.is_finite() {
        return (mean, deviation);
    }
    // Squares of what is beyond 1e154 overflow.
    let (mean, deviation) = of(values.iter().fold(0.0, |most, value| most.max(value.abs())));
    (mean, deviation.min(f64::MAX))
}

/// The value of a quantile; there is one at least.
pub(crate) fn quantile(values: &mut [f64], part: f64) -> f64 {
    let index = (part * (values.len() - 1) as f64).round() as usize;
    *values.select_nth_unstable_by(index, f64::total_cmp).1
}

/// What a metric can be, as far as all but a few odd values say; infinite where nothing bounds it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Possible {
    lowest: f64,
    highest: f64,
    /// By how much a value may be beyond and count as the bound itself.
    slack: (f64, f64),
}

/// What becomes of a value.
enum Fate {
    Kept,
    Bound(f64),
    Impossible,
}

impl Possible {
    fn of(metric: &Metric, ideal: Option<f64>, values: &[f64]) -> Self {
        let far = far_limit(metric.direction, values);
        let best = match ideal {
            Some(ideal) => {
                Some(ideal).filter(|&ideal| are_odd(values, |value| is_past(metric.direction, value, ideal)))
            }
            None => natural_bound(metric, far, values),
        };
        let (best, slack) = match best {
            Some(best) => (best, slack(best, values)),
            None => (far, 0.0),
        };
        let is_share = metric.is_share() && are_odd(values, |value| value < 0.0);
        match metric.direction {
            Direction::Max if is_share => Self { lowest: 0.0, highest: best, slack: (self::slack(0.0, values), slack) },
            Direction::Max => Self { lowest: f64::NEG_INFINITY, highest: best, slack: (0.0, slack) },
            Direction::Min => Self { lowest: best, highest: f64::INFINITY, slack: (slack, 0.0) },
        }
    }

    fn fate(&self, value: f64) -> Fate {
        if !value.is_finite() || (self.lowest..=self.highest).contains(&value) {
            Fate::Kept
        } else if value > self.highest && value - self.highest <= self.slack.1 {
            Fate::Bound(self.highest)
        } else if value < self.lowest && self.lowest - value <= self.slack.0 {
            Fate::Bound(self.lowest)
        } else {
            Fate::Impossible
        }
    }
}

/// Is a value better than a bound by more than rounding?
fn is_past(direction: Direction, value: f64, bound: f64) -> bool {
    (value - bound) * direction.sign() > ROUNDING * bound.abs()
}

/// The median distance of values to a bound.
fn usual_gap(bound: f64, values: &[f64]) -> f64 {
    quantile(&mut values.iter().map(|value| (value - bound).abs()).collect::<Vec<f64>>(), 0.5)
}

/// By how much values beyond `bound` may count as it.
fn slack(bound: f64, values: &[f64]) -> f64 {
    (BEYOND * usual_gap(bound, values)).max(ROUNDING * bound.abs())
}

/// The value beyond which a metric is better than nearly all by more than can be, or infinity.
fn far_limit(direction: Direction, values: &[f64]) -> f64 {
    let sign = direction.sign();
    let mut gaps: Vec<f64> = values.iter().map(|value| -sign * value).collect();
    let (good, poor) = (quantile(&mut gaps, GOOD), quantile(&mut gaps, POOR));
    let limit = sign * (FAR * (poor - good) - good);
    // Where most values are the same, nothing is known of how far the others may lie.
    let is_known = poor > good && are_odd(values, |value| direction.is_better(value, limit));
    if is_known { limit } else { sign * f64::INFINITY }
}

/// The bound that no value but odd ones passes: 0 of a loss or error rate, 1 or 100 of an accuracy. Of a metric that its name
/// does not say to be a share, that is told only where nothing but rounding or the absurd speaks against it.
fn natural_bound(metric: &Metric, far: f64, values: &[f64]) -> Option<f64> {
    let direction = metric.direction;
    let is_past = |value: f64, bound: f64| is_past(direction, value, bound);
    let is_absurd = |value: f64| direction.is_better(value, far);
    let holds = |bound: f64| values.iter().all(|&value| !is_past(value, bound) || is_absurd(value));
    match direction {
        Direction::Min => {
            let rounding = ROUNDING * usual_gap(0.0, values);
            values.iter().all(|&value| value >= -rounding || is_absurd(value)).then_some(0.0)
        }
        Direction::Max if !metric.is_share() => Some(1.0).filter(|&bound| holds(bound)),
        Direction::Max => {
            let fractions = values.iter().copied().filter(|&value| !is_past(value, 1.0));
            let are_fractions = fractions.fold(0.0, f64::max) >= LEAST_FRACTION || holds(1.0);
            if are_fractions && are_odd(values, |value| is_past(value, 1.0)) {
                return Some(1.0);
            }
            Some(100.0).filter(|&bound| are_odd(values, |value| is_past(value, bound)))
        }
    }
}

/// Is every value within what its direction alone allows, so that nothing is odd?
fn are_sound(metric: &Metric, ideal: Option<f64>, values: &[f64]) -> bool {
    values.iter().all(|&value| match (metric.direction, ideal) {
        (Direction::Min, ideal) => value >= ideal.unwrap_or(0.0),
        (Direction::Max, ideal) => value <= ideal.unwrap_or(1.0) && value >= 0.0,
    })
}

/// A metric's values without those few that are better than it can be.
pub(crate) fn possible_values(metric: &Metric, mut values: Vec<f64>) -> Vec<f64> {
    if !values.is_empty() && !are_sound(metric, None, &values) {
        let Possible { lowest, highest, .. } = Possible::of(metric, None, &values);
        values.retain(|&value| match metric.direction {
            Direction::Max => value <= highest,
            Direction::Min => value >= lowest,
        });
    }
    values
}

/// The sweep without values of its metric number `metric` that so few have that they are odd, and that cannot be: such a value
/// counts as not measured, and one that is barely better than the ideal as the ideal. With notes that say which they were.
pub(crate) fn set_aside(sweep: &Sweep, metric: usize, ideal: Option<f64>) -> (Cow<'_, Sweep>, Vec<String>) {
    let unchanged = (Cow::Borrowed(sweep), Vec::new());
    let Some(target) = sweep.metrics.get(metric) else { return unchanged };
    let all = || sweep.runs.iter().flat_map(|run| run.validation(metric).iter().copied().flatten());
    let values: Vec<f64> = all().filter(|value| value.is_finite()).collect();
    if values.is_empty() || are_sound(target, ideal, &values) {
        return unchanged;
    }
    let possible = Possible::of(target, ideal, &values);
    if values.iter().all(|&value| matches!(possible.fate(value), Fate::Kept)) {
        return unchanged;
    }
    let (mut bound, mut impossible) = (Told::default(), Told::default());
    let mut found = sweep.clone();
    for run in &mut found.runs {
        let measured = || run.validation(metric).iter().copied().flatten().filter(|value| value.is_finite());
        let may_be_per_cent = |value: &f64| possible.highest == 1.0 && (1.5..=100.0).contains(value);
        // A run whose values are all in another unit is none with an odd value.
        if 2 * measured().filter(may_be_per_cent).count() >= measured().count() {
            continue;
        }
        let id = run.id.clone();
        run.change_points(metric, |mut point| {
            let Some(value) = point.validation else { return point };
            match possible.fate(value) {
                Fate::Kept => {}
                Fate::Bound(nearest) => {
                    bound.tell(&id, point.step, value);
                    point.validation = Some(nearest);
                }
                Fate::Impossible => {
                    impossible.tell(&id, point.step, value);
                    point.validation = None;
                }
            }
            point
        });
    }
    let notes = [
        bound.note(&target.name, "barely beyond what it can be: it counts as that"),
        impossible.note(&target.name, "which it cannot be: it counts as not measured"),
    ];
    (Cow::Owned(found), notes.into_iter().flatten().collect())
}

/// Values of which the first is named.
#[derive(Default)]
struct Told {
    first: Option<(String, u64, f64)>,
    count: usize,
}

impl Told {
    fn tell(&mut self, run: &str, step: u64, value: f64) {
        self.first.get_or_insert_with(|| (run.to_owned(), step, value));
        self.count += 1;
    }

    fn note(&self, metric: &str, what: &str) -> Option<String> {
        let (run, step, value) = self.first.as_ref()?;
        let value = if value.abs() < 1e6 { value.to_string() } else { format!("{value:e}") };
        let all = if self.count > 1 { format!(" ({} such values in all)", self.count) } else { String::new() };
        Some(format!("'{metric}' of run '{run}' is {value} at step {step}, {what}{all}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Point, Run};

    /// Twelve runs of fifty values between `from` and `to`, with this one in place of that of run 4 at step 11.
    fn sweep(metric: &str, (from, to): (f64, f64), odd: Option<f64>) -> Sweep {
        let mut sweep = Sweep::new(vec![metric.parse().expect("a metric")]);
        for number in 0..12_u64 {
            let value = |step: u64| from + (to - from) * (step * (number + 4)) as f64 / 750.0;
            let points = (1..=50).map(|step| {
                let value = odd.filter(|_| (number, step) == (4, 11)).unwrap_or_else(|| value(step));
                Point::new(step).learning_rate(0.1).validation(value)
            });
            sweep.runs.push(Run::from_points(format!("r{number}"), points).expect("increasing"));
        }
        sweep
    }

    /// What becomes of the odd value, and what is said.
    fn fate(metric: &str, range: (f64, f64), odd: f64) -> (Option<f64>, Vec<String>) {
        let sweep = sweep(metric, range, Some(odd));
        let (found, notes) = set_aside(&sweep, 0, None);
        let elsewhere = found.runs.iter().zip(&sweep.runs).filter(|(found, run)| found != run).count();
        assert!(elsewhere <= 1, "{metric} {odd}: {elsewhere} runs changed");
        (found.runs[4].validation(0)[10], notes)
    }

    #[test]
    fn what_a_metric_cannot_be_was_not_measured() {
        for (metric, range, odd) in [
            ("val_acc:max", (0.2, 0.9), 1e9),
            ("val_acc:max", (0.2, 0.9), 50.0),
            ("val_acc:max", (0.2, 0.9), -5.0),
            ("val_acc:max", (20.0, 90.0), 4e21),
            ("reward:max", (-500.0, -10.0), 1e9),
            ("reward:max", (0.1, 0.9), f64::MAX),
            ("val_loss:min", (3.0, 0.2), -1e9),
        ] {
            let (value, notes) = fate(metric, range, odd);
            assert_eq!(value, None, "{metric} {odd}");
            let told = |word: &str| notes.iter().any(|note| note.contains(word));
            assert!(notes.len() == 1 && told("'r4'") && told("step 11") && told("not measured"), "{notes:?}");
        }
    }

    #[test]
    fn what_rounding_puts_beyond_the_ideal_is_the_ideal() {
        for (metric, range, odd, ideal) in [
            ("val_acc:max", (0.2, 0.9), 1.000_000_1, 1.0),
            ("val_acc:max", (20.0, 90.0), 100.000_01, 100.0),
            ("r2:max", (-0.5, 0.9), 1.000_000_1, 1.0),
            ("val_loss:min", (3.0, 0.2), -1e-9, 0.0),
        ] {
            let (value, notes) = fate(metric, range, odd);
            assert_eq!(value, Some(ideal), "{metric} {odd}");
            assert!(notes.len() == 1 && notes[0].contains("counts as that"), "{notes:?}");
        }
    }

    #[test]
    fn what_may_be_true_is_kept() {
        for (metric, range, odd) in [
            ("val_acc:max", (0.2, 0.9), 1.0),
            ("val_acc:max", (20.0, 90.0), 0.5),
            ("reward:max", (0.1, 0.9), 1.3),
            ("reward:max", (-500.0, -10.0), 40.0),
            ("val_loss:min", (3.0, 0.2), 4e21),
            ("log_likelihood:min", (3.0, 0.2), -0.4),
        ] {
            assert_eq!(fate(metric, range, odd), (Some(odd), Vec::new()), "{metric}");
        }
    }

    #[test]
    fn many_values_are_no_odd_ones() {
        let mut sweep = sweep("val_acc:max", (0.2, 0.9), None);
        sweep.runs[3].change_points(0, |point| point.validation(1.2));
        assert_eq!(set_aside(&sweep, 0, None).0.as_ref(), &sweep);
        // Nor are those of the one run that is in per cent.
        for run in &mut sweep.runs {
            let last = *run.steps().last().expect("points");
            run.change_points(0, |point| if point.step == last { point } else { Point { validation: None, ..point } });
        }
        sweep.runs[3].change_points(0, |point| if point.step == 50 { point.validation(97.0) } else { point });
        assert_eq!(set_aside(&sweep, 0, None).0.as_ref(), &sweep);
    }

    #[test]
    fn moments_do_not_overflow() {
        let (mean, deviation) = mean_and_deviation(&[1.0, 2.0, 3.0, 6.0]);
        assert!((mean - 3.0).abs() < 1e-12 && (deviation - 3.5_f64.sqrt()).abs() < 1e-12);
        let (mean, deviation) = mean_and_deviation(&[1e300, 3e300]);
        assert!((mean / 2e300 - 1.0).abs() < 1e-12 && (deviation / 1e300 - 1.0).abs() < 1e-12);
        assert!(mean_and_deviation(&[f64::MAX, f64::MIN]).1.is_finite());
    }
}
