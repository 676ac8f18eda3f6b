//! Series that count epochs put among series that count optimizer steps.

use crate::restarts::Curve;

/// When within its epoch something was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Within {
    /// Throughout: a learning rate.
    Throughout,
    /// At its end: what was measured on all of it.
    End,
}

/// How epochs become steps.
pub(crate) enum Epochs<'a> {
    /// By the number of the epoch that was recorded at each step.
    Recorded(&'a Curve),
    /// By a fixed number of steps.
    Length(u64),
    /// Nobody knows.
    Unknown,
}

/// Does `curve` count something coarser than the steps of a run that reaches `last_step`? Epochs follow each other without
/// gaps, and there are far fewer of them than steps.
pub(crate) fn counts_epochs(curve: &Curve, last_step: u64) -> bool {
    let (Some(&(first, _)), Some(&(last, _))) = (curve.first(), curve.last()) else { return false };
    curve.len() >= 3 && first <= 1 && last - first + 1 == curve.len() as u64 && last.saturating_mul(4) < last_step
}

/// Puts a curve over epochs among the steps. None if the epochs are unknown or do not fit the curve's.
pub(crate) fn to_steps(curve: &Curve, epochs: &Epochs<'_>, within: Within, steps: &[u64]) -> Option<Curve> {
    let value = |epoch: u64| curve.binary_search_by_key(&epoch, |&(at, _)| at).ok().map(|index| curve[index].1);
    let first = curve.first()?.0;
    match epochs {
        Epochs::Unknown => None,
        Epochs::Length(length) => Some(match within {
            // Epochs count from 0 or from 1, and a rate holds from the start of its epoch on.
            Within::Throughout => {
                let at = |&step: &u64| value(step / (*length).max(1) + first).map(|value| (step, value));
                steps.iter().filter_map(at).collect()
            }
            Within::End => curve.iter().map(|&(epoch, value)| ((epoch - first + 1) * length, value)).collect(),
        }),
        Epochs::Recorded(recorded) => {
            let whole = |value: f64| (value.is_finite() && value >= 0.0).then_some(value.floor() as u64);
            let last = recorded.iter().filter_map(|&(_, epoch)| whole(epoch)).max()?;
            // The epochs recorded have to be those of the curve: a run that was cut off may lack the last one.
            if curve.last()?.0.abs_diff(last) > 1 {
                return None;
            }
            let of_step = |step: u64| {
                // Records stand at the end of what they tell of: a step belongs to the record that follows it.
                let next = recorded.partition_point(|&(at, _)| at < step).min(recorded.len() - 1);
                whole(recorded[next].1)
            };
            Some(match within {
                Within::Throughout => {
                    let at = |&step: &u64| value(of_step(step)?).map(|value| (step, value));
                    steps.iter().filter_map(at).collect()
                }
                Within::End => {
                    let end = |epoch| recorded.iter().rev().find(|&&(_, at)| whole(at) == Some(epoch));
                    curve.iter().filter_map(|&(epoch, value)| Some((end(epoch)?.0, value))).collect()
                }
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three epochs of 100 steps, recorded every 50 steps as Lightning does.
    fn recorded() -> Curve {
        [(49, 0.0), (99, 0.0), (149, 1.0), (199, 1.0), (249, 2.0), (299, 2.0)].to_vec()
    }

    #[test]
    fn a_rate_of_an_epoch_holds_throughout() {
        let rate: Curve = vec![(0, 0.1), (1, 0.01), (2, 0.001)];
        let steps = [49, 99, 149, 199, 249, 299];
        assert!(counts_epochs(&rate, 299));
        let joined = to_steps(&rate, &Epochs::Recorded(&recorded()), Within::Throughout, &steps).unwrap();
        assert_eq!(joined, [(49, 0.1), (99, 0.1), (149, 0.01), (199, 0.01), (249, 0.001), (299, 0.001)]);
        let joined = to_steps(&rate, &Epochs::Length(100), Within::Throughout, &steps).unwrap();
        assert_eq!(joined, [(49, 0.1), (99, 0.1), (149, 0.01), (199, 0.01), (249, 0.001), (299, 0.001)]);
    }

    #[test]
    fn a_validation_is_at_the_end_of_its_epoch() {
        let accuracy: Curve = vec![(0, 0.5), (1, 0.6), (2, 0.7)];
        let joined = to_steps(&accuracy, &Epochs::Recorded(&recorded()), Within::End, &[]).unwrap();
        assert_eq!(joined, [(99, 0.5), (199, 0.6), (299, 0.7)]);
        let counted_from_one: Curve = vec![(1, 0.5), (2, 0.6), (3, 0.7)];
        let joined = to_steps(&counted_from_one, &Epochs::Length(100), Within::End, &[]).unwrap();
        assert_eq!(joined, [(100, 0.5), (200, 0.6), (300, 0.7)]);
    }

    #[test]
    fn what_does_not_fit_is_not_joined() {
        let rate: Curve = (0..30).map(|epoch| (epoch, 0.1)).collect();
        assert!(to_steps(&rate, &Epochs::Recorded(&recorded()), Within::Throughout, &[49]).is_none());
        assert!(to_steps(&rate, &Epochs::Unknown, Within::Throughout, &[49]).is_none());
        assert!(!counts_epochs(&vec![(0, 0.1)], 1000));
        assert!(!counts_epochs(&vec![(0, 0.1), (50, 0.1), (100, 0.1)], 1000));
    }
}
