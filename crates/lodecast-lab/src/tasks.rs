//! The tasks that come with the lab, by name.

mod classification;
mod convolution;
mod decoder;
mod dropout;
mod fashion_mnist;
mod fashion_mnist_cnn;
mod image_batches;
mod initial;
mod mnist1d_cnn;
mod strided_convolution;
mod text_transformer;

use crate::error::{Error, Result};
use crate::settings::TaskSettings;
use crate::train::Trainable;

pub use fashion_mnist_cnn::FashionMnistCnn;
pub use mnist1d_cnn::{Mnist1dCnn, Mnist1dSizes};
pub use text_transformer::TextTransformer;

const NAMES: [&str; 3] = [mnist1d_cnn::NAME, fashion_mnist_cnn::NAME, text_transformer::NAME];

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
        text_transformer::NAME => Box::new(TextTransformer::open(settings)?),
        _ => return Err(Error::UnknownTask { task: name.to_owned(), known: NAMES.join(", ") }),
    })
}
