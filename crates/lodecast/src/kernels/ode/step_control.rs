//! How large the next step is: the elementary controller of the reference.

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

/// Whether a step with this error (1 is the tolerance) is accepted.
#[inline(always)]
pub(super) fn accepts(error: f64) -> bool {
    error < 1.0
}

/// The most that an accepted step can make the next one larger.
pub(super) const LARGEST_FACTOR: f64 = 10.0;

/// The factor by which a step of a method of this order changes the step size.
///
/// An accepted step never makes the next one smaller.
#[inline(always)]
pub(super) fn step_factor(error: f64, order: f64) -> f64 {
    if error.is_nan() {
        return SHRINK;
    }
    let factor = SAFETY * error.powf(-1.0 / order);
    let (least, most) = if accepts(error) { (1.0, LARGEST_FACTOR) } else { (SHRINK, SAFETY) };
    factor.clamp(least, most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_grow_after_small_errors_and_shrink_after_large_ones() {
        let judge = |error| (accepts(error), step_factor(error, 5.0));
        assert_eq!(judge(0.0), (true, LARGEST_FACTOR));
        assert_eq!(judge(0.99), (true, 1.0));
        assert_eq!(judge(1e9), (false, SHRINK));
        assert_eq!(judge(f64::NAN), (false, SHRINK));
        let (accepted, factor) = judge(2.0);
        assert!(!accepted && (factor - 0.9 * 2f64.powf(-0.2)).abs() < 1e-15);
    }
}
