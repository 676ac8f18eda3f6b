//! Photographs in class folders: decoded beside the training, in the same way every time, and broken ones end a run.

use std::fs;
use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageFormat, RgbImage};
use lodecast::Schedule;
use lodecast_lab::data::pictures::Pictures;
use lodecast_lab::{
    Error, FixedSchedule, Length, OptimizerKind, Result, RunRecord, Scale, TaskSettings, Training, tasks,
};

const TASK: &str = "imagenet-resnet34";
const CLASSES: [&str; 2] = ["n01440764", "n01443537"];

/// A picture that is lighter on the left or at the top, by its class.
fn picture(class: usize, number: usize) -> RgbImage {
    let (width, height) = (40 + number as u32, 50);
    RgbImage::from_fn(width, height, |x, y| {
        let share = if class == 0 { f64::from(x) / f64::from(width) } else { f64::from(y) / f64::from(height) };
        let light = (40.0 + 200.0 * (1.0 - share)) as u8;
        image::Rgb([light, light / 2, 255 - light])
    })
}

fn path(folder: &Path, part: &str, class: &str, number: usize) -> PathBuf {
    folder.join(part).join(class).join(format!("{class}_{number:03}.JPEG"))
}

fn write_data(folder: &Path) {
    for (part, count) in [("train", 60), ("val", 20)] {
        for (class, name) in CLASSES.iter().enumerate() {
            fs::create_dir_all(folder.join(part).join(name)).unwrap();
            for number in 0..count {
                picture(class, number).save_with_format(path(folder, part, name, number), ImageFormat::Jpeg).unwrap();
            }
        }
    }
}

/// A tenth of the pictures, and of the widths.
fn settings(folder: &Path) -> TaskSettings {
    TaskSettings { data: Some(folder.to_owned()), scale: Scale::new(0.1).unwrap(), ..TaskSettings::default() }
}

fn train(folder: &Path, seed: u64) -> Result<RunRecord> {
    let task = tasks::open(TASK, &settings(folder))?;
    let length = Length { epochs: 1, batch_size: 5, points_per_epoch: 2 };
    let training = Training { id: "run", optimizer: OptimizerKind::Sgd, seed, length, cancel: None, sharpness: None };
    let steps = length.total_steps(task.train_examples());
    task.train(&training, &mut FixedSchedule::new(Schedule::constant(0.01), steps).unwrap())
}

#[test]
fn runs_repeat_themselves_with_pictures_loaded_ahead() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    let task = tasks::open(TASK, &settings(folder.path())).unwrap();
    assert_eq!(
        task.description(),
        "ImageNet at scale 0.1: 10 training, 2 validation and 4 test pictures of 2 classes, split by seed 42"
    );
    let record = train(folder.path(), 1).unwrap();
    assert_eq!(record.run.steps(), [1, 2]);
    assert!(record.run.train_loss().iter().flatten().all(|loss| loss.is_finite()), "{record:?}");
    let again = train(folder.path(), 1).unwrap();
    assert_eq!((&again.run, again.test_loss), (&record.run, record.test_loss));
    assert_ne!(train(folder.path(), 2).unwrap().run.train_loss(), record.run.train_loss());
}

#[test]
fn a_broken_picture_ends_the_run_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    for class in CLASSES {
        for number in 0..60 {
            let path = path(folder.path(), "train", class, number);
            let bytes = fs::read(&path).unwrap();
            fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        }
    }
    let error = train(folder.path(), 1).unwrap_err();
    assert!(matches!(error, Error::DamagedData { .. }), "{error}");
    let error = error.to_string();
    assert!(error.contains(".JPEG: no usable picture: ") && error.ends_with("; get the file anew"), "{error}");
}

#[test]
fn pictures_are_what_their_bytes_say() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    let original = picture(0, 0);
    // Among ImageNet's JPEGs there are a PNG and some without colour.
    original.save_with_format(path(folder.path(), "val", CLASSES[0], 0), ImageFormat::Png).unwrap();
    let grey = DynamicImage::ImageRgb8(original.clone()).into_luma8();
    grey.save_with_format(path(folder.path(), "val", CLASSES[0], 1), ImageFormat::Jpeg).unwrap();
    fs::write(folder.path().join("val/.listing"), "").unwrap();

    let pictures = Pictures::list(&folder.path().join("val")).unwrap();
    assert_eq!((pictures.len(), pictures.classes()), (40, &CLASSES.map(str::to_owned)[..]));
    assert_eq!((pictures.class(19), pictures.class(20)), (0, 1));
    assert_eq!(pictures.path(39), path(folder.path(), "val", CLASSES[1], 19));
    assert_eq!(pictures.decode(0).unwrap(), original);
    let decoded = pictures.decode(1).unwrap();
    assert_eq!(decoded.dimensions(), original.dimensions());
    assert!(decoded.pixels().all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2]));
    let decoded = pictures.decode(2).unwrap();
    let difference = |(a, b): (&u8, &u8)| u32::from(a.abs_diff(*b));
    let total: u32 = decoded.iter().zip(picture(0, 2).iter()).map(difference).sum();
    let mean = f64::from(total) / decoded.len() as f64;
    assert!(mean < 6.0, "a JPEG is nearly what went into it: {mean}");
}

#[test]
fn broken_pictures_are_typed_errors() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    let pictures = Pictures::list(&folder.path().join("val")).unwrap();
    let file = pictures.path(0);
    let whole = fs::read(&file).unwrap();
    // A height of 65535 rows, of which nothing is there.
    let mut tall = whole.clone();
    let frame = tall.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    tall[frame + 5..frame + 7].copy_from_slice(&[0xff, 0xff]);
    for bytes in
        [&whole[..0], b"no picture", &whole[..20], &whole[..whole.len() / 2], &whole[..whole.len() - 30], &tall]
    {
        fs::write(&file, bytes).unwrap();
        let error = pictures.decode(0).unwrap_err();
        assert!(matches!(&error, Error::DamagedData { path, .. } if *path == file), "{} bytes: {error}", bytes.len());
    }
    fs::remove_file(&file).unwrap();
    assert!(matches!(pictures.decode(0).unwrap_err(), Error::File { .. }));
}

#[test]
fn folders_that_are_no_classes_are_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let open = || tasks::open(TASK, &settings(folder.path())).err().unwrap().to_string();
    let error = open();
    assert!(error.contains("kaggle competitions download -c imagenet-object-localization-challenge"), "{error}");
    fs::create_dir_all(folder.path().join("train")).unwrap();
    fs::create_dir_all(folder.path().join("val")).unwrap();
    let error = open();
    assert!(error.contains("no class's folder in it"), "{error}");

    write_data(folder.path());
    fs::create_dir(folder.path().join("val/n99")).unwrap();
    let error = open();
    assert!(error.contains("n99: there is no picture in it"), "{error}");
    fs::copy(path(folder.path(), "val", CLASSES[0], 0), folder.path().join("val/n99/a.JPEG")).unwrap();
    let error = open();
    assert!(error.contains("the class 'n99' is not among those for training"), "{error}");
    fs::remove_dir_all(folder.path().join("val/n99")).unwrap();
    fs::write(folder.path().join("val").join(CLASSES[0]).join("labels.txt"), "").unwrap();
    let error = open();
    assert!(error.contains("'labels.txt' is no picture by its name"), "{error}");
    fs::remove_dir_all(folder.path().join("val").join(CLASSES[0])).unwrap();
    let error = open();
    assert!(error.contains(&format!("the class '{}' is missing", CLASSES[0])), "{error}");
    fs::write(folder.path().join("train/a.JPEG"), "").unwrap();
    let error = open();
    assert!(error.contains("'a.JPEG' is in no class's folder"), "{error}");
}
