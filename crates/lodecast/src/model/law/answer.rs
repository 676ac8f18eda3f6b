//! [`Answer`]: what is said of the end of a run that trains, before it is calibrated.

/// The end of a run, as the logarithm of its gap to the metric's ideal value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    /// What is expected of it.
    pub(crate) ln_gap: f64,
    /// Variance by what is not known.
    pub(crate) doubt: f64,
    /// Variance by what another seed changes.
    pub(crate) noise: f64,
}
