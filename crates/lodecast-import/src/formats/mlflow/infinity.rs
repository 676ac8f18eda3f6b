//! Infinities, which MLflow stores as the largest number there is.

/// An infinity: MLflow's databases keep the largest number there is in its place, and its server hands that on.
pub(super) fn restore(value: f64) -> f64 {
    if value.abs() == f64::MAX { value.signum() * f64::INFINITY } else { value }
}
