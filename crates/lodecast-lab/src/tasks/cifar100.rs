//! Where CIFAR-100 is found, and its split into training, validation and test images.

use std::path::PathBuf;

use super::image_splits::{ImageSplits, SPLIT_SEED};
use crate::data::cifar::{ARCHIVE, CLASSES, Cifar100};
use crate::data::images;
use crate::error::{Error, Result};
use crate::settings::{TaskSettings, data_folder};

const ADDRESS: &str = "https://www.cs.toronto.edu/~kriz";
/// What the publishers say of their archive (<https://www.cs.toronto.edu/~kriz/cifar.html>).
const MD5: &str = "03b5dce01913d631647c71ecec9e9cb8";

/// Reads the publishers' files: 90 % of the 50,000 training images for training, 10 % for validation, their 10,000 test
/// images as they are. A scale takes that part of the first, and of the second, but not below 2,000; the test is always
/// whole, because a run sees it once.
pub(super) fn open(settings: &TaskSettings) -> Result<ImageSplits> {
    settings.variation.check_for_read_data()?;
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
    Ok(ImageSplits::new("CIFAR-100", CLASSES, settings, [train, validation, test]))
}

fn missing(path: PathBuf) -> Error {
    let archive = if path.extension().is_some() { path.clone() } else { path.join(ARCHIVE) };
    let archive = archive.display();
    let command = format!(
        "curl --fail --create-dirs --output '{archive}' {ADDRESS}/{ARCHIVE} && echo '{MD5}  {archive}' | md5sum --check"
    );
    Error::MissingData { data: "CIFAR-100 (its binary version, packed or not)", path, command }
}
