//! Numbers of steps and other counts, with advice where something else was given.

use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt};

use crate::failure::Failure;

/// A whole number of at least 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count(pub(crate) u64);

impl Count {
    pub(crate) fn size(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// A seed: any count, with the same advice.
pub(crate) fn seed(given: &Bound<'_, PyAny>) -> PyResult<u64> {
    Ok(given.extract::<Count>()?.0)
}

impl<'a, 'py> FromPyObject<'a, 'py> for Count {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(count) = given.extract::<u64>() {
            return Ok(Self(count));
        }
        if let Ok(number) = given.cast::<PyFloat>() {
            let number = number.extract::<f64>()?;
            let advice = if number.is_finite() {
                format!("{number:?} is no whole number: round it, as in int({number:?})")
            } else {
                format!(
                    "{number:?} steps: the length of the training is not known; say it, as in max_steps or max_epochs"
                )
            };
            return Err(Failure::Setting(advice).into());
        }
        if given.cast::<PyInt>().is_ok() {
            let advice = format!("{}: give a whole number from 0 to 2**64 - 1", given.str()?);
            return Err(Failure::Setting(advice).into());
        }
        Err(Failure::Argument(format!("a whole number is needed, not {}", given.get_type().name()?)).into())
    }
}
