//! Tables in which NaN says that nothing was measured.

use crate::recording::Series;

/// Takes the NaNs out of a series in which they mean "not measured", and says whether it did so: most of its samples are NaN,
/// and measured values come after some of them; or a quarter of them are, and measured values came back again and again. In a run
/// that diverged nothing comes after.
pub(crate) fn drop_gaps(series: &mut Series) -> bool {
    let (mut missing, mut returns, mut is_missing) = (0, 0, false);
    for value in series.values() {
        missing += usize::from(value.is_nan());
        returns += usize::from(is_missing && !value.is_nan());
        is_missing = value.is_nan();
    }
    let is_most = missing * 2 > series.len() && returns > 0;
    let is_woven_in = missing * 4 >= series.len() && returns >= 3;
    if !is_most && !is_woven_in {
        return false;
    }
    series.retain(|_, value| !value.is_nan());
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: &[f64]) -> Series {
        (0..).zip(values).map(|(step, &value)| (step, value, step)).collect()
    }

    #[test]
    fn a_diverged_run_keeps_its_nans() {
        let nan = f64::NAN;
        assert!(!drop_gaps(&mut series(&[1.0, nan, nan, nan, nan])));
        assert!(!drop_gaps(&mut series(&[1.0, 0.9, nan, 0.8, 0.7])));
        assert!(drop_gaps(&mut series(&[0.5, nan, 0.6, nan, 0.7, nan, 0.8])));
        let mut sparse = series(&[nan, nan, 0.5, nan, nan, nan, 0.6, nan]);
        assert!(drop_gaps(&mut sparse));
        assert_eq!(sparse, [(2, 0.5, 2), (6, 0.6, 6)].into_iter().collect());
    }
}
