//! A run, or the observed part of one, in the model's units and at the model's cadence.

use super::Scaler;
use crate::data::{Direction, Point, Run};
use crate::kernels::ode::Control;

/// One point in the model's units. NaN means "not measured".
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SeriesPoint {
    pub(crate) time: f64,
    pub(crate) train_loss: f64,
    pub(crate) learning_rate: f64,
    pub(crate) validation: f64,
}

impl SeriesPoint {
    /// Writes the encoder's input for this point: time, columns (0 where not measured) and, where there is room, flags for
    /// a measured loss and metric.
    #[inline]
    pub(crate) fn write_inputs(&self, time_scale: f64, flags: bool, mut write: impl FnMut(usize, f64)) {
        let measured = |value: f64| if value.is_nan() { (0.0, 0.0) } else { (value, 1.0) };
        let (loss, loss_flag) = measured(self.train_loss);
        let (validation, validation_flag) = measured(self.validation);
        // Models of the reference read raw time; lodecast's own read it centred, like the other inputs.
        write(0, if flags { 4.0 * self.time / time_scale - 2.0 } else { self.time });
        write(1, loss);
        write(2, self.learning_rate);
        write(3, validation);
        if flags {
            write(4, loss_flag);
            write(5, validation_flag);
        }
    }
}

/// A run in the model's units.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    /// Points in the order of time.
    pub(crate) points: Vec<SeriesPoint>,
    /// The learning rate as a control over the whole run.
    pub(crate) control: Control,
}

/// How far a control may be from the recorded rate, in standardised units of ln lr.
pub(crate) const CONTROL_TOLERANCE: f64 = 0.05;

/// Why a run cannot be learned from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unusable(pub(crate) String);

impl Series {
    /// The last metric that was measured.
    pub(crate) fn last_validation(&self) -> Option<f64> {
        self.points.iter().rev().map(|point| point.validation).find(|value| !value.is_nan())
    }

    /// A recorded run. From the point where it diverged (NaN, infinite) it counts as the worst the sweep has seen, up to
    /// its planned end: a run that exploded is evidence, not a gap.
    pub(crate) fn from_run(run: &Run, metric: usize, scaler: &Scaler, worst: Worst) -> Result<Self, Unusable> {
        let unusable = |reason: &str| Err(Unusable(reason.to_owned()));
        let diverged = run.diverged_at(metric);
        if run.len() < 3 && diverged.is_none() {
            return unusable("it has fewer than three points");
        }
        let rate_of = |point: &Point| point.learning_rate;
        if run.points(metric).any(|point| rate_of(&point).is_some_and(|rate| rate < 0.0)) {
            return unusable("it has a negative learning rate");
        }
        if !run.points(metric).any(|point| rate_of(&point).is_some_and(|rate| rate > 0.0 && rate.is_finite())) {
            return unusable("it has no positive learning rate");
        }
        let total_steps = run.total_steps();
        let sound = diverged.unwrap_or(run.len());
        let points: Vec<Point> = run.points(metric).take(sound).collect();
        let mut series = Self::observed(&points, total_steps, scaler);
        if let Some(diverged) = diverged {
            series.append_worst(run, diverged, scaler, worst);
        }
        if series.points.iter().all(|point| point.train_loss.is_nan() && point.validation.is_nan()) {
            return unusable("neither its loss nor its metric was measured");
        }
        let samples: Vec<(f64, f64)> = series.rates(0.0);
        if samples.len() < 2 || samples[samples.len() - 1].0 <= samples[0].0 {
            return unusable("all of its points lie at the very start");
        }
        series.control = Control::simplified(&samples, CONTROL_TOLERANCE);
        Ok(series)
    }

    /// Points observed so far, averaged to the model's cadence. The control is left empty.
    pub(crate) fn observed(points: &[Point], total_steps: u64, scaler: &Scaler) -> Self {
        let mut series = Self { points: Vec::with_capacity(points.len()), control: Control::default() };
        let mut group = Group::default();
        // Points closer than this belong together. A regular log at the model's cadence is never touched.
        let width = 0.75 / scaler.points_per_run;
        for point in points {
            let progress = point.step as f64 / total_steps.max(1) as f64;
            if group.count > 0 && progress >= group.start + width {
                series.points.extend(group.finish(scaler));
                group = Group::default();
            }
            group.add(progress, point);
        }
        series.points.extend(group.finish(scaler));
        series.fill_rates();
        series
    }

    /// Rates between those known: straight lines; before the first and after the last: theirs.
    fn fill_rates(&mut self) {
        let known: Vec<(f64, f64)> = self
            .points
            .iter()
            .filter(|point| !point.learning_rate.is_nan())
            .map(|point| (point.time, point.learning_rate))
            .collect();
        for point in &mut self.points {
            if point.learning_rate.is_nan() {
                let after = known.partition_point(|&(time, _)| time <= point.time);
                point.learning_rate = match (after.checked_sub(1).and_then(|at| known.get(at)), known.get(after)) {
                    (Some(left), Some(right)) => {
                        left.1 + (right.1 - left.1) * (point.time - left.0) / (right.0 - left.0)
                    }
                    (Some(only), None) | (None, Some(only)) => only.1,
                    (None, None) => 0.0,
                };
            }
        }
    }

    /// Goes on with the worst to the run's planned end, from the point where it diverged, be it the first.
    fn append_worst(&mut self, run: &Run, diverged: usize, scaler: &Scaler, worst: Worst) {
        let recorded = run.steps().iter().zip(run.learning_rate()).skip(diverged);
        let usable = |rate: Option<f64>| rate.filter(|rate| rate.is_finite() && *rate >= 0.0);
        let rates: Vec<(f64, f64)> = recorded
            .filter_map(|(&step, &rate)| {
                let time = scaler.time_scale * step as f64 / run.total_steps() as f64;
                Some((time, scaler.learning_rate.standardise(usable(rate)?)))
            })
            .collect();
        let step = scaler.time_scale / scaler.points_per_run;
        let (mut time, mut learning_rate) = match (self.points.last(), rates.first()) {
            (Some(last), _) => (last.time + step, last.learning_rate),
            (None, Some(&(time, rate))) => (time, rate),
            (None, None) => return,
        };
        while time <= scaler.time_scale + 1e-9 {
            let until = rates.partition_point(|&(at, _)| at <= time + 0.5 * step);
            learning_rate = until.checked_sub(1).map_or(learning_rate, |at| rates[at].1);
            self.points.push(SeriesPoint {
                time,
                train_loss: worst.train_loss,
                learning_rate,
                validation: worst.validation,
            });
            time += step;
        }
    }

    /// `(time, rate)` from `start` on, with the rate at `start` itself.
    pub(crate) fn rates(&self, start: f64) -> Vec<(f64, f64)> {
        let mut samples = Vec::with_capacity(self.points.len() + 1);
        for point in self.points.iter().filter(|point| point.time >= start) {
            if samples.is_empty() && point.time > start {
                samples.push((start, point.learning_rate));
            }
            samples.push((point.time, point.learning_rate));
        }
        samples
    }
}

/// The worst values of a sweep, in the model's units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Worst {
    pub(crate) train_loss: f64,
    pub(crate) validation: f64,
}

impl Worst {
    /// The worst that the scaler's sweep showed, for a metric of this direction.
    pub(crate) fn of(scaler: &Scaler, direction: Direction) -> Self {
        let (low, high) = scaler.validation.range;
        let validation = if direction == Direction::Max { low } else { high };
        Self { train_loss: scaler.train_loss.range.1, validation }
    }
}

/// Points that are averaged into one.
#[derive(Clone, Copy, Debug, Default)]
struct Group {
    count: usize,
    start: f64,
    progress: f64,
    loss: (f64, usize),
    learning_rate: Option<f64>,
    validation: Option<f64>,
}

impl Group {
    /// Losses are averaged (in standardised units later: the mean of natural values first); rate and metric are the last.
    fn add(&mut self, progress: f64, point: &Point) {
        if self.count == 0 {
            self.start = progress;
        }
        self.count += 1;
        self.progress = progress;
        if let Some(loss) = point.train_loss.filter(|loss| loss.is_finite()) {
            self.loss = (self.loss.0 + loss, self.loss.1 + 1);
        }
        let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
        self.learning_rate = finite(point.learning_rate).filter(|&rate| rate >= 0.0).or(self.learning_rate);
        self.validation = finite(point.validation).or(self.validation);
    }

    fn finish(&self, scaler: &Scaler) -> Option<SeriesPoint> {
        let standardised = |column: &super::scaler::Column, value: Option<f64>| {
            value.map_or(f64::NAN, |value| column.standardise(value))
        };
        (self.count > 0).then(|| SeriesPoint {
            time: self.progress * scaler.time_scale,
            train_loss: standardised(&scaler.train_loss, (self.loss.1 > 0).then(|| self.loss.0 / self.loss.1 as f64)),
            learning_rate: standardised(&scaler.learning_rate, self.learning_rate),
            validation: standardised(&scaler.validation, self.validation),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::scaler::Column;

    fn scaler() -> Scaler {
        let identity = Column::identity();
        Scaler {
            time_scale: 10.0,
            points_per_run: 10.0,
            train_loss: identity,
            learning_rate: identity,
            validation: identity,
        }
    }

    const WORST: Worst = Worst { train_loss: 9.0, validation: -9.0 };

    #[test]
    fn dense_logs_are_averaged_and_regular_ones_left_alone() {
        let regular: Vec<Point> =
            (1..=10).map(|k| Point::new(k * 10).train_loss(k as f64).learning_rate(0.1)).collect();
        assert_eq!(Series::observed(&regular, 100, &scaler()).points.len(), 10);
        let dense: Vec<Point> = (0..100).map(|k| Point::new(k).train_loss(k as f64).learning_rate(0.1)).collect();
        let series = Series::observed(&dense, 100, &scaler());
        assert!(series.points.len() <= 14, "{}", series.points.len());
        assert_eq!(series.points[0].train_loss, 3.5);
        assert!(series.points[0].validation.is_nan());
    }

    #[test]
    fn a_run_that_diverged_counts_as_the_worst_up_to_its_planned_end() {
        let losses = [1.0, 0.9, 0.8, f64::NAN];
        let points = losses.iter().zip(1u64..).map(|(&loss, k)| Point::new(k * 10).train_loss(loss).learning_rate(0.1));
        let mut run = Run::from_points("hot", points).expect("steps increase");
        run.attributes.total_steps = Some(100);
        let series = Series::from_run(&run, 0, &scaler(), WORST).expect("usable");
        assert_eq!(series.points.len(), 10);
        assert_eq!(series.points[9].train_loss, 9.0);
        assert_eq!(series.points[3].validation, -9.0);
        assert!((series.control.end() - 10.0).abs() < 1e-9);
    }

    #[test]
    fn missing_rates_are_interpolated() {
        let mut run = Run::new("run", 1);
        for (step, rate) in [(0, Some(0.2)), (50, None), (100, Some(0.4))] {
            run.push(step, Some(1.0), rate, &[None]).expect("steps increase");
        }
        let series = Series::from_run(&run, 0, &scaler(), WORST).expect("usable");
        assert!((series.points[1].learning_rate - 0.3).abs() < 1e-12);
    }

    #[test]
    fn unusable_runs_say_why() {
        let run = |points: &[(u64, f64, f64)]| {
            let points = points.iter().map(|&(step, loss, rate)| Point::new(step).train_loss(loss).learning_rate(rate));
            let run = Run::from_points("run", points).expect("steps increase");
            Series::from_run(&run, 0, &scaler(), WORST).expect_err("unusable").0
        };
        assert!(run(&[(1, 1.0, 0.1)]).contains("fewer than three"));
        assert!(run(&[(1, 1.0, 0.1), (2, 1.0, -0.1), (3, 1.0, 0.1)]).contains("negative"));
        assert!(run(&[(1, 1.0, 0.0), (2, 1.0, 0.0), (3, 1.0, 0.0)]).contains("no positive"));
    }
}
