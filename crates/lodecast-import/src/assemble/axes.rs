//! Series that count epochs put among series that count optimizer steps.

use crate::assemble::curve::{Curve, Repeated, Sample};

/// When within its epoch something was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Within {
    /// Throughout: a learning rate.
    Throughout,
    /// At its end: what was measured on all of it.
    End,
}

/// What tells of the epochs of a run.
pub(crate) struct Epochs<'c, 'a> {
    /// The epoch that was recorded at each step.
    pub(crate) recorded: Option<&'c Curve<'a>>,
    /// Steps of an epoch, where the user says so.
    pub(crate) length: Option<u64>,
    /// A curve that counts steps, recorded all along.
    pub(crate) pace: Curve<'a>,
    /// The last step of the run.
    pub(crate) last_step: u64,
    /// Do the moments of samples tell which was recorded before which, though they are of different series?
    pub(crate) is_in_time: bool,
}

/// How epochs become steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// By the number of the epoch that was recorded at each step.
    Recorded,
    /// By a fixed number of steps.
    Length(u64),
    /// By what was recorded just before.
    Moment,
}

impl Epochs<'_, '_> {
    /// Does `curve` count epochs? It has to count far less than the steps of the run, and more has to speak for it: epochs
    /// that follow each other without gaps, the epoch that was recorded, or that it was recorded at much later steps.
    pub(crate) fn are_counted_by(&self, curve: &Curve<'_>) -> bool {
        let (Some(first), Some(last)) = (curve.first(), curve.last()) else { return false };
        if self.counts_steps(curve) {
            return false;
        }
        let span = last.step - first.step + 1;
        let gapless = curve.len() >= 3 && first.step <= 1 && span == curve.len() as u64;
        if gapless && last.step.saturating_mul(4) < self.last_step {
            return true;
        }
        if last.step.saturating_mul(2) >= self.last_step {
            return false;
        }
        if let Some(length) = self.length {
            return length > 1 && last.step <= self.last_step / length + 1;
        }
        if let Some(last_epoch) = self.last_epoch() {
            let as_recorded =
                || curve.iter().all(|sample| self.epoch_at(sample).is_some_and(|at| at.abs_diff(sample.step) <= 1));
            return (curve.len() > 1 && last.step.abs_diff(last_epoch) <= 1) || (as_recorded() && self.is_late(curve));
        }
        curve.len() > 1 && self.is_late(curve)
    }

    /// Could `curve` count epochs, as far as its numbers go?
    pub(crate) fn may_be_counted_by(&self, curve: &Curve<'_>) -> bool {
        let last = curve.last().map_or(u64::MAX, |last| last.step);
        curve.len() > 1 && last.saturating_mul(4) < self.last_step && !self.counts_steps(curve)
    }

    /// Is `curve` sure to count steps: was each sample recorded together with others at its own step, as in a row of a table,
    /// or one before that step had been reached? Epochs come after their steps.
    fn counts_steps(&self, curve: &Curve<'_>) -> bool {
        if !self.is_in_time {
            return false;
        }
        let reached = |sample: Sample| before(&self.pace, sample.moment);
        let in_place =
            |sample: Sample| reached(sample).is_some_and(|at| at.moment == sample.moment && at.step == sample.step);
        curve.iter().all(in_place) || curve.iter().any(|s| reached(s).is_some_and(|at| at.step < s.step))
    }

    /// Was each sample recorded at a step that is the same multiple of its own, or of the one after, or as many steps after the one
    /// before?
    fn is_late(&self, curve: &Curve<'_>) -> bool {
        self.is_in_time && (self.is_a_multiple(curve) || self.is_at_a_pace(curve))
    }

    fn is_at_a_pace(&self, curve: &Curve<'_>) -> bool {
        const FEWEST: usize = 3;
        let reached: Option<Vec<(u64, u64)>> = curve.iter().map(|s| Some((s.step, self.step_at(s)?))).collect();
        let Some(reached) = reached.filter(|reached| reached.len() >= FEWEST) else { return false };
        let paces =
            reached.windows(2).map(|pair| pair[1].1.saturating_sub(pair[0].1) as f64 / (pair[1].0 - pair[0].0) as f64);
        let (low, high) = paces.fold((f64::MAX, 0.0_f64), |(low, high), pace| (low.min(pace), high.max(pace)));
        let (epoch, first) = reached[0];
        low >= 2.0 && high <= 1.2 * low && first as f64 <= 1.2 * high * (epoch + 1) as f64
    }

    fn is_a_multiple(&self, curve: &Curve<'_>) -> bool {
        [0, 1].into_iter().any(|base| {
            let ratios: Option<Vec<f64>> = curve
                .iter()
                .map(|sample| {
                    let reached = self.step_at(sample)? as f64;
                    let ratio = reached / (sample.step + base) as f64;
                    (ratio.is_finite() && ratio >= 2.0).then_some(ratio)
                })
                .collect();
            ratios.is_some_and(|ratios| {
                let (low, high) = ratios.iter().fold((f64::MAX, 0.0_f64), |(l, h), &r| (l.min(r), h.max(r)));
                high <= 1.2 * low
            })
        })
    }

    /// How a curve over epochs can be put among the steps; by what was recorded before it only if `in_place`: if its samples
    /// stand among those at steps.
    pub(crate) fn how(&self, curve: &Curve<'_>, within: Within, in_place: bool) -> Option<How> {
        if let Some(length) = self.length {
            return Some(How::Length(length));
        }
        if let Some(last_epoch) = self.last_epoch()
            && curve.last()?.step.abs_diff(last_epoch) <= 1
        {
            return Some(How::Recorded);
        }
        // The epochs recorded have to be those of the curve: a run that was cut off may lack the last one.
        let recorded = self.last_epoch().is_some();
        let is_by_moment = in_place && self.is_in_time || within == Within::End && !recorded && self.is_late(curve);
        is_by_moment.then_some(How::Moment)
    }

    /// Puts a curve over epochs among the `steps` of the others, and tells how many of its samples found no place there.
    pub(crate) fn to_steps<'a>(
        &self,
        curve: &Curve<'_>,
        how: How,
        within: Within,
        steps: &[u64],
    ) -> (Curve<'a>, usize) {
        let samples: Vec<Sample> = match (how, within) {
            (How::Length(length), _) => self.by_length(curve, length.max(1), within, steps),
            (How::Recorded, _) => self.by_record(curve, within, steps),
            (How::Moment, _) => curve.iter().filter_map(|s| Some(Sample { step: self.step_at(s)?, ..s })).collect(),
        };
        let lost = if within == Within::End { curve.len() - samples.len().min(curve.len()) } else { 0 };
        (Curve::of_samples(samples, Repeated::Last).0, lost)
    }

    fn by_length(&self, curve: &Curve<'_>, length: u64, within: Within, steps: &[u64]) -> Vec<Sample> {
        let first = curve.first().map_or(0, |first| first.step);
        let last = curve.last().map_or(0, |last| last.step);
        // Steps from zero on end an epoch one step before its multiple.
        let from_zero = u64::from((self.last_step + 1).is_multiple_of(length));
        let epochs = (self.last_step + from_zero) / length;
        let base = u64::from(first > 0 && last + 1 != epochs);
        match within {
            Within::End => {
                let end = |sample: Sample| (sample.step - base + 1).saturating_mul(length) - from_zero;
                curve.iter().map(|sample| Sample { step: end(sample), ..sample }).collect()
            }
            Within::Throughout => {
                // What stands at a step tells of the epoch that it ends.
                let epoch = |step: u64| (step + from_zero).saturating_sub(1) / length + base;
                let at = |&step: &u64| curve.at(epoch(step)).map(|value| Sample { step, value, moment: 0 });
                steps.iter().filter_map(at).collect()
            }
        }
    }

    fn by_record(&self, curve: &Curve<'_>, within: Within, steps: &[u64]) -> Vec<Sample> {
        let Some(recorded) = self.recorded else { return Vec::new() };
        let ends: Vec<(u64, u64)> = recorded.iter().filter_map(|s| Some((s.step, whole(s.value)?))).collect();
        let least = ends.iter().map(|&(_, epoch)| epoch).min().unwrap_or(0);
        let last = ends.iter().map(|&(_, epoch)| epoch).max().unwrap_or(0);
        let (first_of, last_of) = (curve.first().map_or(0, |s| s.step), curve.last().map_or(0, |s| s.step));
        // One may count from 0 and the other from 1. What is recorded of the other counts.
        let shift: i64 = match (first_of, least) {
            (0, 1) => 1,
            (1.., 0) if last_of == last + 1 => -1,
            _ => 0,
        };
        let of_curve = |recorded: u64| recorded.checked_add_signed(-shift);
        match within {
            Within::Throughout => {
                let of_step = |step: u64| {
                    // Records stand at the end of what they tell of: a step belongs to the record that follows it.
                    let next = ends.partition_point(|&(at, _)| at < step).min(ends.len().checked_sub(1)?);
                    of_curve(ends[next].1)
                };
                let at = |&step: &u64| Some(Sample { step, value: curve.at(of_step(step)?)?, moment: 0 });
                steps.iter().filter_map(at).collect()
            }
            Within::End => {
                let mut end: std::collections::HashMap<u64, u64> = std::collections::HashMap::new();
                for &(step, epoch) in &ends {
                    if let Some(epoch) = of_curve(epoch) {
                        end.insert(epoch, step);
                    }
                }
                curve.iter().filter_map(|s| Some(Sample { step: *end.get(&s.step)?, ..s })).collect()
            }
        }
    }

    fn last_epoch(&self) -> Option<u64> {
        self.recorded?.iter().filter_map(|sample| whole(sample.value)).max()
    }

    /// The epoch that had been recorded last when a sample was.
    fn epoch_at(&self, sample: Sample) -> Option<u64> {
        whole(before(self.recorded?, sample.moment)?.value)
    }

    /// The step that had been reached when a sample was recorded.
    fn step_at(&self, sample: Sample) -> Option<u64> {
        before(&self.pace, sample.moment).map(|before| before.step)
    }
}

/// How many of its steps `curve` takes for each of `others`, if it counts finer, as it does that counts what was learned from: at
/// least a few, and always as many.
pub(crate) fn finer_than(others: &Curve<'_>, curve: &Curve<'_>) -> Option<f64> {
    const FEWEST: usize = 3;
    let ratios = curve.iter().map(|sample| (sample.step, before(others, sample.moment)));
    let ratios = ratios.filter(|&(step, reached)| step > 0 && reached.is_none_or(|reached| reached.step > 0));
    let ratios: Option<Vec<f64>> = ratios.map(|(step, reached)| Some(step as f64 / reached?.step as f64)).collect();
    let ratios = ratios.filter(|ratios| ratios.len() >= FEWEST)?;
    let (low, high) = ratios.iter().fold((f64::MAX, 0.0_f64), |(low, high), &r| (low.min(r), high.max(r)));
    (low >= 2.0 && high <= 1.2 * low).then_some(ratios[ratios.len() - 1])
}

/// The last sample of a curve that was recorded up to `moment`.
pub(crate) fn before(curve: &Curve<'_>, moment: u64) -> Option<Sample> {
    curve.get(curve.recorded_by(moment).checked_sub(1)?)
}

fn whole(value: f64) -> Option<u64> {
    (value.is_finite() && value >= 0.0).then_some(value.floor() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(points: &[(u64, f64)]) -> Curve<'static> {
        let samples = points.iter().map(|&(step, value)| Sample { step, value, moment: u64::MAX });
        Curve::Own(samples.collect())
    }

    fn points(curve: &Curve<'_>) -> Vec<(u64, f64)> {
        curve.iter().map(|sample| (sample.step, sample.value)).collect()
    }

    fn epochs<'c>(recorded: Option<&'c Curve<'static>>, length: Option<u64>, last: u64) -> Epochs<'c, 'static> {
        let samples = (1..=last).map(|step| Sample { step, value: 0.0, moment: step });
        let pace = Curve::Own(samples.collect());
        Epochs { recorded, length, pace, last_step: last, is_in_time: true }
    }

    #[test]
    fn epochs_are_told_from_steps() {
        let none = epochs(None, None, 1000);
        assert!(none.are_counted_by(&curve(&[(0, 0.1), (1, 0.1), (2, 0.01)])));
        assert!(!none.are_counted_by(&curve(&[(100, 0.1), (500, 0.2), (1000, 0.3)])));
        assert!(!epochs(None, None, 8).are_counted_by(&curve(&[(0, 0.1), (1, 0.1), (2, 0.01)])), "it may be steps");
        // Recorded when the loss was at 50, 100 and 150.
        let late = |steps: [u64; 3]| {
            Curve::Own((1..).zip(steps).map(|(i, step)| Sample { step, value: 0.0, moment: 50 * i }).collect())
        };
        assert!(none.are_counted_by(&late([5, 10, 15])));
        assert!(none.are_counted_by(&late([4, 9, 14])), "from zero on");
        assert!(!none.are_counted_by(&late([40, 100, 150])));
        let recorded = curve(&(1..=20).map(|epoch| (50 * epoch, epoch as f64)).collect::<Vec<_>>());
        assert!(epochs(Some(&recorded), None, 1000).are_counted_by(&curve(&[(10, 0.1), (20, 0.2)])));
        // The loss of the first hundred steps, beside validations that go on.
        let pace = Curve::Own([1, 700, 1500].map(|step| Sample { step, value: 0.0, moment: step.min(101) }).to_vec());
        let first: Vec<_> = (0..100).map(|step| Sample { step, value: 1.0, moment: step + 1 }).collect();
        let beside = Epochs { recorded: None, length: None, pace, last_step: 1500, is_in_time: true };
        assert!(!beside.are_counted_by(&Curve::Own(first)));
        assert!(!epochs(Some(&recorded), None, 1000).are_counted_by(&curve(&[(10, 0.1), (60, 0.2)])));
    }

    #[test]
    fn epochs_that_begin_late_are_told_by_their_pace() {
        let at = |moments: [u64; 5]| {
            Curve::Own((0..).zip(moments).map(|(step, moment)| Sample { step, value: 0.0, moment }).collect())
        };
        let steps = epochs(None, None, 1000);
        let evaluated = at([150, 350, 550, 750, 950]);
        assert!(steps.are_counted_by(&evaluated) && steps.how(&evaluated, Within::End, false) == Some(How::Moment));
        assert_eq!(steps.how(&at([150, 160, 550, 750, 950]), Within::End, false), None);
        let without_time = Epochs { is_in_time: false, ..steps };
        assert!(without_time.are_counted_by(&evaluated));
        assert_eq!(without_time.how(&evaluated, Within::End, true), None);
    }

    #[test]
    fn what_counts_samples_is_finer_than_steps() {
        let steps = Curve::Own((0..100).map(|step| Sample { step: 10 * step, value: 1.0, moment: step }).collect());
        let counted = |by: u64, at: u64| Sample { step: by * 10 * at, value: 1.0, moment: at };
        let samples = Curve::Own([0, 20, 50, 99].map(|at| counted(64, at)).to_vec());
        assert_eq!(finer_than(&steps, &samples), Some(64.0));
        let alike = Curve::Own([20, 50, 99].map(|at| counted(1, at)).to_vec());
        assert_eq!(finer_than(&steps, &alike), None);
        assert_eq!(finer_than(&steps, &Curve::Own([20, 50].map(|at| counted(64, at)).to_vec())), None, "too few");
    }

    #[test]
    fn an_epoch_ends_where_the_next_one_begins() {
        let steps = [100, 200, 300, 400, 500];
        let rates = curve(&[(0, 0.5), (1, 0.4), (2, 0.3), (3, 0.2), (4, 0.1)]);
        let placed = |last, within, of: &Curve<'_>, steps: &[u64]| {
            let epochs = epochs(None, Some(100), last);
            points(&epochs.to_steps(of, How::Length(100), within, steps).0)
        };
        let expected = [(100, 0.5), (200, 0.4), (300, 0.3), (400, 0.2), (500, 0.1)];
        assert_eq!(placed(500, Within::Throughout, &rates, &steps), expected);
        assert_eq!(placed(500, Within::End, &rates, &steps), expected);
        // Steps from zero on, as Lightning counts them.
        let shifted = expected.map(|(step, value)| (step - 1, value));
        assert_eq!(placed(499, Within::Throughout, &rates, &steps.map(|step| step - 1)), shifted);
        assert_eq!(placed(499, Within::End, &rates, &[]), shifted);
        let sparse = curve(&[(2, 0.2), (5, 0.5)]);
        assert_eq!(placed(500, Within::End, &sparse, &[]), [(200, 0.2), (500, 0.5)]);
        let from_zero = curve(&[(1, 0.2), (4, 0.5)]);
        assert_eq!(placed(500, Within::End, &from_zero, &[]), [(200, 0.2), (500, 0.5)]);
    }

    #[test]
    fn recorded_epochs_may_count_from_one_and_the_curve_from_zero() {
        let recorded = curve(&[(9, 1.0), (19, 1.0), (29, 2.0), (39, 2.0), (49, 3.0)]);
        let epochs = epochs(Some(&recorded), None, 49);
        let rates = curve(&[(0, 0.3), (1, 0.2), (2, 0.1)]);
        let (ends, lost) = epochs.to_steps(&rates, How::Recorded, Within::End, &[]);
        assert_eq!((points(&ends), lost), (vec![(19, 0.3), (39, 0.2), (49, 0.1)], 0));
        let (all, _) = epochs.to_steps(&rates, How::Recorded, Within::Throughout, &[9, 24, 49]);
        assert_eq!(points(&all), [(9, 0.3), (24, 0.2), (49, 0.1)]);
    }
}
