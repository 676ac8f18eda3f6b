//! One metric's samples in the order in which they were recorded.

use super::ramp::Ramp;

/// One metric's samples in the order they were recorded. Steps repeat or go back where a run was restarted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    steps: Ramp,
    values: Vec<f64>,
    moments: Ramp,
    /// Samples that were counted but not kept.
    passed: usize,
}

impl Series {
    /// Number of samples kept.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Has no sample been kept?
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Number of samples recorded, of which a reader that was asked for the [`head`](crate::Wanted::head) only keeps the first.
    pub fn recorded(&self) -> usize {
        self.values.len() + self.passed
    }

    /// Step of each sample, in whatever the tracker counts.
    pub fn steps(&self) -> impl ExactSizeIterator<Item = u64> {
        self.steps.iter()
    }

    /// Value of each sample; NaN and infinities as they were recorded.
    pub fn values(&self) -> impl ExactSizeIterator<Item = f64> {
        self.values.iter().copied()
    }

    /// When each sample was recorded, in numbers that all series of the recording count alike and that never fall: rows of a
    /// table, events of a file, or milliseconds since 1970.
    pub fn moments(&self) -> impl ExactSizeIterator<Item = u64> {
        self.moments.iter()
    }

    /// Step, value and moment of the samples from index `start` on.
    pub(crate) fn samples_from(&self, start: usize) -> impl Iterator<Item = (u64, f64, u64)> {
        let start = start.min(self.len());
        let values = self.values[start..].iter().copied();
        self.steps.iter_from(start).zip(values).zip(self.moments.iter_from(start)).map(|((s, v), m)| (s, v, m))
    }

    /// Appends a sample.
    #[inline]
    pub(crate) fn push(&mut self, step: u64, value: f64, moment: u64) {
        self.steps.push(step);
        self.values.push(value);
        self.moments.push(moment);
    }

    /// Counts a sample that is not kept.
    pub(crate) fn pass(&mut self) {
        self.passed += 1;
    }

    /// Step of the last sample.
    pub(crate) fn last_step(&self) -> Option<u64> {
        self.steps.last()
    }

    /// Index of the first sample recorded at `moment` or later.
    pub(crate) fn index_at(&self, moment: u64) -> usize {
        self.moments.partition_point(|at| at < moment)
    }

    /// Gives every sample the step that `of` makes of the one it has.
    pub(crate) fn renumber(&mut self, of: impl Fn(u64) -> u64) {
        self.steps = self.steps.iter().map(of).collect();
    }

    /// Keeps the samples of which `keep` holds, given step and value.
    pub(crate) fn retain(&mut self, keep: impl Fn(u64, f64) -> bool) {
        let mut kept = Self { passed: self.passed, ..Self::default() };
        for (step, value, moment) in self.samples_from(0) {
            if keep(step, value) {
                kept.push(step, value, moment);
            }
        }
        *self = kept;
    }

    /// Puts the samples into the order of their moments; those of one moment stay as they are.
    pub(crate) fn sort_by_moment(&mut self) {
        if self.moments.iter().is_sorted() {
            return;
        }
        let mut samples: Vec<_> = self.samples_from(0).collect();
        samples.sort_by_key(|&(_, _, moment)| moment);
        let passed = self.passed;
        *self = samples.into_iter().collect();
        self.passed = passed;
    }

    /// Puts the samples into the order of their steps; those of one step stay as they are. Moments are numbered anew.
    pub(crate) fn sort_by_step(&mut self) {
        if self.steps.iter().is_sorted() {
            return;
        }
        let mut samples: Vec<_> = self.samples_from(0).collect();
        samples.sort_by_key(|&(step, _, _)| step);
        let passed = self.passed;
        *self = (0..).zip(samples).map(|(moment, (step, value, _))| (step, value, moment)).collect();
        self.passed = passed;
    }
}

impl FromIterator<(u64, f64, u64)> for Series {
    fn from_iter<I: IntoIterator<Item = (u64, f64, u64)>>(samples: I) -> Self {
        let mut series = Self::default();
        samples.into_iter().for_each(|(step, value, moment)| series.push(step, value, moment));
        series
    }
}
