//! Numbers on the command line that are not any number: parts of a run, and values that are measured.

/// Reads a fraction of a run.
pub(crate) fn fraction(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(value) if (0.0..1.0).contains(&value) => Ok(value),
        _ => Err("give a fraction of the run from 0 to below 1".to_owned()),
    }
}

/// Reads a fraction of a run between two moments.
#[cfg(feature = "live")]
pub(crate) fn stride(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(value) if value > 0.0 && value <= 1.0 => Ok(value),
        _ => Err("give a fraction of the run above 0, to 1".to_owned()),
    }
}

/// Reads a value of a metric.
#[cfg(feature = "live")]
pub(crate) fn value(text: &str) -> Result<f64, String> {
    text.trim().parse::<f64>().ok().filter(|value| value.is_finite()).ok_or_else(|| "give a finite number".to_owned())
}
