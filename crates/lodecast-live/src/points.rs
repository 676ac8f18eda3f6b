//! The points of a run as a planner gets them: finite, with a rate each, and in bounded number.

use lodecast::{Knot, Point};

/// Most points handed over.
const MOST: usize = 4096;
/// The last points, which are never averaged: a planner's window of so many points stays what it was.
const RECENT: usize = 256;

/// Is something that was measured not finite?
pub(crate) fn is_unsound(point: &Point) -> bool {
    [point.train_loss, point.validation].iter().flatten().any(|value| !value.is_finite())
}

/// The points with finite values only, the rate of `knots` where none was logged; the early ones of a long run averaged.
pub(crate) fn for_planning(points: &[Point], knots: &[Knot], total_steps: u64) -> Vec<Point> {
    let rate = |step: u64| Knot::learning_rate_at(knots, step as f64 / total_steps.max(1) as f64);
    let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
    let sound = |point: &Point| Point {
        step: point.step,
        train_loss: finite(point.train_loss),
        learning_rate: finite(point.learning_rate).filter(|&rate| rate >= 0.0).or_else(|| Some(rate(point.step))),
        validation: finite(point.validation),
    };
    let within = points.iter().filter(|point| point.step < total_steps).map(sound);
    let mut all: Vec<Point> = within.collect();
    if all.len() <= MOST {
        return all;
    }
    let recent = all.split_off(all.len() - RECENT);
    let width = all.len().div_ceil(MOST - RECENT);
    let mut kept: Vec<Point> = all.chunks(width).map(merged).collect();
    kept.extend(recent);
    kept
}

/// Several points as one: the mean loss; step, rate and metric are the latest.
fn merged(points: &[Point]) -> Point {
    let latest = |of: fn(&Point) -> Option<f64>| points.iter().rev().find_map(of);
    let losses: Vec<f64> = points.iter().filter_map(|point| point.train_loss).collect();
    Point {
        step: points.last().map_or(0, |point| point.step),
        train_loss: (!losses.is_empty()).then(|| losses.iter().sum::<f64>() / losses.len() as f64),
        learning_rate: latest(|point| point.learning_rate),
        validation: latest(|point| point.validation),
    }
}

/// The usual distance between two points, in steps; of a single one that from the start.
pub(crate) fn stride(points: &[Point]) -> u64 {
    let last = &points[points.len().saturating_sub(RECENT)..];
    let mut distances: Vec<u64> = last.windows(2).map(|pair| pair[1].step - pair[0].step).collect();
    distances.sort_unstable();
    let from_start = || points.first().map_or(1, |first| first.step);
    distances.get(distances.len() / 2).copied().unwrap_or_else(from_start).max(1)
}

/// Would the next point lie beyond the planned end? That of a run which logs every tenth step is so far, too.
pub(crate) fn is_at_end(points: &[Point], total_steps: u64) -> bool {
    let Some(last) = points.last() else { return false };
    let next = if points.len() > 2 { stride(points) } else { 1 };
    last.step.saturating_add(next) >= total_steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_keeps_its_shape_in_bounded_number() {
        let points: Vec<Point> = (0..100_000).map(|step| Point::new(step).train_loss(step as f64)).collect();
        let knots = [Knot { progress: 0.0, learning_rate: 0.1 }];
        let kept = for_planning(&points, &knots, 1_000_000);
        assert!(kept.len() <= MOST && kept.len() > MOST / 2, "{}", kept.len());
        assert_eq!(kept.last().map(|point| point.step), Some(99_999));
        assert!(kept.windows(2).all(|pair| pair[0].step < pair[1].step));
        for point in &kept {
            assert!((point.train_loss.expect("measured") - point.step as f64).abs() < 50.0);
            assert_eq!(point.learning_rate, Some(0.1));
        }
    }

    #[test]
    fn what_is_not_finite_is_not_handed_over() {
        let knots = [Knot { progress: 0.0, learning_rate: 0.1 }];
        let point = Point::new(3).train_loss(f64::NAN).learning_rate(f64::INFINITY).validation(0.5);
        let kept = for_planning(&[point], &knots, 10);
        assert_eq!(kept, [Point::new(3).learning_rate(0.1).validation(0.5)]);
    }
}
