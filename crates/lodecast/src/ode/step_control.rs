//! How large the next step is: the elementary controller of the reference.

use super::tsit5;

/// Error tolerances and limits of the adaptive solve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Tolerances {
    /// Relative to the state's magnitude.
    pub(crate) rtol: f64,
    /// Absolute.
    pub(crate) atol: f64,
    /// First step, in units of time.
    pub(crate) first_step: f64,
    /// Most attempted steps of one solve.
    pub(crate) max_steps: usize,
}

const SAFETY: f64 = 0.9;
const SHRINK: f64 = 0.2;
const GROW: f64 = 10.0;

/// Whether a step with this error (1 is the tolerance) is accepted, and by which factor the step size changes.
///
/// An accepted step never makes the next one smaller.
#[inline(always)]
pub(super) fn judge(error: f64) -> (bool, f64) {
    if error.is_nan() {
        return (false, SHRINK);
    }
    let accepted = error < 1.0;
    let factor = SAFETY * error.powf(-1.0 / tsit5::ORDER);
    let (least, most) = if accepted { (1.0, GROW) } else { (SHRINK, SAFETY) };
    (accepted, factor.clamp(least, most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_grow_after_small_errors_and_shrink_after_large_ones() {
        assert_eq!(judge(0.0), (true, GROW));
        assert_eq!(judge(0.99), (true, 1.0));
        assert_eq!(judge(1e9), (false, SHRINK));
        assert_eq!(judge(f64::NAN), (false, SHRINK));
        let (accepted, factor) = judge(2.0);
        assert!(!accepted && (factor - 0.9 * 2f64.powf(-0.2)).abs() < 1e-15);
    }
}
