//! Schedules as knots within the safe range: any schedule sampled, and one that goes over into another.

use lodecast::{Family, Knot, RateRange, Schedule};

/// Parts of the run between which a smooth schedule is drawn as straight lines.
const DRAWN: usize = 200;
/// Knots of a piecewise schedule at most; one of more is drawn like a smooth one.
const MOST: usize = 600;
/// How far before a jump the rate on its near side is read, as a fraction of the run.
const BEFORE_A_JUMP: f64 = 1e-7;
/// What changes by more than this fraction there is a jump.
const JUMP: f64 = 1e-3;

/// Of schedules that are shown as they are.
pub(crate) const ANY: RateRange = RateRange { lowest: 0.0, highest: f64::MAX };

/// The schedule as knots, every rate within `limits`.
pub(crate) fn of(schedule: &Schedule, limits: RateRange) -> Vec<Knot> {
    let knot = |progress: f64, rate: f64| Knot { progress, learning_rate: limits.clamp(rate) };
    let drawn = |marks: &[f64]| {
        let even = (0..=DRAWN).map(|k| k as f64 / DRAWN as f64);
        let mut times: Vec<f64> = even.chain(marks.iter().copied()).filter(|time| (0.0..=1.0).contains(time)).collect();
        times.sort_by(f64::total_cmp);
        times.dedup();
        let mut knots = Vec::new();
        for time in times {
            let (before, here) = (schedule.learning_rate(time - BEFORE_A_JUMP), schedule.learning_rate(time));
            if time > 0.0 && marks.contains(&time) && (here - before).abs() > JUMP * here.max(before) {
                knots.push(knot(time, before));
            }
            knots.push(knot(time, here));
        }
        knots
    };
    match schedule {
        Schedule::PiecewiseLinear { knots } if knots.len() <= MOST => {
            knots.iter().map(|at| knot(at.progress, at.learning_rate)).collect()
        }
        Schedule::PiecewiseLinear { .. } => drawn(&[]),
        Schedule::Parametric { family: Family::Constant, warmup, .. } => {
            let mut times = vec![0.0, *warmup, 1.0];
            times.dedup();
            times.into_iter().map(|time| knot(time, schedule.learning_rate(time))).collect()
        }
        Schedule::Parametric { family: Family::Staircase, warmup, .. } => {
            let mut knots = vec![knot(0.0, schedule.learning_rate(0.0))];
            for stair in 0..10 {
                let time = warmup + (1.0 - warmup) * f64::from(stair) / 10.0;
                if time > 0.0 {
                    knots.push(knot(time, schedule.learning_rate(time - BEFORE_A_JUMP)));
                    knots.push(knot(time, schedule.learning_rate(time)));
                }
            }
            knots.push(knot(1.0, schedule.learning_rate(1.0)));
            knots
        }
        // Where the curve of a family has a corner.
        Schedule::Parametric { warmup, .. } => {
            drawn(&[*warmup, warmup + 0.3 * (1.0 - warmup), warmup + 0.8 * (1.0 - warmup)])
        }
    }
}

/// `before` up to `progress`, and `after` from there on.
pub(crate) fn joined(before: &[Knot], progress: f64, after: &[Knot]) -> Vec<Knot> {
    let kept = before.partition_point(|knot| knot.progress < progress);
    let mut knots = before[..kept].to_vec();
    let (left, right) = (at_left(before, progress), Knot::learning_rate_at(after, progress));
    if kept > 0 && progress > 0.0 && left != right {
        knots.push(Knot { progress, learning_rate: left });
    }
    knots.push(Knot { progress, learning_rate: right });
    knots.extend(after.iter().filter(|knot| knot.progress > progress));
    knots
}

/// The rate just before `progress`, where there may be a jump.
fn at_left(knots: &[Knot], progress: f64) -> f64 {
    let after = knots.partition_point(|knot| knot.progress < progress);
    match (after.checked_sub(1).map(|before| knots[before]), knots.get(after)) {
        (Some(left), Some(right)) => {
            let weight = (progress - left.progress) / (right.progress - left.progress);
            left.learning_rate + weight * (right.learning_rate - left.learning_rate)
        }
        (Some(only), None) => only.learning_rate,
        (None, only) => only.map_or(f64::NAN, |only| only.learning_rate),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WIDE: RateRange = RateRange { lowest: 1e-12, highest: 1e12 };

    #[test]
    fn every_family_is_drawn_as_it_is() {
        for family in Family::ALL {
            for warmup in [0.0, 0.07] {
                let schedule = Schedule::Parametric { family, peak_lr: 0.3, warmup };
                let knots = of(&schedule, WIDE);
                Schedule::PiecewiseLinear { knots: knots.clone() }.check().expect("usable");
                for step in 0..=977 {
                    let progress = f64::from(step) / 977.0;
                    let (drawn, true_rate) =
                        (Knot::learning_rate_at(&knots, progress), schedule.learning_rate(progress));
                    assert!((drawn - true_rate).abs() < 2e-4 * 0.3, "{schedule:?} at {progress}: {drawn} {true_rate}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_joined_agrees_with_each_on_its_side(
            peaks in (1e-4..1.0f64, 1e-4..1.0f64), families in (0..6usize, 0..6usize), cut in 1..999u64,
            limits in (1e-5..1e-3f64, 1e-2..1.0f64),
        ) {
            let limits = RateRange { lowest: limits.0, highest: limits.1 };
            let schedule = |family: usize, peak| Schedule::parametric(Family::ALL[family], peak);
            let before = of(&schedule(families.0, peaks.0), limits);
            let after = of(&schedule(families.1, peaks.1), limits);
            let knots = joined(&before, cut as f64 / 1000.0, &after);
            let joined = Schedule::PiecewiseLinear { knots: knots.clone() };
            prop_assert!(joined.check().is_ok());
            for step in 0..=1000u64 {
                let progress = step as f64 / 1000.0;
                let side = if step < cut { &before } else { &after };
                let (rate, expected) =
                    (Knot::learning_rate_at(&knots, progress), Knot::learning_rate_at(side, progress));
                prop_assert!((rate / expected - 1.0).abs() < 1e-9, "step {step}: {rate} {expected}");
                prop_assert!(rate >= limits.lowest * (1.0 - 1e-12) && rate <= limits.highest * (1.0 + 1e-12));
                prop_assert_eq!(rate.to_bits(), joined.learning_rate(progress).to_bits());
            }
        }
    }
}
