//! The tasks that come with the lab, by name.

mod classification;
mod mnist1d_cnn;
mod strided_convolution;

use burn::tensor::Device;

use crate::error::{Error, Result};
use crate::train::Trainable;

pub use mnist1d_cnn::{Mnist1dCnn, Mnist1dSizes};

const NAMES: [&str; 1] = [mnist1d_cnn::NAME];

/// Names of all tasks.
pub fn names() -> &'static [&'static str] {
    &NAMES
}

/// Opens a task by its name: makes or loads its data.
///
/// # Errors
/// If there is no such task.
pub fn open(name: &str) -> Result<Box<dyn Trainable>> {
    let device = Device::flex();
    match name {
        mnist1d_cnn::NAME => Ok(Box::new(Mnist1dCnn::new(Mnist1dSizes::default(), &device)?)),
        _ => Err(Error::UnknownTask { task: name.to_owned(), known: NAMES.join(", ") }),
    }
}
