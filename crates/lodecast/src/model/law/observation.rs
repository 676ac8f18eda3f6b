//! A run as the law sees it: the mean rate of 64 segments, values at their ends, and what it ended with.

use std::collections::BTreeMap;

use super::covariates::{Settings, settings_of};
use super::curve::SEGMENTS;
use crate::{Run, Schedule};

/// Share of a run after which it counts as complete: trackers record the last point a little before the end.
const COMPLETE: f64 = 0.97;
/// Share of a run before which its last value is none of the end.
const END: f64 = 0.8;

/// Rates beyond this are mistakes of the record, and below that they train nothing.
const GREATEST_RATE: f64 = 1e30;
pub(crate) const LEAST_RATE: f64 = 1e-30;

/// Mean rates of the segments of a run.
pub(crate) type Rates = [f64; SEGMENTS];

/// One run, in its own units: what it did, not yet what that was worth.
#[derive(Clone, Debug)]
pub(crate) struct Recording {
    pub(crate) id: String,
    /// Planned steps.
    pub(crate) length: f64,
    pub(crate) rates: Rates,
    /// `(step, value)` of what was measured and finite, before anything else.
    pub(crate) measured: Vec<(f64, f64)>,
    /// Step from which on the run is lost.
    pub(crate) lost_at: Option<f64>,
    /// Did it reach its end?
    pub(crate) complete: bool,
    pub(crate) settings: Settings,
    /// Its schedule, where that has a name.
    pub(crate) schedule: Option<Schedule>,
}

/// Why a run is of no use to the law.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Useless {
    NoRate,
    NegativeRates,
    NothingMeasured,
}

impl Useless {
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::NoRate => "it records no learning rate: log it, or name its schedule and peak",
            Self::NegativeRates => {
                "its learning rates are negative, which none is: if they are logarithms, log the rate itself"
            }
            Self::NothingMeasured => "the metric was never measured in it",
        }
    }
}

impl Recording {
    /// What `run` recorded of metric column `metric` until step `until`.
    pub(crate) fn of(run: &Run, metric: usize, until: f64) -> Result<Self, Useless> {
        let length = run.total_steps() as f64;
        let settings = settings_of(run);
        let is_negative = || run.learning_rate().iter().flatten().any(|&rate| rate < 0.0);
        let no_rates = || if is_negative() { Useless::NegativeRates } else { Useless::NoRate };
        let rates = rates_of(run, length).ok_or_else(no_rates)?;
        let steps = || run.steps().iter().map(|&step| step as f64).take_while(|&step| step <= until);
        let column = run.validation(metric);
        let values = || steps().zip(column).filter_map(|(step, value)| Some((step, (*value)?)));
        let lost_at = run.diverged_within(metric, steps().count()).map(|index| run.steps()[index] as f64);
        let is_measured = |&(step, value): &(f64, f64)| value.is_finite() && lost_at.is_none_or(|lost| step < lost);
        let measured: Vec<(f64, f64)> = values().filter(is_measured).collect();
        if measured.is_empty() && lost_at.is_none() {
            return Err(Useless::NothingMeasured);
        }
        let last = steps().last().unwrap_or(0.0);
        let last_value = measured.last().map_or(0.0, |(step, _)| *step);
        let complete = last >= COMPLETE * length && last_value >= END * length;
        Ok(Self {
            id: run.id.clone(),
            length,
            rates,
            measured,
            lost_at,
            complete,
            settings,
            schedule: named_schedule(run),
        })
    }

    /// A run of which nothing is known but its rates, its own or else those of `schedule`.
    pub(crate) fn rates_alone(run: &Run, schedule: Option<&Schedule>) -> Option<Self> {
        let length = run.total_steps() as f64;
        let rates = rates_of(run, length).or_else(|| schedule.map(segment_rates))?;
        let settings = settings_of(run);
        Some(Self {
            id: run.id.clone(),
            length,
            rates,
            measured: Vec::new(),
            lost_at: None,
            complete: false,
            settings,
            schedule: named_schedule(run),
        })
    }

    /// Its largest segment's rate.
    pub(crate) fn peak(&self) -> f64 {
        self.rates.iter().copied().fold(0.0, f64::max)
    }

    /// Values at the ends of the segments, each made by `gap` of what was measured and cut at `start`; NaN where there is none.
    /// What is lost ends at `start`.
    pub(crate) fn values(&self, gap: impl Fn(f64) -> f64, start: f64) -> [f64; SEGMENTS] {
        let mut after = 0;
        std::array::from_fn(|k| {
            let end = (k + 1) as f64 * self.length / SEGMENTS as f64;
            while after < self.measured.len() && self.measured[after].0 <= end {
                after += 1;
            }
            let value = match (after.checked_sub(1).map(|left| self.measured[left]), self.measured.get(after)) {
                (Some((left, a)), Some(&(right, b))) => {
                    gap(a) + (gap(b) - gap(a)) * ((end - left) / (right - left)).clamp(0.0, 1.0)
                }
                (Some((left, a)), None) if left >= end || (self.complete && self.lost_at.is_none()) => gap(a),
                // Between the last finite value and the first that is not, everything is lost.
                (Some(_), None) if self.lost_at.is_some() => start,
                (None, None) if self.lost_at.is_some_and(|lost| lost <= end) => start,
                // Before the first value, or after the last of a run that was stopped.
                (None, _) | (Some(_), None) => f64::NAN,
            };
            if k + 1 == SEGMENTS && self.complete && self.lost_at.is_none() {
                return self.measured.last().map_or(f64::NAN, |(_, last)| gap(*last)).min(start);
            }
            if value.is_nan() { value } else { value.min(start) }
        })
    }
}

/// Mean rates of the segments of `run`: of the recorded rates, or else of the schedule it says it follows. `None` if it has
/// neither.
fn rates_of(run: &Run, length: f64) -> Option<Rates> {
    let recorded = run.steps().iter().zip(run.learning_rate());
    let mut points: Vec<(f64, f64)> = recorded
        .filter_map(|(&step, &rate)| Some((step as f64, rate.filter(|rate| (0.0..=GREATEST_RATE).contains(rate))?)))
        .collect();
    if points.iter().all(|(_, rate)| *rate < LEAST_RATE) {
        return Schedule::of_run(run)
            .map(|schedule| segment_rates(&schedule))
            .filter(|rates| rates.iter().any(|rate| *rate > 0.0));
    }
    if let Some(steps) = warmup_steps(&run.attributes.other, length) {
        put_warmup_in_front(&mut points, steps);
    }
    let mut rates = mean_rates(&points, length);
    // A run that stopped before its end recorded no rates from there on; its schedule may say them.
    let last = points.last().map_or(0.0, |(step, _)| *step);
    if last < COMPLETE * length
        && let Some(schedule @ Schedule::Parametric { .. }) = Schedule::of_run(run)
    {
        let planned = segment_rates(&schedule);
        for k in 0..SEGMENTS {
            if k as f64 * length / SEGMENTS as f64 >= last {
                rates[k] = planned[k];
            }
        }
    }
    Some(rates)
}

/// The schedule that a run says it follows, if it is one of the families.
fn named_schedule(run: &Run) -> Option<Schedule> {
    Schedule::of_run(run).filter(|schedule| matches!(schedule, Schedule::Parametric { .. }))
}

fn warmup_steps(settings: &BTreeMap<String, String>, length: f64) -> Option<f64> {
    let names = ["warmup", "warmup_steps", "num_warmup_steps", "warmup_iters"];
    let value: f64 = names.iter().find_map(|name| settings.get(*name))?.trim().parse().ok()?;
    let steps = if value < 1.0 { value * length } else { value };
    (steps > 0.0 && steps < length).then_some(steps)
}

/// Trackers that record the scheduler's base rate leave out a warm-up done elsewhere: where the rates say nothing of it,
/// it goes in front.
fn put_warmup_in_front(points: &mut Vec<(f64, f64)>, steps: f64) {
    let at_end = points.iter().find(|(step, _)| *step >= steps).or(points.last()).map_or(0.0, |(_, rate)| *rate);
    if points.first().is_none_or(|(step, rate)| *step > steps || *rate < 0.9 * at_end) {
        return;
    }
    points.retain(|(step, _)| *step > steps);
    points.insert(0, (steps, at_end));
    points.insert(0, (0.0, 0.0));
}

/// Mean, in each segment of a run, of the straight lines between `(step, rate)` points; constant before the first and after
/// the last.
fn mean_rates(points: &[(f64, f64)], length: f64) -> Rates {
    let width = length / SEGMENTS as f64;
    let mut after = 0;
    let rate_at = |after: usize, step: f64| match (after.checked_sub(1).map(|left| points[left]), points.get(after)) {
        (None, Some(&(_, rate))) | (Some((_, rate)), None) => rate,
        (Some((left, a)), Some(&(right, b))) => a + (b - a) * (step - left) / (right - left),
        (None, None) => 0.0,
    };
    std::array::from_fn(|k| {
        let (mut from, end) = (k as f64 * width, (k + 1) as f64 * width);
        let mut area = 0.0;
        while from < end {
            while points.get(after).is_some_and(|(step, _)| *step <= from) {
                after += 1;
            }
            let to = points.get(after).map_or(end, |(step, _)| step.min(end));
            area += (to - from) * (rate_at(after, from) + rate_at(after, to)) / 2.0;
            from = to;
        }
        area / width
    })
}

/// Mean rates of the segments of a run that follows `schedule`.
pub(crate) fn segment_rates(schedule: &Schedule) -> Rates {
    const SAMPLES: usize = 8;
    match schedule {
        Schedule::PiecewiseLinear { knots } => {
            let points: Vec<(f64, f64)> = knots.iter().map(|knot| (knot.progress, knot.learning_rate)).collect();
            mean_rates(&points, 1.0)
        }
        Schedule::Parametric { .. } => std::array::from_fn(|k| {
            let sample = |s: usize| (k as f64 + (s as f64 + 0.5) / SAMPLES as f64) / SEGMENTS as f64;
            (0..SAMPLES).map(|s| schedule.learning_rate(sample(s))).sum::<f64>() / SAMPLES as f64
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Family, Point};

    #[test]
    fn mean_rates_are_areas_under_the_lines() {
        // Up to 2 at a quarter of the run, a jump to 1, and nothing said after 0.75.
        let schedule = Schedule::piecewise_linear([(0.0, 0.0), (0.25, 2.0), (0.25, 1.0), (0.75, 0.5)]).expect("valid");
        let rates = segment_rates(&schedule);
        let mean = rates.iter().sum::<f64>() / SEGMENTS as f64;
        assert!((mean - (0.25 + 0.375 + 0.125)).abs() < 1e-12, "{mean}");
        assert!((rates[0] - 2.0 * 0.5 / 16.0).abs() < 1e-12 && (rates[63] - 0.5).abs() < 1e-12);
        assert!((rates[16] - (1.0 - 0.5 * 0.5 / 32.0)).abs() < 1e-12);
    }

    #[test]
    fn a_run_is_read_with_its_gaps_its_end_and_its_loss() {
        let points = (1..=10).map(|k| Point::new(100 * k).learning_rate(0.1).validation(1.0 / k as f64));
        let mut run = Run::from_points("a", points).expect("increasing");
        let recording = Recording::of(&run, 0, f64::INFINITY).expect("usable");
        assert!(recording.complete);
        let values = recording.values(|value| value, 0.8);
        // Nothing before step 100, then lines between the points, cut at the start.
        assert!(values[5].is_nan() && values[63] == 0.1 && values[7] == 0.8);
        assert!((values[15] - (0.5 + (1.0 / 3.0 - 0.5) * 0.5)).abs() < 1e-12, "{}", values[15]);
        // Stopped at 40 %: the plan stays.
        let part = Recording::of(&run, 0, 400.0).expect("usable");
        assert!(!part.complete && part.length == 1000.0);
        let values = part.values(|value| value, 0.8);
        assert!(values[24].is_finite() && values[25].is_nan());
        let lost_step = run.steps()[5];
        run.change_points(0, |point| if point.step >= lost_step { point.validation(f64::NAN) } else { point });
        let lost = Recording::of(&run, 0, f64::INFINITY).expect("usable").values(|value| value, 0.8);
        assert!(lost[31] < 0.3 && lost[32] == 0.8 && lost[63] == 0.8);
    }

    #[test]
    fn warmups_that_the_rates_leave_out_are_put_in_front() {
        let points = (0..=100).map(|k| Point::new(10 * k).learning_rate(0.2).validation(1.0));
        let mut run = Run::from_points("a", points).expect("increasing");
        run.attributes.other.insert("warmup".to_owned(), "250".to_owned());
        let rates = Recording::of(&run, 0, f64::INFINITY).expect("usable").rates;
        assert!((rates[0] - 0.2 / 32.0).abs() < 1e-9 && rates[16] == 0.2);
        run.change_points(0, |point| if point.step == 0 { point.learning_rate(0.0) } else { point });
        assert!(Recording::of(&run, 0, f64::INFINITY).expect("usable").rates[1] > 0.19, "the rates tell it themselves");
        // No rate at all, but a schedule by name.
        run.change_points(0, |point| Point { learning_rate: None, ..point });
        assert_eq!(Recording::of(&run, 0, f64::INFINITY).expect_err("no rate"), Useless::NoRate);
        let mut logarithms = run.clone();
        logarithms.change_points(0, |point| point.learning_rate(-3.0));
        assert_eq!(Recording::of(&logarithms, 0, f64::INFINITY).expect_err("no rate"), Useless::NegativeRates);
        run.attributes.schedule = Some(Family::Linear.name().to_owned());
        run.attributes.peak_lr = Some(0.2);
        run.attributes.other.clear();
        assert!((Recording::of(&run, 0, f64::INFINITY).expect("usable").rates[63] - 0.2 / 128.0).abs() < 1e-12);
    }
}
