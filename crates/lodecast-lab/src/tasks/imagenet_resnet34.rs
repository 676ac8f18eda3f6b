//! The task `imagenet-resnet34`: photographs of a thousand classes, and a residual network of 34 layers.

use std::path::Path;

use burn::tensor::{Device, Tensor};
use lodecast::{Direction, Metric};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::classification::Tally;
use super::entry::TaskEntry;
use super::image_batches::{LoadedImages, Standardisation};
use super::image_splits::SPLIT_SEED;
use super::normalised_convolution::Normalised;
use super::photograph::{self, SIDE};
use super::residual::{ResidualNetwork, ResidualSizes, Stem};
use crate::data::images;
use crate::data::pictures::Pictures;
use crate::error::{Error, Result};
use crate::optimizers::OptimizerKind;
use crate::run::batches::loaded_ahead;
use crate::run::length::Length;
use crate::run::task::{Evaluation, Split, Task};
use crate::run::variation::Variation;
use crate::settings::{Scale, TaskSettings, data_folder};

const NAME: &str = "imagenet-resnet34";
pub(super) const ENTRY: TaskEntry = TaskEntry {
    name: NAME,
    describes: "a residual network of 34 layers on ImageNet",
    needs: Some("the pictures of ImageNet in class folders"),
    open: |settings| Ok(Box::new(ImageNetResnet34::open(settings)?)),
};
const BLOCKS: [usize; 4] = [3, 4, 6, 3];
/// Most training pictures that are held out to validate; of fewer, a tenth is.
const MOST_VALIDATION: usize = 10_000;
/// Means and deviations of the channels over the training pictures, as everybody takes them.
const STATISTICS: [(f32, f32); 3] = [(0.485, 0.229), (0.456, 0.224), (0.406, 0.225)];
/// Pictures evaluated at a time.
const EVALUATION_BATCH: usize = 50;
/// Pictures from which running statistics are gathered anew.
const GATHERED: usize = 500;
const COMMAND: &str = "kaggle competitions download -c imagenet-object-localization-challenge";

/// The task.
#[derive(Debug)]
pub struct ImageNetResnet34 {
    train_pictures: Pictures,
    test_pictures: Pictures,
    train: Vec<u32>,
    validation: Vec<u32>,
    test: Vec<u32>,
    standardisation: Standardisation,
    scale: Scale,
    variation: Variation,
    device: Device,
}

impl ImageNetResnet34 {
    /// Lists the pictures. A scale narrows all stages, and takes that part of each split.
    ///
    /// # Errors
    /// If the data is missing or not in class folders, or the device is not there.
    pub fn open(settings: &TaskSettings) -> Result<Self> {
        settings.variation.check_for_read_data()?;
        let folder = settings.data.clone().unwrap_or_else(|| data_folder().join("imagenet"));
        let [train, test] = ["train", "val"].map(|part| folder.join(part));
        if !train.is_dir() || !test.is_dir() {
            let data = "ImageNet (train/CLASS/*.JPEG and val/CLASS/*.JPEG)";
            return Err(Error::MissingData { data, path: folder, command: COMMAND.to_owned() });
        }
        let (train_pictures, test_pictures) = (Pictures::list(&train)?, Pictures::list(&test)?);
        same_classes(&train_pictures, &test_pictures, &test)?;
        let &TaskSettings { scale, variation, .. } = settings;
        let drawn = |pictures: &Pictures| -> Vec<u32> {
            let count = pictures.len();
            images::subset(count, scale.of(count), SPLIT_SEED).into_iter().map(|index| index as u32).collect()
        };
        let mut train = drawn(&train_pictures);
        let validation = train.split_off(train.len() - train.len().div_ceil(10).min(MOST_VALIDATION));
        let train = variation.used_examples(train.len()).into_iter().map(|index| train[index]).collect();
        let test = drawn(&test_pictures);
        let standardisation = Standardisation::new(STATISTICS.to_vec());
        let device = settings.device.open()?;
        Ok(Self { train_pictures, test_pictures, train, validation, test, standardisation, scale, variation, device })
    }

    /// Decodes pictures on all cores; `part` chooses what of each is seen, with random numbers of the picture's own.
    fn loaded(
        &self,
        pictures: &Pictures,
        batch: &[u32],
        random: &mut ChaCha8Rng,
        part: impl Fn(&image::RgbImage, &mut ChaCha8Rng) -> Vec<u8> + Sync,
    ) -> Result<LoadedImages> {
        let seeds: Vec<u64> = batch.iter().map(|_| random.random()).collect();
        let size = [SIDE, SIDE, 3];
        let length = size.iter().product::<usize>();
        let loaded: Vec<Vec<f32>> = batch
            .par_iter()
            .zip(seeds)
            .map(|(&index, seed)| {
                let picture = pictures.decode(index as usize)?;
                let mut values = Vec::with_capacity(length);
                self.standardisation.extend(&mut values, &part(&picture, &mut ChaCha8Rng::seed_from_u64(seed)));
                Ok(values)
            })
            .collect::<Result<_>>()?;
        let classes = batch.iter().map(|&index| i64::from(pictures.class(index as usize))).collect();
        Ok(LoadedImages { values: loaded.concat(), size, classes })
    }

    /// The middles of held-out pictures, batch by batch.
    fn middles<'a>(
        &'a self,
        pictures: &'a Pictures,
        indices: &'a [u32],
    ) -> impl Iterator<Item = Result<LoadedImages>> + Send + 'a {
        let mut unused = ChaCha8Rng::seed_from_u64(0);
        indices
            .chunks(EVALUATION_BATCH)
            .map(move |batch| self.loaded(pictures, batch, &mut unused, |picture, _| photograph::middle(picture)))
    }
}

/// A class is known by its place among all folders, so both have to have the same.
fn same_classes(train: &Pictures, test: &Pictures, path: &Path) -> Result<()> {
    let [train, test] = [train, test].map(Pictures::classes);
    let odd = |these: &[String], others: &[String]| these.iter().find(|class| !others.contains(class)).cloned();
    let reason = match (odd(test, train), odd(train, test)) {
        (Some(class), _) => {
            format!("the class '{class}' is not among those for training: get it, too, or remove it here")
        }
        (_, Some(class)) => format!("the class '{class}' is missing: get it, or remove it from those for training"),
        (None, None) => return Ok(()),
    };
    Err(Error::Pictures { path: path.to_owned(), reason })
}

impl Task for ImageNetResnet34 {
    type Model = ResidualNetwork;
    type Batch = LoadedImages;

    fn name(&self) -> &str {
        NAME
    }

    fn description(&self) -> String {
        format!(
            "ImageNet at scale {}: {} training, {} validation and {} test pictures of {} classes, split by seed {SPLIT_SEED}",
            self.scale,
            self.train.len(),
            self.validation.len(),
            self.test.len(),
            self.train_pictures.classes().len()
        )
    }

    fn variation(&self) -> Variation {
        self.variation
    }

    fn metric(&self) -> Metric {
        Metric::new("val_accuracy", Direction::Max)
    }

    fn default_length(&self) -> Length {
        Length { epochs: 90, batch_size: 256, points_per_epoch: 4 }
    }

    fn peak_learning_rates(&self, optimizer: OptimizerKind) -> Vec<f64> {
        match optimizer {
            OptimizerKind::Sgd => vec![0.025, 0.05, 0.1, 0.2, 0.4, 0.8],
            OptimizerKind::Adam | OptimizerKind::AdamW => vec![0.0005, 0.001, 0.002, 0.004, 0.008, 0.016],
        }
    }

    fn train_examples(&self) -> usize {
        self.train.len()
    }

    fn initial_model(&self, random: &mut ChaCha8Rng) -> ResidualNetwork {
        let classes = self.train_pictures.classes().len();
        let Self { scale, variation, .. } = *self;
        let (blocks, stem) = (BLOCKS, Stem::Large);
        let sizes = ResidualSizes { blocks, stem, channels: 3, classes, scale, variation };
        ResidualNetwork::new(sizes, &self.device.clone().autodiff(), random)
    }

    fn load(&self, batch: &[u32], random: &mut ChaCha8Rng) -> Result<LoadedImages> {
        let pictures: Vec<u32> = batch.iter().map(|&index| self.train[index as usize]).collect();
        let mut loaded = self.loaded(&self.train_pictures, &pictures, random, photograph::random_part)?;
        let classes = self.train_pictures.classes().len() as u32;
        for (class, &example) in loaded.classes.iter_mut().zip(batch) {
            *class = i64::from(self.variation.noisy_class(example as usize, *class as u32, classes));
        }
        Ok(loaded)
    }

    fn loads_ahead(&self) -> bool {
        true
    }

    fn loss(&self, model: &ResidualNetwork, batch: LoadedImages, _random: &mut ChaCha8Rng) -> Tensor<1> {
        batch.loss(&self.device, |images| model.logits(images))
    }

    fn gathered_anew(&self, model: ResidualNetwork) -> Result<ResidualNetwork> {
        let sample = &self.train[..self.train.len().min(GATHERED)];
        loaded_ahead(self.middles(&self.train_pictures, sample), |batches| {
            let mut failure = None;
            let images = batches.map_while(|batch| batch.map_err(|error| failure = Some(error)).ok());
            let gathered = model.gathered_anew(images.map(|batch| Tensor::from_inner(batch.on_device(&self.device).0)));
            failure.map_or(Ok(gathered), Err)
        })
    }

    fn evaluate(&self, model: &ResidualNetwork, split: Split) -> Result<Evaluation> {
        let (pictures, indices) = match split {
            Split::Validation => (&self.train_pictures, &self.validation),
            Split::Test => (&self.test_pictures, &self.test),
        };
        loaded_ahead(self.middles(pictures, indices), |batches| {
            let mut tally = Tally::default();
            for batch in batches {
                let batch = batch?;
                let classes: Vec<usize> = batch.classes.iter().map(|&class| class as usize).collect();
                tally.add(model.logits(batch.on_device(&self.device).0), classes);
            }
            Ok(tally.evaluation())
        })
    }
}
