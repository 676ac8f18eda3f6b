//! Recorded learning rates as curves over progress: averaged over seeds and simplified to a few knots.

use crate::data::{Run, Schedule, interpolate};

/// Most knots that a recorded curve is simplified to.
const MOST_KNOTS: usize = 64;
/// Largest error in ln lr that simplifying may leave while there are knots to spare.
const TOLERANCE: f64 = 0.005;
/// Times at which recorded curves are averaged.
const GRID: usize = 400;
/// Rates below this fraction of a run's peak are as good as zero, like those at the end of a cosine.
const ZERO: f64 = 1e-6;

/// Largest usable rate a run recorded.
pub(super) fn peak(run: &Run) -> Option<f64> {
    let rates = run.learning_rate().iter().copied().flatten().filter(|rate| rate.is_finite() && *rate > 0.0);
    rates.reduce(f64::max)
}

/// The positive rates a run recorded.
pub(super) fn positive_rates(run: &Run) -> impl Iterator<Item = f64> + '_ {
    let least = ZERO * peak(run).unwrap_or(0.0);
    run.learning_rate().iter().copied().flatten().filter(move |&rate| rate.is_finite() && rate > 0.0 && rate >= least)
}

/// `(progress, rate)` where a run recorded a usable rate.
fn recorded(run: &Run) -> Vec<(f64, f64)> {
    let total_steps = run.total_steps() as f64;
    let usable = |rate: Option<f64>| rate.filter(|rate| rate.is_finite() && *rate >= 0.0);
    run.steps()
        .iter()
        .zip(run.learning_rate())
        .filter_map(|(&step, &rate)| Some(((step as f64 / total_steps).min(1.0), usable(rate)?)))
        .collect()
}

/// Does `schedule` describe what the runs recorded? True where nothing was recorded. Half of the points must agree: at a
/// stair, a point logged one step early is off by the whole stair.
pub(super) fn agrees(schedule: &Schedule, runs: &[&Run]) -> bool {
    let mut errors: Vec<f64> = runs
        .iter()
        .flat_map(|run| recorded(run))
        .filter(|&(_, rate)| rate > 0.0)
        .map(|(progress, rate)| (schedule.learning_rate(progress) / rate).ln().abs())
        .collect();
    errors.sort_by(f64::total_cmp);
    errors.get(errors.len() / 2).is_none_or(|&median| median < 0.1)
}

/// The mean recorded rate of runs that differ by their seed only. A run that stopped early says nothing about the rest.
pub(super) fn mean_recorded(runs: &[&Run], floor: f64) -> Option<Schedule> {
    let curves: Vec<Vec<(f64, f64)>> = runs.iter().map(|run| recorded(run)).filter(|curve| !curve.is_empty()).collect();
    let end = curves.iter().filter_map(|curve| Some(curve.last()?.0)).reduce(f64::max)?;
    let mean = |progress: f64| {
        let known = curves.iter().filter(|curve| curve.last().is_some_and(|last| last.0 >= progress));
        let (sum, count) =
            known.fold((0.0, 0.0), |(sum, count), curve| (sum + interpolate(curve, progress), count + 1.0));
        (progress, sum / count)
    };
    let points: Vec<(f64, f64)> = (0..=GRID).map(|k| mean(end * k as f64 / GRID as f64)).collect();
    Schedule::piecewise_linear(simplify(&points, floor)).ok()
}

/// Keeps as few of the points as describe all of them: adds the worst one until ln lr is right everywhere, or until there
/// are as many as allowed. Rates below `floor` count as `floor`.
fn simplify(points: &[(f64, f64)], floor: f64) -> Vec<(f64, f64)> {
    let ln = |rate: f64| rate.max(floor).ln();
    let mut kept = vec![0, points.len() - 1];
    kept.dedup();
    while kept.len() < MOST_KNOTS {
        let mut worst = (TOLERANCE, None);
        for pair in kept.windows(2) {
            let (left, right) = (points[pair[0]], points[pair[1]]);
            for (index, &(at, rate)) in points.iter().enumerate().take(pair[1]).skip(pair[0] + 1) {
                let error = (ln(interpolate(&[left, right], at)) - ln(rate)).abs();
                if error > worst.0 {
                    worst = (error, Some(index));
                }
            }
        }
        let Some(index) = worst.1 else { break };
        kept.insert(kept.partition_point(|&other| other < index), index);
    }
    kept.into_iter().map(|index| points[index]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Point;

    #[test]
    fn a_curve_is_simplified_to_few_knots_without_losing_its_shape() {
        let schedule = Schedule::one_cycle(0.1);
        let points: Vec<(f64, f64)> =
            (0..=400).map(|k| (f64::from(k) / 400.0, schedule.learning_rate(f64::from(k) / 400.0))).collect();
        let floor = 1e-4;
        let knots = simplify(&points, floor);
        assert!(knots.len() <= MOST_KNOTS);
        let simplified = Schedule::piecewise_linear(knots).expect("usable knots");
        for &(progress, rate) in &points {
            let error = (simplified.learning_rate(progress).max(floor) / rate.max(floor)).ln().abs();
            assert!(error < 0.02, "{error} at {progress}");
        }
    }

    #[test]
    fn a_straight_line_needs_two_knots() {
        let points: Vec<(f64, f64)> = (0..50).map(|k| (f64::from(k) / 49.0, 0.1 + 0.01 * f64::from(k))).collect();
        assert_eq!(simplify(&points, 1e-6).len(), 2);
    }

    #[test]
    fn a_run_that_stopped_early_does_not_flatten_the_rest() {
        let run = |rates: &[f64]| {
            let points = rates.iter().enumerate().map(|(k, &rate)| Point::new(10 * k as u64).learning_rate(rate));
            let mut run = Run::from_points("run", points).expect("steps increase");
            run.attributes.total_steps = Some(40);
            run
        };
        let (whole, stopped) = (run(&[0.4, 0.3, 0.2, 0.1, 0.0]), run(&[0.4, 0.3]));
        let schedule = mean_recorded(&[&whole, &stopped], 1e-3).expect("recorded rates");
        for (progress, rate) in [(0.0, 0.4), (0.25, 0.3), (0.5, 0.2), (0.75, 0.1)] {
            assert!((schedule.learning_rate(progress) - rate).abs() < 2e-3, "{schedule:?}");
        }
    }
}
