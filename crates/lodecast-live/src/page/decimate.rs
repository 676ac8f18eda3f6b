//! Curves of any length as the few points that a screen can show: of each stretch its lowest and its highest, so that no peak is lost.

use serde::Serialize;

/// A curve as two columns.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Curve {
    pub(super) step: Vec<f64>,
    pub(super) value: Vec<f64>,
}

impl FromIterator<(f64, f64)> for Curve {
    fn from_iter<I: IntoIterator<Item = (f64, f64)>>(samples: I) -> Self {
        let (step, value) = samples.into_iter().unzip();
        Self { step, value }
    }
}

impl Curve {
    fn push(&mut self, (step, value): (f64, f64)) {
        self.step.push(step);
        self.value.push(value);
    }
}

/// At most `most` of the samples, in their order, the first and the last among them; what is not finite is left out.
pub(super) fn decimated(samples: impl Iterator<Item = (f64, f64)>, most: usize) -> Curve {
    let all: Vec<(f64, f64)> = samples.filter(|(_, value)| value.is_finite()).collect();
    let [first, inner @ .., last] = &all[..] else { return all.into_iter().collect() };
    if all.len() <= most {
        return all.into_iter().collect();
    }
    let mut curve = Curve::default();
    curve.push(*first);
    // Two of each stretch.
    let width = inner.len().div_ceil((most.max(4) - 2) / 2);
    for stretch in inner.chunks(width.max(1)) {
        let by_value = |a: &(usize, &(f64, f64)), b: &(usize, &(f64, f64))| a.1.1.total_cmp(&b.1.1);
        let low = stretch.iter().enumerate().min_by(by_value);
        let high = stretch.iter().enumerate().max_by(by_value);
        let (Some((low, _)), Some((high, _))) = (low, high) else { continue };
        curve.push(stretch[low.min(high)]);
        if low != high {
            curve.push(stretch[low.max(high)]);
        }
    }
    curve.push(*last);
    curve
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ends_and_extremes_stay(values in prop::collection::vec(-1e6..1e6f64, 0..3000), most in 4..200usize) {
            let samples = || values.iter().enumerate().map(|(step, &value)| (step as f64, value));
            let curve = decimated(samples(), most);
            prop_assert!(curve.step.len() <= most.max(4) || curve.step.len() == values.len());
            prop_assert!(curve.step.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert_eq!(curve.step.len(), curve.value.len());
            prop_assert!(curve.step.iter().zip(&curve.value).all(|(&step, &value)| values[step as usize] == value));
            let highest = |of: &[f64]| of.iter().copied().fold(f64::MIN, f64::max);
            let lowest = |of: &[f64]| of.iter().copied().fold(f64::MAX, f64::min);
            prop_assert_eq!((highest(&curve.value), lowest(&curve.value)), (highest(&values), lowest(&values)));
            prop_assert_eq!(curve.value.last(), values.last());
            prop_assert_eq!(curve.value.first(), values.first());
        }
    }
}
