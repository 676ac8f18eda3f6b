//! A part of a run on the command line.

/// Reads a fraction of a run.
pub(crate) fn fraction(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(value) if (0.0..1.0).contains(&value) => Ok(value),
        _ => Err("give a fraction of the run from 0 to below 1".to_owned()),
    }
}
