//! Where Fashion-MNIST is found, and its split into training, validation and test images.

use std::path::{Path, PathBuf};

use super::image_batches::ImageBatches;
use crate::data::{idx, images};
use crate::error::{Error, Result};
use crate::settings::{Scale, TaskSettings, data_folder};

pub(super) const CLASSES: usize = 10;
/// Where Debian's package puts the files.
const DEBIAN_FOLDER: &str = "/usr/share/datasets/fashion-mnist";
const COMMAND: &str = "apt-get install dataset-fashion-mnist";
/// Seed of the split, the same for all runs.
const SEED: u64 = 42;

/// The three splits, the training images' statistics applied to all of them.
#[derive(Debug)]
pub(super) struct FashionMnist {
    pub(super) train: ImageBatches,
    pub(super) validation: ImageBatches,
    pub(super) test: ImageBatches,
    pub(super) scale: Scale,
}

impl FashionMnist {
    /// Reads the four files of the publishers: 90 % of the 60,000 for training, 10 % for validation, their test split as
    /// it is. A scale takes that part of each.
    pub(super) fn open(settings: &TaskSettings) -> Result<Self> {
        let folder = folder(settings)?;
        let [train_images, train_labels, test_images, test_labels] =
            ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]
                .map(|name| folder.join(format!("{name}.gz")));
        let scale = settings.scale;
        let count = idx::image_count(&train_images)?;
        let (train, validation) = images::split(count, scale.of(count), SEED);
        let read = |indices: &[usize]| idx::read(&train_images, &train_labels, indices, CLASSES);
        let (train, validation) = (read(&train)?, read(&validation)?);
        let count = idx::image_count(&test_images)?;
        let mut test = images::subset(count, scale.of(count), SEED);
        test.sort_unstable();
        let test = idx::read(&test_images, &test_labels, &test, CLASSES)?;
        if test.shape != train.shape {
            return Err(Error::DamagedData {
                path: test_images,
                reason: format!("its images are {:?}, those for training {:?}", test.shape, train.shape),
            });
        }
        let statistics = train.channel_statistics();
        let [train, validation, test] = [train, validation, test].map(|images| ImageBatches::new(images, &statistics));
        Ok(Self { train, validation, test, scale })
    }

    /// The splits in words.
    pub(super) fn description(&self) -> String {
        let [train, validation, test] = [&self.train, &self.validation, &self.test].map(ImageBatches::len);
        format!(
            "Fashion-MNIST at scale {}: {train} training, {validation} validation and {test} test images, split by seed {SEED}",
            self.scale
        )
    }
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
