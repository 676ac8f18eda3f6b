//! The points of a live run: all of a short one, and of a long one what a planner needs in bounded memory.

use crate::data::Point;

/// Most points kept.
const MOST: usize = 4096;
/// The last points, which are never averaged: a planner's window of so many points stays what it was.
const RECENT: usize = 256;

/// Points in the order of steps, with finite values only.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Record {
    points: Vec<Point>,
    /// Points observed, those averaged since included.
    observed: u64,
}

fn finite(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite())
}

impl Record {
    pub(super) fn restore(points: Vec<Point>, observed: u64) -> Self {
        Self { points, observed }
    }

    pub(super) fn points(&self) -> &[Point] {
        &self.points
    }

    pub(super) fn observed(&self) -> u64 {
        self.observed
    }

    /// Takes in a point at the last step or beyond. At the last step, what was measured now adds to what was, or replaces it.
    pub(super) fn observe(&mut self, point: Point) {
        let point = Point {
            step: point.step,
            train_loss: finite(point.train_loss),
            learning_rate: finite(point.learning_rate),
            validation: finite(point.validation),
        };
        match self.points.last_mut() {
            Some(last) if last.step == point.step => {
                last.train_loss = point.train_loss.or(last.train_loss);
                last.learning_rate = point.learning_rate.or(last.learning_rate);
                last.validation = point.validation.or(last.validation);
            }
            _ => {
                self.points.push(point);
                self.observed += 1;
                if self.points.len() > MOST {
                    self.thin();
                }
            }
        }
    }

    /// Replaces neighbours by their average, all but the most recent.
    fn thin(&mut self) {
        let recent = self.points.split_off(self.points.len() - RECENT);
        let merged: Vec<Point> = self
            .points
            .chunks(2)
            .map(|pair| match *pair {
                [a, b] => merge(a, b),
                _ => pair[0],
            })
            .collect();
        self.points = merged;
        self.points.extend(recent);
    }
}

/// Two points as one: the mean loss; rate, metric and step are the later ones.
fn merge(a: Point, b: Point) -> Point {
    Point {
        step: b.step,
        train_loss: match (a.train_loss, b.train_loss) {
            (Some(a), Some(b)) => Some(0.5 * a + 0.5 * b),
            (a, b) => a.or(b),
        },
        learning_rate: b.learning_rate.or(a.learning_rate),
        validation: b.validation.or(a.validation),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_keeps_its_shape_in_bounded_memory() {
        let mut record = Record::default();
        for step in 0..1_000_000u64 {
            let point = Point::new(step).train_loss(step as f64).learning_rate(0.1);
            record.observe(if step % 10 == 0 { point.validation(step as f64) } else { point });
        }
        let points = record.points();
        assert!(points.len() <= MOST && points.len() > MOST / 4, "{}", points.len());
        assert_eq!(record.observed(), 1_000_000);
        assert!(points.windows(2).all(|pair| pair[0].step < pair[1].step));
        assert!(points[points.len() - RECENT..].windows(2).all(|pair| pair[1].step == pair[0].step + 1));
        let mut before = -1.0;
        for point in points {
            // A merged loss is the mean over the steps since the point before.
            let mean = 0.5 * (before + 1.0 + point.step as f64);
            let width = point.step as f64 - before;
            assert!((point.train_loss.expect("measured") - mean).abs() <= 0.5 * width, "{point:?} {mean}");
            before = point.step as f64;
        }
    }

    #[test]
    fn the_same_step_again_adds_what_was_missing_and_corrects() {
        let mut record = Record::default();
        record.observe(Point::new(5).train_loss(1.0));
        record.observe(Point::new(5).validation(0.5));
        record.observe(Point::new(5).train_loss(f64::NAN));
        record.observe(Point::new(5).train_loss(2.0));
        assert_eq!(record.points(), [Point::new(5).train_loss(2.0).validation(0.5)]);
        assert_eq!(record.observed(), 1);
    }
}
