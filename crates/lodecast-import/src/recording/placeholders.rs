//! Numbers that stand where nothing was measured: -1, 0, 9999, an infinity.

use std::collections::BTreeSet;

use crate::names::{is_epoch, is_never_negative, is_of_either_sign, rate_rank};
use crate::recording::Series;

/// Values of a series that are looked through at most for how many there are.
const DISTINCT: usize = 3;
/// A placeholder from above is so many times larger than whatever was measured.
const FAR_ABOVE: f64 = 100.0;

/// What is to be made of a number that may stand for nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Placeholder {
    /// It does.
    Certain { value: f64, count: usize },
    /// It may: zeros among what was measured, without a rhythm, or a negative number of something that may be negative.
    Perhaps { value: f64, count: usize },
}

/// The number that stands in the series `name` where nothing was measured, if there is one.
///
/// A negative number is one if it is the only negative one of a metric that cannot be negative, and of another perhaps; so is a
/// number far above all others that comes back again and again, and nought where something was measured at every second sample,
/// every fifth and so on.
pub(crate) fn placeholder(name: &str, series: &Series) -> Option<Placeholder> {
    if is_epoch(name) || is_of_either_sign(name) || series.is_empty() {
        return None;
    }
    negative(name, series).or_else(|| far_above(series)).or_else(|| nought(name, series))
}

fn negative(name: &str, series: &Series) -> Option<Placeholder> {
    let value = series.values().find(|value| *value < 0.0)?;
    let is_alike = series.values().all(|other| other == value || other >= 0.0 || other.is_nan());
    let is_whole = value.is_finite() && value.fract() == 0.0;
    let Pattern { count, returns, .. } = Pattern::of(series, value);
    let others = measured_besides(series, value);
    let is_woven_in = returns >= 2 && others > 1;
    match is_alike && is_whole {
        true if is_never_negative(name) || (is_woven_in && rate_rank(name).is_some()) => {
            Some(Placeholder::Certain { value, count })
        }
        true if is_woven_in => Some(Placeholder::Perhaps { value, count }),
        _ => None,
    }
}

fn far_above(series: &Series) -> Option<Placeholder> {
    let value = series.values().filter(|value| !value.is_nan()).fold(f64::MIN, f64::max);
    let next = series.values().filter(|other| *other < value).map(f64::abs).fold(0.0, f64::max);
    let is_far = value >= FAR_ABOVE * next && next > 0.0 && (value.is_infinite() || value.fract() == 0.0);
    let Pattern { count, returns, .. } = Pattern::of(series, value);
    let is_woven_in = 4 * count >= series.len() && returns >= 3 && measured_besides(series, value) > 1;
    (is_far && value > 1.0 && is_woven_in).then_some(Placeholder::Certain { value, count })
}

fn nought(name: &str, series: &Series) -> Option<Placeholder> {
    let Pattern { count, returns, rhythm } = Pattern::of(series, 0.0);
    // A rate may be the same whenever it was recorded.
    let others = measured_besides(series, 0.0);
    let is_woven_in = 4 * count >= series.len() && returns >= 2 && (others > 1 || rate_rank(name).is_some());
    if !is_woven_in {
        return None;
    }
    match rhythm {
        Some(_) => Some(Placeholder::Certain { value: 0.0, count }),
        None => (2 * count > series.len() && returns >= 3).then_some(Placeholder::Perhaps { value: 0.0, count }),
    }
}

/// Where a value stands among others.
struct Pattern {
    /// How often it is there.
    count: usize,
    /// How often another came after it.
    returns: usize,
    /// Every how many samples there is another, if always after as many.
    rhythm: Option<usize>,
}

impl Pattern {
    fn of(series: &Series, value: f64) -> Self {
        let (mut count, mut returns, mut is_there) = (0, 0, false);
        let mut last: Option<usize> = None;
        let mut distances: Vec<usize> = Vec::new();
        for (index, other) in series.values().enumerate() {
            let is_same = other == value;
            count += usize::from(is_same);
            returns += usize::from(is_there && !is_same);
            is_there = is_same;
            if !is_same {
                let distance = last.replace(index).map(|last| index - last);
                if let Some(distance) = distance.filter(|distance| distances.last() != Some(distance)) {
                    distances.push(distance);
                }
            }
        }
        let after = last.map_or(0, |last| series.len() - 1 - last);
        let rhythm = match distances.as_slice() {
            [every] if *every > 1 && after < *every => Some(*every),
            _ => None,
        };
        Self { count, returns, rhythm }
    }
}

/// How many different numbers there are besides `value`, of many the first few.
fn measured_besides(series: &Series, value: f64) -> usize {
    let mut others = BTreeSet::new();
    for other in series.values().filter(|other| other.is_finite() && *other != value) {
        others.insert(other.to_bits());
        if others.len() == DISTINCT {
            break;
        }
    }
    others.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, values: &[f64]) -> Option<Placeholder> {
        placeholder(name, &(0..).zip(values).map(|(step, &value)| (step, value, step)).collect())
    }

    #[test]
    fn a_negative_accuracy_was_not_measured_and_a_negative_reward_was() {
        let rare = [-1.0, 0.1, -1.0, -1.0, 0.2, -1.0, 0.3];
        assert_eq!(found("val_acc", &rare), Some(Placeholder::Certain { value: -1.0, count: 4 }));
        assert_eq!(found("val_loss", &rare), Some(Placeholder::Certain { value: -1.0, count: 4 }));
        assert_eq!(found("val_acc", &[-1.0, 0.1, 0.2]), Some(Placeholder::Certain { value: -1.0, count: 1 }));
        assert_eq!(found("val_acc", &[-999.0; 3]), Some(Placeholder::Certain { value: -999.0, count: 3 }));
        assert_eq!(found("eval/reward", &rare), None);
        assert_eq!(found("val_r2", &rare), None);
        assert_eq!(found("lr", &rare), Some(Placeholder::Certain { value: -1.0, count: 4 }));
        assert_eq!(found("score", &rare), Some(Placeholder::Perhaps { value: -1.0, count: 4 }));
        assert_eq!(found("epoch", &rare), None);
        assert_eq!(found("val_loss", &[-1.0, -2.0, -3.5]), None, "a loss below nought");
    }

    #[test]
    fn noughts_are_no_gaps_unless_what_was_measured_has_a_rhythm() {
        let every_third = [0.0, 0.0, 0.1, 0.0, 0.0, 0.2, 0.0, 0.0, 0.3, 0.0];
        assert_eq!(found("val_acc", &every_third), Some(Placeholder::Certain { value: 0.0, count: 7 }));
        let late = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 0.5, 0.9];
        assert_eq!(found("val_acc", &late), None, "it learned late");
        assert_eq!(found("train_loss", &[2.0, 1.0, 0.5, 0.0, 0.0, 0.0, 0.0]), None, "it died");
        let sometimes = [0.0, 0.1, 0.0, 0.0, 0.2, 0.0, 0.0, 0.0, 0.3, 0.0];
        assert_eq!(found("success", &sometimes), Some(Placeholder::Perhaps { value: 0.0, count: 7 }));
        let warm_restarts = [0.1, 0.05, 0.0, 0.1, 0.05, 0.0, 0.1, 0.05, 0.0];
        assert_eq!(found("lr", &warm_restarts), None);
        let every_second = [0.1, 0.0, 0.1, 0.0, 0.1, 0.0];
        assert_eq!(found("lr", &every_second), Some(Placeholder::Certain { value: 0.0, count: 3 }));
        assert_eq!(found("val_acc", &every_second), None, "it may have been so");
    }

    #[test]
    fn numbers_far_above_stand_for_nothing_where_they_come_back() {
        let rare = [0.1, 9999.0, 0.2, 9999.0, 9999.0, 0.3, 9999.0, 0.4];
        assert_eq!(found("val_loss", &rare), Some(Placeholder::Certain { value: 9999.0, count: 4 }));
        let infinite = rare.map(|value| if value > 1.0 { f64::INFINITY } else { value });
        assert_eq!(found("val_loss", &infinite), Some(Placeholder::Certain { value: f64::INFINITY, count: 4 }));
        assert_eq!(found("val_loss", &[0.3, 0.2, 5000.0, 5000.0, 5000.0]), None, "it diverged");
    }
}
