//! The tasks that come with the lab, by name.

mod augmentation;
mod cifar100;
mod cifar100_resnet18;
mod classification;
mod convolution;
mod decoder;
mod dropout;
mod entry;
mod fashion_mnist;
mod fashion_mnist_cnn;
mod fashion_mnist_resnet18;
mod image_batches;
mod image_splits;
#[cfg(feature = "photographs")]
mod imagenet_resnet34;
mod initial;
mod mnist1d_cnn;
mod normalised_convolution;
#[cfg(feature = "photographs")]
mod photograph;
mod pooling;
mod residual;
mod small_images;
mod strided_convolution;
mod swish_residual;
mod text_transformer;

use crate::error::{Error, Result};
use crate::run::train::Trainable;
use crate::settings::TaskSettings;

pub use cifar100_resnet18::Cifar100Resnet18;
pub use entry::TaskEntry;
pub use fashion_mnist_cnn::FashionMnistCnn;
pub use fashion_mnist_resnet18::FashionMnistResnet18;
#[cfg(feature = "photographs")]
pub use imagenet_resnet34::ImageNetResnet34;
pub use mnist1d_cnn::{Mnist1dCnn, Mnist1dSizes};
pub use text_transformer::TextTransformer;

/// All tasks, the smallest first.
pub const TASKS: [TaskEntry; 7] = [
    mnist1d_cnn::ENTRY,
    fashion_mnist_cnn::ENTRY,
    fashion_mnist_resnet18::ENTRY,
    cifar100_resnet18::ENTRY,
    IMAGENET_RESNET34,
    text_transformer::CHARACTERS,
    text_transformer::WORDS,
];

#[cfg(feature = "photographs")]
const IMAGENET_RESNET34: TaskEntry = imagenet_resnet34::ENTRY;

#[cfg(not(feature = "photographs"))]
const IMAGENET_RESNET34: TaskEntry = TaskEntry {
    name: "imagenet-resnet34",
    describes: "a residual network of 34 layers on ImageNet",
    needs: Some("a build with the feature photographs"),
    open: |_| Err(Error::NotBuilt { task: "imagenet-resnet34", feature: "photographs" }),
};

/// Opens a task by its name: makes or loads its data.
///
/// # Errors
/// If there is no such task, a setting does not suit it, or its data is missing or damaged.
pub fn open(name: &str, settings: &TaskSettings) -> Result<Box<dyn Trainable>> {
    match TASKS.iter().find(|task| task.name == name) {
        Some(task) => (task.open)(settings),
        None => Err(Error::UnknownTask { task: name.to_owned(), known: TASKS.map(|task| task.name).join(", ") }),
    }
}
