//! What a tracker recorded of one run, before anybody has said which series is the loss.

use std::collections::BTreeMap;

/// One run as a tracker recorded it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recording {
    /// Identity of the run within its source.
    pub id: String,
    /// Path or address it was read from, for people.
    pub source: String,
    /// Hyper-parameters and what else was set, as text; nested keys are joined by `.`.
    pub settings: BTreeMap<String, String>,
    /// The metrics, by name.
    pub series: BTreeMap<String, Series>,
    /// What was mended or lost while reading: a truncated tail, a bad checksum.
    pub notes: Vec<String>,
    /// Planned length in optimizer steps, where the format itself records it.
    pub planned_steps: Option<u64>,
    /// Restarts that the format marked in every series' [`attempts`](Series::attempts).
    pub restarts: usize,
    /// Do the steps count epochs, because the format records nothing finer?
    pub steps_are_epochs: bool,
}

impl Recording {
    /// An empty recording.
    pub fn new(id: impl Into<String>, source: impl Into<String>) -> Self {
        Self { id: id.into(), source: source.into(), ..Self::default() }
    }

    /// Appends a sample to the series named `name`, which is added if it is new. Where its step lies before the series'
    /// last one, the run was restarted, and a new attempt begins in every series.
    pub fn push(&mut self, name: &str, step: u64, value: f64) {
        if let Some(series) = self.series.get_mut(name) {
            if !series.goes_back(step) {
                series.push(step, value);
                return;
            }
            self.restart();
        }
        let restarts = self.restarts;
        let series = self.series.entry(name.to_owned());
        series.or_insert_with(|| Series { attempts: vec![0; restarts], ..Series::default() }).push(step, value);
    }

    /// Marks that what comes belongs to a new attempt.
    pub fn restart(&mut self) {
        self.restarts += 1;
        for series in self.series.values_mut() {
            series.attempts.push(series.len());
        }
    }

    /// Number of samples of all series.
    pub fn samples(&self) -> usize {
        self.series.values().map(Series::len).sum()
    }
}

/// One metric's samples in the order they were recorded. Steps repeat or go back where a run was restarted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Step of each sample, in whatever the tracker counts.
    pub steps: Vec<u64>,
    /// Value of each sample; NaN and infinities as they were recorded.
    pub values: Vec<f64>,
    /// Wall-clock time of each sample in seconds since 1970, NaN where it is unknown; empty if the tracker records none.
    pub times: Vec<f64>,
    /// Index of the first sample of each attempt after the first, one a restart of the recording; empty where the format
    /// does not know, and restarts show only as steps that go back.
    pub attempts: Vec<usize>,
}

impl Series {
    /// Appends a sample without a time.
    pub fn push(&mut self, step: u64, value: f64) {
        self.steps.push(step);
        self.values.push(value);
        if !self.times.is_empty() {
            self.times.push(f64::NAN);
        }
    }

    /// Appends a sample recorded at `time`.
    pub fn push_timed(&mut self, step: u64, value: f64, time: f64) {
        self.times.resize(self.steps.len(), f64::NAN);
        self.steps.push(step);
        self.values.push(value);
        self.times.push(time);
    }

    /// Puts the samples in the order of their steps; those of one step keep theirs. Of a series without attempts.
    pub(crate) fn sort(&mut self) {
        if self.steps.is_sorted() {
            return;
        }
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.sort_by_key(|&index| self.steps[index]);
        self.values = order.iter().map(|&index| self.values[index]).collect();
        if !self.times.is_empty() {
            self.times = order.iter().map(|&index| self.times[index]).collect();
        }
        self.steps.sort_unstable();
    }

    /// Does `step` lie before the last one of the attempt at hand?
    fn goes_back(&self, step: u64) -> bool {
        self.attempts.last().is_none_or(|&start| start < self.len())
            && self.steps.last().is_some_and(|&last| step < last)
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Has nothing been recorded?
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}
