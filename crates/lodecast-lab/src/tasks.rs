//! The tasks that come with the lab, by name.

mod augmentation;
mod cifar100;
mod classification;
mod convolution;
mod decoder;
mod dropout;
mod fashion_mnist;
mod fashion_mnist_cnn;
mod image_batches;
mod image_splits;
mod imagenet_resnet34;
mod initial;
mod mnist1d_cnn;
mod photograph;
mod residual;
mod small_image_resnet18;
mod strided_convolution;
mod text_transformer;

use crate::error::{Error, Result};
use crate::settings::TaskSettings;
use crate::train::Trainable;

pub use fashion_mnist_cnn::FashionMnistCnn;
pub use imagenet_resnet34::ImageNetResnet34;
pub use mnist1d_cnn::{Mnist1dCnn, Mnist1dSizes};
pub use small_image_resnet18::SmallImageResnet18;
pub use text_transformer::TextTransformer;

const NAMES: [&str; 6] = [
    mnist1d_cnn::NAME,
    fashion_mnist_cnn::NAME,
    small_image_resnet18::FASHION_MNIST,
    small_image_resnet18::CIFAR100,
    imagenet_resnet34::NAME,
    text_transformer::NAME,
];

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
        small_image_resnet18::FASHION_MNIST => Box::new(SmallImageResnet18::fashion_mnist(settings)?),
        small_image_resnet18::CIFAR100 => Box::new(SmallImageResnet18::cifar100(settings)?),
        imagenet_resnet34::NAME => Box::new(ImageNetResnet34::open(settings)?),
        text_transformer::NAME => Box::new(TextTransformer::open(settings)?),
        _ => return Err(Error::UnknownTask { task: name.to_owned(), known: NAMES.join(", ") }),
    })
}
