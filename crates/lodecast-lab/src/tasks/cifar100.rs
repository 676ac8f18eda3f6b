//! Where CIFAR-100 is found, and its split into training, validation and test images.

use std::path::PathBuf;

use super::image_splits::{ImageSplits, SPLIT_SEED};
use crate::data::cifar::{ARCHIVE, CLASSES, Cifar100};
use crate::data::images;
use crate::error::{Error, Result};
use crate::settings::{TaskSettings, data_folder};

const ADDRESS: &str = "https://www.cs.toronto.edu/~kriz";

/// Reads the publishers' files: 90 % of the 50,000 training images for training, 10 % for validation, their 10,000 test
/// images as they are. A scale takes that part of the first two; the test is always whole, because a run sees it once.
pub(super) fn open(settings: &TaskSettings) -> Result<ImageSplits> {
    let path = settings.data.clone().unwrap_or_else(|| data_folder().join("cifar-100"));
    let data = Cifar100::find(&path).ok_or_else(|| missing(path))?;
    let scale = settings.scale;
    let mut parts = None;
    let both = data.train(|count| {
        let (train, validation) = images::split(count, scale.of(count), SPLIT_SEED);
        let mut both = [&train[..], &validation[..]].concat();
        both.sort_unstable();
        let place = |indices: Vec<usize>| -> Vec<usize> {
            indices.iter().filter_map(|index| both.binary_search(index).ok()).collect()
        };
        parts = Some([place(train), place(validation)]);
        both
    })?;
    let [train, validation] = parts.unwrap_or_default().map(|places| both.select(&places));
    let test = data.test(|count| (0..count).collect())?;
    Ok(ImageSplits::new("CIFAR-100", CLASSES, scale, [train, validation, test]))
}

fn missing(path: PathBuf) -> Error {
    let archive = if path.extension().is_some() { path.clone() } else { path.join(ARCHIVE) };
    let command = format!("curl --fail --create-dirs --output '{}' {ADDRESS}/{ARCHIVE}", archive.display());
    Error::MissingData { data: "CIFAR-100 (its binary version, packed or not)", path, command }
}
