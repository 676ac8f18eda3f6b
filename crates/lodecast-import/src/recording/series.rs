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
    thinning: Thinning,
}

/// How a series is kept short: every sample, or every second, fourth and so on.
#[derive(Clone, Debug, Default, PartialEq)]
struct Thinning {
    /// Of so many samples one is kept, as a power of two.
    doublings: u32,
    /// Samples passed over since the last one that was kept, and the last of them.
    since: u64,
    last: Option<(u64, f64, u64)>,
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

    /// Number of samples recorded, of which a reader that was asked for the [`head`](crate::Wanted::head) only keeps the first,
    /// and any reader no more than its [limit](crate::Limits::points).
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

    /// Appends a sample to a series that keeps `most` samples at most: of more, every second one, then every fourth and so on,
    /// from the first one on. What was passed over last is kept by [`end`](Self::end).
    #[inline]
    pub(crate) fn push_thinned(&mut self, step: u64, value: f64, moment: u64, most: usize) {
        if self.thinning.since + 1 < self.every() && !self.is_empty() {
            self.thinning.last = Some((step, value, moment));
            self.thinning.since += 1;
            self.passed += 1;
            return;
        }
        (self.thinning.last, self.thinning.since) = (None, 0);
        self.push(step, value, moment);
        if self.len() > most.max(2) {
            self.thin();
        }
    }

    /// Leaves every second sample out.
    #[cold]
    fn thin(&mut self) {
        let mut kept = Self { passed: self.passed + self.len() / 2, ..Self::default() };
        kept.thinning.doublings = self.thinning.doublings + 1;
        kept.values.reserve_exact(self.len() + 1);
        for (index, (step, value, moment)) in self.samples_from(0).enumerate() {
            if index.is_multiple_of(2) {
                kept.push(step, value, moment);
            } else if index + 1 == self.len() {
                kept.thinning.since = self.every();
                kept.thinning.last = Some((step, value, moment));
            }
        }
        *self = kept;
    }

    /// Ends a series that was kept short: its last sample tells how far the run came.
    pub(crate) fn end(&mut self) {
        if let Some((step, value, moment)) = self.thinning.last.take() {
            self.passed -= 1;
            self.push(step, value, moment);
        }
    }

    /// Of how many samples recorded one was kept.
    pub(crate) fn every(&self) -> u64 {
        1 << self.thinning.doublings
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
        let mut kept = Self { passed: self.passed, thinning: self.thinning.clone(), ..Self::default() };
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
        self.replace(samples.into_iter());
    }

    /// Puts the samples into the order of their steps; those of one step stay as they are. Moments are numbered anew.
    pub(crate) fn sort_by_step(&mut self) {
        if self.steps.iter().is_sorted() {
            return;
        }
        let mut samples: Vec<_> = self.samples_from(0).collect();
        samples.sort_by_key(|&(step, _, _)| step);
        self.replace((0..).zip(samples).map(|(moment, (step, value, _))| (step, value, moment)));
    }

    /// Puts others in the place of the samples kept.
    fn replace(&mut self, samples: impl Iterator<Item = (u64, f64, u64)>) {
        let kept: Self = samples.collect();
        (self.steps, self.values, self.moments) = (kept.steps, kept.values, kept.moments);
    }
}

impl FromIterator<(u64, f64, u64)> for Series {
    fn from_iter<I: IntoIterator<Item = (u64, f64, u64)>>(samples: I) -> Self {
        let mut series = Self::default();
        samples.into_iter().for_each(|(step, value, moment)| series.push(step, value, moment));
        series
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_may_be_kept_at_most() {
        for most in 2..20_usize {
            let mut series = Series::default();
            for index in 0..1000 {
                series.push_thinned(index, 0.0, index, most);
            }
            series.end();
            let steps: Vec<u64> = series.steps().collect();
            let every = series.every();
            assert!(steps.len() <= most + 1 && steps.last() == Some(&999), "{most}: {steps:?}");
            assert!(steps[..steps.len() - 1].iter().all(|step| step.is_multiple_of(every)), "{most}: {steps:?}");
        }
    }

    #[test]
    fn a_long_series_keeps_its_first_and_last_sample_and_even_ones_between() {
        for count in 1..200_u64 {
            let mut series = Series::default();
            for index in 0..count {
                series.push_thinned(10 * index, index as f64, index, 16);
                assert!(series.len() <= 16, "{count}");
            }
            series.end();
            let every = series.every();
            let mut expected: Vec<u64> = (0..count).step_by(every as usize).collect();
            if !(count - 1).is_multiple_of(every) {
                expected.push(count - 1);
            }
            assert_eq!(series.steps().collect::<Vec<_>>(), expected.iter().map(|i| 10 * i).collect::<Vec<_>>());
            assert_eq!(series.values().collect::<Vec<_>>(), expected.iter().map(|&i| i as f64).collect::<Vec<_>>());
            assert_eq!(series.moments().collect::<Vec<_>>(), expected);
            assert_eq!(series.recorded() as u64, count);
            assert!(count <= 16 || expected.len() > 8, "no more is left out than has to be");
        }
    }
}
