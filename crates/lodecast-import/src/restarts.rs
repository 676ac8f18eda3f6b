//! Runs that were started again: their attempts told apart, and one of them or all of them kept.

use std::str::FromStr;

use crate::recording::{Recording, Series};

/// What becomes of a run whose steps go back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Restarts {
    /// One run, in which a later attempt takes the place of what an earlier one had recorded from its first step on.
    #[default]
    Last,
    /// A run each attempt.
    Split,
}

impl FromStr for Restarts {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "last" => Ok(Self::Last),
            "split" => Ok(Self::Split),
            _ => Err("choose last or split".to_owned()),
        }
    }
}

/// One series of one attempt: steps rise, and each has the value that was recorded for it last.
pub(crate) type Curve = Vec<(u64, f64)>;

/// The chosen series of a recording, attempt by attempt: a curve for each of `names`, empty where there is no such series.
pub(crate) fn attempts(recording: &Recording, names: &[&str]) -> Vec<Vec<Curve>> {
    let empty = Series::default();
    let series: Vec<&Series> = names.iter().map(|name| recording.series.get(*name).unwrap_or(&empty)).collect();
    let boundaries = boundaries(recording, &series);
    let count = 1 + boundaries.iter().map(Vec::len).max().unwrap_or(0);
    let attempt = |index: usize| -> Vec<Curve> {
        let curves = series.iter().zip(&boundaries).map(|(series, starts)| {
            let start = if index == 0 { 0 } else { starts[index - 1] };
            let end = starts.get(index).copied().unwrap_or(series.len());
            curve(series, start, end)
        });
        curves.collect()
    };
    let attempts = (0..count).map(attempt);
    attempts.filter(|curves| curves.iter().any(|curve| !curve.is_empty())).collect()
}

/// The attempts in one: a later one takes the place of what earlier ones recorded from its first step on.
pub(crate) fn last(attempts: Vec<Vec<Curve>>) -> Vec<Curve> {
    let mut attempts = attempts.into_iter();
    let mut kept = attempts.next().unwrap_or_default();
    for attempt in attempts {
        let start = attempt.iter().filter_map(|curve| curve.first()).map(|&(step, _)| step).min().unwrap_or(0);
        for (curve, later) in kept.iter_mut().zip(attempt) {
            curve.truncate(curve.partition_point(|&(step, _)| step < start));
            curve.extend(later);
        }
    }
    kept
}

/// Of each series, where its later attempts start: as many places for each.
fn boundaries(recording: &Recording, series: &[&Series]) -> Vec<Vec<usize>> {
    if recording.restarts > 0 {
        let marked = |series: &&Series| {
            let mut starts = series.attempts.clone();
            starts.resize(recording.restarts, series.len());
            starts
        };
        return series.iter().map(marked).collect();
    }
    let own: Vec<Vec<usize>> = series.iter().map(|series| backward(series)).collect();
    let Some(reference) = (0..own.len()).max_by_key(|&index| (own[index].len(), series[index].len())) else {
        return own;
    };
    let starts = own[reference].clone();
    let clock = times(series[reference]);
    let place = |(series, mut own): (&&Series, Vec<usize>)| {
        if own.len() == starts.len() {
            return own;
        }
        if let (Some(clock), Some(times)) = (clock, times(series)) {
            let before = |&start: &usize| times.iter().filter(|&&time| time < clock[start]).count();
            return starts.iter().map(before).collect();
        }
        // Nothing says to which attempt its samples belong: they stay with the last.
        while own.len() < starts.len() {
            own.insert(0, 0);
        }
        own
    };
    series.iter().zip(own).map(place).collect()
}

/// The times of a series, if all of them are known.
fn times(series: &Series) -> Option<&[f64]> {
    let known = series.times.len() == series.len() && series.times.iter().all(|time| time.is_finite());
    known.then_some(&series.times)
}

/// Where the steps of a series go back.
fn backward(series: &Series) -> Vec<usize> {
    (1..series.len()).filter(|&index| series.steps[index] < series.steps[index - 1]).collect()
}

/// The samples `start..end` of a series, in the order of steps, the last of each step.
fn curve(series: &Series, start: usize, end: usize) -> Curve {
    let end = end.min(series.len());
    let start = start.min(end);
    let mut samples: Curve = (start..end).map(|index| (series.steps[index], series.values[index])).collect();
    // Stable: samples of one step stay in the order of recording. Mostly there is nothing to sort.
    samples.sort_by_key(|&(step, _)| step);
    samples.dedup_by(|later, kept| {
        let same = later.0 == kept.0;
        if same {
            kept.1 = later.1;
        }
        same
    });
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resumed_run_goes_on_where_it_was_resumed() {
        let mut recording = Recording::new("a", "a");
        for (step, loss) in [(0, 3.0), (10, 2.0), (20, 1.0), (30, 0.9), (20, 1.1), (30, 0.8)] {
            recording.push("loss", step, loss);
            if loss != 1.1 {
                recording.push("acc", step, loss);
            }
        }
        let attempts = attempts(&recording, &["loss", "acc", "lr"]);
        assert_eq!(attempts.len(), 2);
        assert_eq!(attempts[1], [vec![(20, 1.1), (30, 0.8)], vec![(30, 0.8)], vec![]]);
        let kept = last(attempts);
        assert_eq!(kept[0], [(0, 3.0), (10, 2.0), (20, 1.1), (30, 0.8)]);
        // What the first attempt measured at step 20 is no part of the run that went on.
        assert_eq!(kept[1], [(0, 3.0), (10, 2.0), (30, 0.8)]);
    }

    #[test]
    fn times_tell_attempts_apart_where_steps_do_not() {
        let mut recording = Recording::new("a", "a");
        let mut loss = Series::default();
        for (time, step) in [0, 10, 20, 0, 10, 20].into_iter().enumerate() {
            loss.push_timed(step, time as f64, time as f64);
        }
        let mut accuracy = Series::default();
        accuracy.push_timed(15, 0.1, 1.5);
        accuracy.push_timed(16, 0.2, 4.5);
        recording.series.insert("loss".to_owned(), loss);
        recording.series.insert("acc".to_owned(), accuracy);
        let attempts = attempts(&recording, &["loss", "acc"]);
        assert_eq!(attempts[0][1], [(15, 0.1)]);
        assert_eq!(attempts[1][1], [(16, 0.2)]);
    }

    #[test]
    fn a_step_recorded_twice_keeps_its_last_value() {
        let mut recording = Recording::new("a", "a");
        for (step, value) in [(1, 1.0), (1, 2.0), (2, 3.0)] {
            recording.push("loss", step, value);
        }
        assert_eq!(attempts(&recording, &["loss"]), [[vec![(1, 2.0), (2, 3.0)]]]);
    }
}
