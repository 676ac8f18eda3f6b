//! Tables in which NaN says that nothing was measured.

use crate::recording::Series;

/// Takes the NaNs out of a series in which they mean "not measured", and says whether it did so: most of its samples are NaN,
/// and measured values come after some of them. In a run that diverged nothing comes after.
pub(crate) fn drop_gaps(series: &mut Series) -> bool {
    let missing = series.values().filter(|value| value.is_nan()).count();
    let first = series.values().position(|value| value.is_nan());
    let last_measured = series.values().enumerate().filter(|(_, value)| !value.is_nan()).last().map(|(index, _)| index);
    let measured_after = matches!((first, last_measured), (Some(first), Some(last)) if last > first);
    if !measured_after || missing * 2 <= series.len() {
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
        let mut sparse = series(&[nan, nan, 0.5, nan, nan, nan, 0.6, nan]);
        assert!(drop_gaps(&mut sparse));
        assert_eq!(sparse, [(2, 0.5, 2), (6, 0.6, 6)].into_iter().collect());
    }
}
