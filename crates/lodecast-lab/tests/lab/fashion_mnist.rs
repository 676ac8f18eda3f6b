//! Fashion-MNIST from tiny files in the publishers' format: it trains, repeats itself, and says what is wrong with bad files.

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use lodecast::Schedule;
use lodecast_lab::data::idx::{self, Published};
use lodecast_lab::{FixedSchedule, Length, OptimizerKind, RunRecord, Scale, TaskSettings, Training, Variation, tasks};

const CNN: &str = "fashion-mnist-cnn";
const SIDE: usize = 8;
const TRAIN: usize = 200;
const LENGTH: Length = Length { epochs: 3, batch_size: 20, points_per_epoch: 3 };
/// Of two images of 2 by 2 pixels that are all 7, and of the labels 0 and 1.
const IMAGES_SHA256: &str = "f472270a77ff0a89dafce6bd6ee2113f047898e94af8157d6bd29c73445353ee";
const LABELS_SHA256: &str = "8c50639ad7f90a8211edb1bbdfb25436fd8e2a10794b6d5e3d479d1b22c7e318";
/// No file is that small.
const NONE: Published = Published { sizes: [0, 0, 0], images: "", labels: "" };

/// An IDX file of the given sizes: the bytes before compression.
fn idx_bytes(sizes: &[u32], values: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, sizes.len() as u8];
    bytes.extend(sizes.iter().flat_map(|size| size.to_be_bytes()));
    bytes.extend(values);
    bytes
}

fn write_compressed(path: &Path, bytes: &[u8]) {
    let mut encoder = GzEncoder::new(fs::File::create(path).unwrap(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap();
}

/// Images whose brightness is their class, with labels.
fn write_data(folder: &Path) {
    for (name, count) in [("train", TRAIN), ("t10k", 40)] {
        let labels: Vec<u8> = (0..count).map(|index| (index % 10) as u8).collect();
        let pixels: Vec<u8> = labels.iter().flat_map(|&label| vec![label * 25; SIDE * SIDE]).collect();
        let sizes = [count as u32, SIDE as u32, SIDE as u32];
        write_compressed(&folder.join(format!("{name}-images-idx3-ubyte.gz")), &idx_bytes(&sizes, &pixels));
        write_compressed(&folder.join(format!("{name}-labels-idx1-ubyte.gz")), &idx_bytes(&sizes[..1], &labels));
    }
}

fn settings(folder: &Path) -> TaskSettings {
    TaskSettings { scale: Scale::new(0.5).unwrap(), data: Some(folder.to_owned()), ..TaskSettings::default() }
}

fn train(task: &str, folder: &Path, seed: u64) -> RunRecord {
    // The residual network is deep: narrower, it takes no longer than the other.
    let width = if task == CNN { 1.0 } else { 0.25 };
    let variation = Variation { width, ..Variation::default() };
    let task = tasks::open(task, &TaskSettings { variation, ..settings(folder) }).unwrap();
    let training =
        Training { id: "run", optimizer: OptimizerKind::AdamW, seed, length: LENGTH, cancel: None, sharpness: None };
    let steps = LENGTH.total_steps(task.train_examples());
    task.train(&training, &mut FixedSchedule::new(Schedule::constant(1e-3), steps).unwrap()).unwrap()
}

#[test]
fn the_networks_learn_and_repeat_themselves_dropout_included() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    for task in [CNN, "fashion-mnist-resnet18"] {
        let train = |seed| train(task, folder.path(), seed);
        let record = train(1);
        let loss: Vec<f64> = record.run.train_loss().iter().flatten().copied().collect();
        // A batch is small, so its loss jumps about: three in a row are well below that of a guess among ten classes.
        let last = loss[loss.len() - 3..].iter().sum::<f64>() / 3.0;
        assert!(last < 0.9 * 10f64.ln(), "{task}: {loss:?}");
        assert_eq!(train(1).run, record.run, "{task}");
        assert_ne!(train(2).run.train_loss(), record.run.train_loss(), "{task}");
    }
}

#[test]
fn a_scale_takes_its_part_of_what_is_trained() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    let task = tasks::open(CNN, &settings(folder.path())).unwrap();
    assert_eq!(task.train_examples(), 90);
    assert_eq!(
        task.description(),
        "Fashion-MNIST at scale 0.5: 90 training, 20 validation and 40 test images, split by seed 42"
    );
}

#[test]
fn only_the_images_asked_for_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    let [images, labels] =
        ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"].map(|name| folder.path().join(name));
    let read = idx::read(&images, &labels, &[3, 17, 199], 10, &NONE).unwrap();
    assert_eq!(read.classes, [3, 7, 9]);
    assert_eq!(read.image(1), [175; SIDE * SIDE]);
}

#[test]
fn missing_data_names_the_command_that_gets_it() {
    let folder = tempfile::tempdir().unwrap();
    let error = tasks::open(CNN, &settings(folder.path())).err().unwrap().to_string();
    assert!(error.contains("apt-get install dataset-fashion-mnist"), "{error}");
}

#[test]
fn damaged_files_are_typed_errors() {
    let folder = tempfile::tempdir().unwrap();
    let images = folder.path().join("train-images-idx3-ubyte.gz");
    let labels = folder.path().join("train-labels-idx1-ubyte.gz");
    write_compressed(&labels, &idx_bytes(&[2], &[0, 11]));
    let whole = idx_bytes(&[2, 2, 2], &[7; 8]);
    let longer = [&whole[..], &[0]].concat();
    for (bytes, expected) in [
        (&whole[..3], "it ends, at its magic number"),
        (&whole[..9], "it ends, at its sizes"),
        (&whole[..19], "it ends, at example 0 of 2"),
        (&longer[..], "goes on after its last example"),
        (&idx_bytes(&[2, 2], &[7; 4])[..], "not with the magic number of bytes in 3 dimensions"),
        (&idx_bytes(&[2, 0, 2], &[])[..], "size 1 is 0, not in 1..=4096"),
        (&idx_bytes(&[u32::MAX, 2, 2], &[])[..], "size 0 is 4294967295"),
        (&idx_bytes(&[2, u32::MAX, u32::MAX], &[])[..], "size 1 is 4294967295"),
        (&idx_bytes(&[3, 2, 2], &[7; 12])[..], "it has 2 labels for the 3 images"),
        (&whole[..], "the label 11 is not below 10"),
    ] {
        write_compressed(&images, bytes);
        let error = idx::read(&images, &labels, &[0, 1], 10, &NONE).unwrap_err().to_string();
        assert!(error.contains(expected), "{error} does not say: {expected}");
    }

    write_compressed(&images, &whole);
    let mut torn = fs::read(&images).unwrap();
    let checksum = torn.len() - 8;
    torn[checksum] ^= 1;
    fs::write(&images, &torn).unwrap();
    assert!(idx::read(&images, &labels, &[0], 10, &NONE).is_err(), "a wrong checksum is noticed");
    fs::write(&images, "no gzip").unwrap();
    assert!(idx::read(&images, &labels, &[0], 10, &NONE).is_err());
}

#[test]
fn files_of_the_published_sizes_have_to_be_the_published_ones() {
    let folder = tempfile::tempdir().unwrap();
    let [images, labels] = ["images.gz", "labels.gz"].map(|name| folder.path().join(name));
    write_compressed(&images, &idx_bytes(&[2, 2, 2], &[7; 8]));
    write_compressed(&labels, &idx_bytes(&[2], &[0, 1]));
    // sha256sum of the same bytes.
    let published = Published { sizes: [2, 2, 2], images: IMAGES_SHA256, labels: LABELS_SHA256 };
    assert_eq!(idx::read(&images, &labels, &[1], 10, &published).unwrap().classes, [1]);
    write_compressed(&labels, &idx_bytes(&[2], &[1, 1]));
    let error = idx::read(&images, &labels, &[1], 10, &published).unwrap_err().to_string();
    assert!(
        error.contains("labels.gz: its unpacked bytes have the SHA-256 ") && error.contains(LABELS_SHA256),
        "{error}"
    );
    let other_sizes = Published { sizes: [3, 2, 2], ..published };
    assert!(idx::read(&images, &labels, &[1], 10, &other_sizes).is_ok());
}
