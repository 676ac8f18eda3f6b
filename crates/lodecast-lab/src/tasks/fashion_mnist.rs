//! Where Fashion-MNIST is found, and its split into training, validation and test images.

use std::path::{Path, PathBuf};

use super::image_splits::{ImageSplits, SPLIT_SEED};
use crate::data::idx::{self, Published};
use crate::data::images;
use crate::error::{Error, Result};
use crate::settings::{TaskSettings, data_folder};

const CLASSES: usize = 10;
/// Where Debian's package puts the files.
const DEBIAN_FOLDER: &str = "/usr/share/datasets/fashion-mnist";
const COMMAND: &str = "apt-get install dataset-fashion-mnist";

// Of the unpacked files: Debian compresses them anew.
const TRAIN: Published = Published {
    sizes: [60_000, 28, 28],
    images: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    labels: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
};
const TEST: Published = Published {
    sizes: [10_000, 28, 28],
    images: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    labels: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
};

/// Reads the four files of the publishers: 90 % of the 60,000 for training, 10 % for validation, their test split as it
/// is. A scale takes that part of the first, and of the second, but not below 2,000; the test is always whole, because a run
/// sees it once.
pub(super) fn open(settings: &TaskSettings) -> Result<ImageSplits> {
    settings.variation.check_for_read_data()?;
    let folder = folder(settings)?;
    let [train_images, train_labels, test_images, test_labels] =
        ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]
            .map(|name| folder.join(format!("{name}.gz")));
    let scale = settings.scale;
    let count = idx::image_count(&train_images)?;
    let (train, validation) = images::split(count, scale.of(count), SPLIT_SEED);
    let read = |indices: &[usize]| idx::read(&train_images, &train_labels, indices, CLASSES, &TRAIN);
    let (train, validation) = (read(&train)?, read(&validation)?);
    let count = idx::image_count(&test_images)?;
    let test = idx::read(&test_images, &test_labels, &(0..count).collect::<Vec<_>>(), CLASSES, &TEST)?;
    if test.shape != train.shape {
        return Err(Error::DamagedData {
            path: test_images,
            reason: format!("its images are {:?}, those for training {:?}", test.shape, train.shape),
        });
    }
    Ok(ImageSplits::new("Fashion-MNIST", CLASSES, settings, [train, validation, test]))
}

/// The folder with the four files: the one asked for, Debian's, or the one in the folder for data.
fn folder(settings: &TaskSettings) -> Result<PathBuf> {
    let usual = [Path::new(DEBIAN_FOLDER).to_owned(), data_folder().join("fashion-mnist")];
    let candidates = settings.data.as_ref().map_or(usual.to_vec(), |folder| vec![folder.clone()]);
    let found = candidates.iter().find(|folder| folder.join("train-images-idx3-ubyte.gz").is_file());
    found.cloned().ok_or_else(|| Error::MissingData {
        data: "Fashion-MNIST (train-images-idx3-ubyte.gz and three more)",
        path: candidates[0].clone(),
        command: COMMAND.to_owned(),
    })
}
