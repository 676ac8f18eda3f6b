//! Series that were logged without steps, beside others or by themselves: all of their samples are at one.

use std::collections::BTreeSet;

use crate::assemble::axes::before;
use crate::assemble::curve::{Curve, Repeated, Sample};
use crate::recording::Series;

/// What becomes of a series of which all samples are at one step.
pub(crate) enum Placed<'a> {
    /// Each is put at the step that had been reached when it was recorded.
    AtReached(Curve<'a>),
    /// Nothing tells at which step they were recorded.
    Nowhere,
}

/// The step of all samples of a series that has several.
pub(crate) fn only_step(series: &Series) -> Option<u64> {
    let step = series.last_step()?;
    (series.len() > 1 && series.steps().all(|other| other == step)).then_some(step)
}

/// Puts the samples of `series`, which are all at one step, among those of `pace`. Several values of one measurement are left
/// where they are.
pub(crate) fn placed<'a>(series: &Series, pace: &Curve<'_>, repeated: Repeated) -> Option<Placed<'a>> {
    let step = only_step(series)?;
    let first = pace.first().filter(|_| pace.len() > 1)?;
    // A rate may be logged before the loss of its step, and before the first one.
    let is_ahead = series.moments().next().is_some_and(|moment| moment < first.moment);
    let reached = |moment: u64| {
        let last = before(pace, moment);
        if is_ahead { pace.get(pace.recorded_by(moment)).or(last) } else { last }
    };
    let samples = series
        .samples_from(0)
        .filter_map(|(_, value, moment)| reached(moment).map(|at| Sample { step: at.step, value, moment }));
    let samples: Vec<Sample> = samples.collect();
    let steps: BTreeSet<u64> = samples.iter().map(|sample| sample.step).collect();
    if steps.len() > 1 {
        return Some(Placed::AtReached(Curve::of_samples(samples, repeated).0));
    }
    let is_in_place = steps.contains(&step) || step > 0;
    (!is_in_place).then_some(Placed::Nowhere)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace() -> Curve<'static> {
        Curve::Own((0..20).map(|step| Sample { step: 10 * step, value: 1.0, moment: 2 * step + 1 }).collect())
    }

    fn at_nought(moments: &[u64]) -> Series {
        moments.iter().map(|&moment| (0, moment as f64, moment)).collect()
    }

    fn points(series: &Series) -> Option<Vec<(u64, f64)>> {
        match placed(series, &pace(), Repeated::Mean)? {
            Placed::AtReached(curve) => Some(curve.iter().map(|sample| (sample.step, sample.value)).collect()),
            Placed::Nowhere => None,
        }
    }

    #[test]
    fn samples_without_a_step_are_where_the_others_were() {
        assert_eq!(points(&at_nought(&[12, 22, 32])), Some(vec![(50, 12.0), (100, 22.0), (150, 32.0)]));
        // Two batches each time.
        assert_eq!(points(&at_nought(&[12, 12, 22, 22])), Some(vec![(50, 12.0), (100, 22.0)]));
        // Logged before the loss of its step.
        assert_eq!(points(&at_nought(&[0, 2, 4])), Some(vec![(0, 0.0), (10, 2.0), (20, 4.0)]));
    }

    #[test]
    fn batches_of_one_measurement_stay_where_they_are() {
        assert!(placed(&at_nought(&[1, 1, 2]), &pace(), Repeated::Mean).is_none(), "of the untrained network");
        let at_the_end: Series = [(200, 0.5, 50), (200, 0.6, 51)].into_iter().collect();
        assert!(placed(&at_the_end, &pace(), Repeated::Mean).is_none());
        let appended = at_nought(&[50, 51, 52]);
        assert!(matches!(placed(&appended, &pace(), Repeated::Mean), Some(Placed::Nowhere)));
    }
}
