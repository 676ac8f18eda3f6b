//! One series of one attempt: steps that rise, and what was measured at each.

use crate::recording::Series;

/// One sample of a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) step: u64,
    pub(crate) value: f64,
    /// When it was recorded: see [`Series::moments`].
    pub(crate) moment: u64,
}

/// A part of a series whose steps rise strictly, left where it is, or samples of its own that do.
#[derive(Clone, Debug)]
pub(crate) enum Curve<'a> {
    Part { series: &'a Series, start: usize, end: usize },
    Own(Vec<Sample>),
}

/// What becomes of several samples at one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeated {
    /// The one recorded last.
    Last,
    /// Their mean, if most steps have several: batches of one measurement.
    Mean,
}

/// What was done about several samples at a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Joined {
    /// Samples that share a step with others and do not say the same, and the steps they share.
    pub(crate) samples: usize,
    pub(crate) steps: usize,
    /// Was their mean taken?
    pub(crate) mean: bool,
}

impl<'a> Curve<'a> {
    /// A curve without samples.
    pub(crate) fn empty() -> Self {
        Self::Own(Vec::new())
    }

    /// The samples `start..end` of a series, in the order of steps, one a step.
    pub(crate) fn of(series: &'a Series, start: usize, end: usize, repeated: Repeated) -> (Self, Joined) {
        let end = end.min(series.len());
        let start = start.min(end);
        let part = Self::Part { series, start, end };
        let mut last = None;
        let rises = part.iter().all(|sample| last.replace(sample.step).is_none_or(|last| last < sample.step));
        if rises {
            return (part, Joined::default());
        }
        Self::of_samples(part.iter().collect(), repeated)
    }

    /// Samples in any order as a curve.
    pub(crate) fn of_samples(mut samples: Vec<Sample>, repeated: Repeated) -> (Self, Joined) {
        // Stable: samples of one step stay in the order of recording. Mostly there is nothing to sort.
        samples.sort_by_key(|sample| sample.step);
        let mut joined = Joined::default();
        let mut steps = 0;
        for shared in samples.chunk_by(|one, other| one.step == other.step) {
            steps += 1;
            let same = shared.iter().all(|sample| sample.value.to_bits() == shared[0].value.to_bits());
            if !same {
                joined.samples += shared.len();
                joined.steps += 1;
            }
        }
        joined.mean = repeated == Repeated::Mean && 2 * joined.steps >= steps;
        let value = |shared: &[Sample]| {
            if joined.mean {
                shared.iter().map(|sample| sample.value).sum::<f64>() / shared.len() as f64
            } else {
                shared[shared.len() - 1].value
            }
        };
        let one_a_step = samples.chunk_by(|one, other| one.step == other.step);
        let one_a_step = one_a_step.map(|shared| Sample { value: value(shared), ..shared[shared.len() - 1] }).collect();
        (Self::Own(one_a_step), joined)
    }

    /// The samples.
    pub(crate) fn iter(&self) -> Box<dyn Iterator<Item = Sample> + '_> {
        match self {
            Self::Part { series, start, end } => {
                let samples = series.samples_from(*start).take(end - start);
                Box::new(samples.map(|(step, value, moment)| Sample { step, value, moment }))
            }
            Self::Own(samples) => Box::new(samples.iter().copied()),
        }
    }

    /// Number of samples.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Part { start, end, .. } => end - start,
            Self::Own(samples) => samples.len(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sample of this index.
    pub(crate) fn get(&self, index: usize) -> Option<Sample> {
        match self {
            Self::Part { series, start, end } if start + index < *end => {
                let (step, value, moment) = series.samples_from(start + index).next()?;
                Some(Sample { step, value, moment })
            }
            Self::Part { .. } => None,
            Self::Own(samples) => samples.get(index).copied(),
        }
    }

    pub(crate) fn first(&self) -> Option<Sample> {
        self.get(0)
    }

    pub(crate) fn last(&self) -> Option<Sample> {
        self.len().checked_sub(1).and_then(|last| self.get(last))
    }

    /// Number of samples before `step`.
    pub(crate) fn before(&self, step: u64) -> usize {
        self.partition_point(|sample| sample.step < step)
    }

    /// Number of samples recorded up to `moment`.
    pub(crate) fn recorded_by(&self, moment: u64) -> usize {
        self.partition_point(|sample| sample.moment <= moment)
    }

    /// Number of the first samples of which `is_first` holds, and of none after them.
    fn partition_point(&self, is_first: impl Fn(Sample) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            if self.get(middle).is_some_and(&is_first) { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// The value at `step`.
    pub(crate) fn at(&self, step: u64) -> Option<f64> {
        self.get(self.before(step)).filter(|sample| sample.step == step).map(|sample| sample.value)
    }

    /// Cuts off all but the first `len` samples.
    pub(crate) fn truncate(&mut self, len: usize) {
        match self {
            Self::Part { start, end, .. } => *end = (*start + len).min(*end),
            Self::Own(samples) => samples.truncate(len),
        }
    }

    /// The samples from index `from` on.
    pub(crate) fn rest(&self, from: usize) -> Self {
        match self {
            Self::Part { series, start, end } => Self::Part { series, start: (start + from).min(*end), end: *end },
            Self::Own(samples) => Self::Own(samples.get(from..).unwrap_or_default().to_vec()),
        }
    }

    /// Adds the samples of `later`, which replace those at the same steps.
    pub(crate) fn extend(&mut self, later: Self) {
        if later.is_empty() {
            return;
        }
        if self.is_empty() {
            *self = later;
            return;
        }
        let all: Vec<Sample> = self.iter().chain(later.iter()).collect();
        *self = Self::of_samples(all, Repeated::Last).0;
    }

    /// The same samples at the steps that `of` makes of them, which have to rise as well.
    pub(crate) fn moved(&self, of: impl Fn(Sample) -> u64) -> Self {
        Self::Own(self.iter().map(|sample| Sample { step: of(sample), ..sample }).collect())
    }
}
