//! The tasks that come with the lab, by name.

mod classification;
mod convolution;
mod dropout;
mod fashion_mnist;
mod fashion_mnist_cnn;
mod image_batches;
mod initial;
mod mnist1d_cnn;
mod strided_convolution;

use crate::error::{Error, Result};
use crate::settings::TaskSettings;
use crate::train::Trainable;

pub use fashion_mnist_cnn::FashionMnistCnn;
pub use mnist1d_cnn::{Mnist1dCnn, Mnist1dSizes};

const NAMES: [&str; 2] = [mnist1d_cnn::NAME, fashion_mnist_cnn::NAME];

/// Names of all tasks.
pub fn names() -> &'static [&'static str] {
    &NAMES
}

/// Opens a task by its name: makes or loads its data.
///
/// # Errors
/// If there is no such task, a setting does not suit it, or its data is missing or damaged.
pub fn open(name: &str, settings: &TaskSettings) -> Result<Box<dyn Trainable>> {
    Ok(match name {
        mnist1d_cnn::NAME => Box::new(Mnist1dCnn::open(settings)?),
        fashion_mnist_cnn::NAME => Box::new(FashionMnistCnn::open(settings)?),
        _ => return Err(Error::UnknownTask { task: name.to_owned(), known: NAMES.join(", ") }),
    })
}
