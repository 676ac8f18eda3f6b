//! Residual networks on small images, from tiny files in the publishers' formats: they train, repeat themselves, and say
//! what is wrong with bad files.

use std::fs;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use flate2::Compression;
use flate2::write::GzEncoder;
use lodecast::{Direction, Family, Schedule};
use lodecast_lab::data::cifar::Cifar100;
use lodecast_lab::{
    Error, Execution, FixedSchedule, Length, OptimizerKind, Rival, RunRecord, Scale, Sharpness, SweepConfiguration,
    TaskSettings, Training, Variation, run_sweep, tasks,
};

const TASK: &str = "cifar100-resnet18";
const LENGTH: Length = Length { epochs: 4, batch_size: 12, points_per_epoch: 1 };

/// Records in the publishers' format: a few classes, each of another colour.
fn records(count: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for index in 0..count {
        let class = (index % 3) as u8;
        bytes.extend([class / 2, class]);
        for plane in 0..3 {
            let bright = if plane == class { 200 } else { 20 };
            bytes.extend((0..1024).map(|place| bright + (place % 7) as u8 + (index % 5) as u8));
        }
    }
    bytes
}

fn write_folder(folder: &Path) {
    fs::write(folder.join("train.bin"), records(300)).unwrap();
    fs::write(folder.join("test.bin"), records(60)).unwrap();
}

fn write_archive(path: &Path, files: &[(&str, &[u8])]) {
    let mut archive = tar::Builder::new(GzEncoder::new(fs::File::create(path).unwrap(), Compression::fast()));
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, format!("cifar-100-binary/{name}"), *bytes).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap();
}

fn settings(data: &Path) -> TaskSettings {
    TaskSettings { scale: Scale::new(0.06).unwrap(), data: Some(data.to_owned()), ..TaskSettings::default() }
}

fn train(data: &Path, seed: u64, rival: Rival, rate: f64, sharpness: Option<Sharpness>) -> RunRecord {
    let settings = TaskSettings { scale: Scale::new(0.2).unwrap(), ..settings(data) };
    let task = tasks::open(TASK, &settings).unwrap();
    let training = Training { id: "run", optimizer: OptimizerKind::Sgd, seed, length: LENGTH, cancel: None, sharpness };
    let contender = rival.contender(String::new(), rate, Direction::Max, None).unwrap();
    let mut method = (contender.factory)(seed, LENGTH.total_steps(task.train_examples())).unwrap();
    task.train(&training, method.as_mut()).unwrap()
}

#[test]
fn the_network_learns_and_repeats_itself_and_sharpness_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    write_folder(folder.path());
    let rival: Rival = "constant".parse().unwrap();
    let record = train(folder.path(), 1, rival, 0.05, None);
    // Three classes of a hundred: a guess has 1 %, and running statistics that are not the network's have little more. Where a few
    // steps at a constant rate end differs from processor to processor.
    let best = record.run.validation(0).iter().copied().flatten().fold(0.0, f64::max);
    assert!(best > 0.9 && record.test_metric > 0.3, "{record:?}");
    let sharpness = Some(Sharpness { eigenvalues: 2, iterations: 3, examples: 20 });
    let measured = train(folder.path(), 1, rival, 0.05, sharpness);
    assert_eq!(measured.run, record.run);
    assert_eq!(measured.test_loss, record.test_loss);
    assert!(measured.sharpness[0] > measured.sharpness[1] && measured.sharpness[0] > 0.0, "{measured:?}");
    assert_ne!(train(folder.path(), 2, rival, 0.05, None).run.train_loss(), record.run.train_loss());
}

#[test]
fn averaged_weights_are_evaluated_with_statistics_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    write_folder(folder.path());
    let rival: Rival = "schedule-free-sgd".parse().unwrap();
    let record = train(folder.path(), 1, rival, 0.5, None);
    assert!(record.test_metric > 0.9, "{record:?}");
    assert_eq!(train(folder.path(), 1, rival, 0.5, None).run, record.run);
}

#[test]
fn a_residual_network_dies_with_its_normalisation() {
    let folder = tempfile::tempdir().unwrap();
    write_folder(folder.path());
    let variation = Variation { width: 0.5, data_share: 0.5, dead_from: Some(0.5), ..Variation::default() };
    let settings = TaskSettings { scale: Scale::new(0.2).unwrap(), variation, ..settings(folder.path()) };
    let task = tasks::open(TASK, &settings).unwrap();
    assert_eq!(
        task.description(),
        "CIFAR-100 at scale 0.2: 27 training, 30 validation and 60 test images, split by seed 42; \
         varied: width x 0.5, data share 0.5, dead from 0.5"
    );
    let length = task.length(Some(LENGTH));
    let training =
        Training { id: "run", optimizer: OptimizerKind::Sgd, seed: 1, length, cancel: None, sharpness: None };
    let total = length.total_steps(task.train_examples());
    let mut method = FixedSchedule::new(Schedule::constant(0.05), total).unwrap();
    let record = task.train(&training, &mut method).unwrap();
    // A hundred classes, all as likely; what momentum is left brings no weight back.
    let losses: Vec<f64> = record.run.train_loss().iter().copied().flatten().collect();
    assert!(losses[2..].iter().all(|loss| (loss - 100_f64.ln()).abs() < 1e-5), "{losses:?}");
    assert!((record.test_loss - 100_f64.ln()).abs() < 1e-5, "{}", record.test_loss);
    assert_eq!(record.run.validation(0)[1..], [record.run.validation(0)[3]; 3]);
}

#[test]
fn runs_side_by_side_are_the_runs_alone() {
    let folder = tempfile::tempdir().unwrap();
    write_folder(folder.path());
    let settings = settings(folder.path());
    let task = tasks::open(TASK, &settings).unwrap();
    let configuration = SweepConfiguration {
        task: TASK.to_owned(),
        settings,
        optimizer: OptimizerKind::AdamW,
        families: vec![Family::Cosine],
        peak_learning_rates: vec![0.001, 0.01],
        schedules: Vec::new(),
        warmup: 0.0,
        seeds: vec![1, 2],
        length: Some(Length { epochs: 2, batch_size: 8, points_per_epoch: 1 }),
    };
    let sweep = |jobs| {
        let cancel = AtomicBool::new(false);
        let jobs = NonZeroUsize::new(jobs).unwrap();
        let execution = Execution { jobs, journal: None, cancel: &cancel, progress: &|_| {} };
        run_sweep(task.as_ref(), &configuration, &execution).unwrap()
    };
    let (alone, together) = (sweep(1), sweep(4));
    assert_eq!(alone.sweep, together.sweep);
    let finals = |records: &[RunRecord]| records.iter().map(|record| record.test_loss).collect::<Vec<_>>();
    assert_eq!(finals(&alone.records), finals(&together.records));
}

#[test]
fn an_archive_holds_what_the_folder_holds() {
    let folder = tempfile::tempdir().unwrap();
    write_folder(folder.path());
    let archive = folder.path().join("cifar-100-binary.tar.gz");
    write_archive(
        &archive,
        &[("fine_label_names.txt", b"apple\n"), ("train.bin", &records(300)), ("test.bin", &records(60))],
    );
    let unpacked = Cifar100::find(folder.path()).unwrap();
    let packed = Cifar100::find(&archive).unwrap();
    let choose = |count| {
        assert_eq!(count, 300);
        vec![1, 2, 250]
    };
    let images = unpacked.train(choose).unwrap();
    assert_eq!(packed.train(choose).unwrap(), images);
    assert_eq!(images.classes, [1, 2, 1]);
    // Pixels, no longer planes: the second image's 1.
    assert_eq!(images.image(1)[..6], [22, 22, 202, 23, 23, 203]);
    assert_eq!(packed.test(|_| vec![0, 59]).unwrap(), unpacked.test(|_| vec![0, 59]).unwrap());

    let task = tasks::open(TASK, &settings(&archive)).unwrap();
    assert_eq!(
        task.description(),
        "CIFAR-100 at scale 0.06: 16 training, 30 validation and 60 test images, split by seed 42"
    );
}

#[test]
fn missing_data_names_the_command_that_gets_it() {
    let folder = tempfile::tempdir().unwrap();
    let error = tasks::open(TASK, &settings(folder.path())).err().unwrap();
    let archive = folder.path().join("cifar-100-binary.tar.gz");
    let expected = format!(
        "curl --fail --create-dirs --output '{0}' https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz \
         && echo '03b5dce01913d631647c71ecec9e9cb8  {0}' | md5sum --check",
        archive.display()
    );
    assert!(matches!(error, Error::MissingData { command, .. } if command == expected));
}

#[test]
fn damaged_files_are_typed_errors() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("cifar.tar.gz");
    let whole = records(4);
    let mut bad_class = records(4);
    bad_class[2 * 3074 + 1] = 100;
    for (bytes, expected) in [
        (&whole[..whole.len() - 1], "it has 12295 bytes, which are no records of 3074"),
        (&whole[..0], "it has 0 bytes"),
        (&bad_class[..], "image 2 has the class 100, not below 100"),
    ] {
        write_archive(&archive, &[("train.bin", bytes), ("test.bin", &whole)]);
        fs::write(folder.path().join("train.bin"), bytes).unwrap();
        for (data, file) in [(folder.path(), "train.bin"), (&archive, "cifar.tar.gz/train.bin")] {
            let error = tasks::open(TASK, &settings(data)).err().unwrap().to_string();
            assert!(error.contains(expected) && error.contains(file) && error.contains("get the file anew"), "{error}");
        }
    }

    write_archive(&archive, &[("train.bin", &whole)]);
    let error = tasks::open(TASK, &settings(&archive)).err().unwrap().to_string();
    assert!(error.contains("there is no test.bin in it"), "{error}");
    write_archive(&archive, &[("train.bin", &whole), ("test.bin", &whole)]);
    let bytes = fs::read(&archive).unwrap();
    let mut wrong = bytes.clone();
    let checksum = wrong.len() - 8;
    wrong[checksum] ^= 1;
    for damaged in [&bytes[..bytes.len() / 2], &wrong, b"no archive"] {
        fs::File::create(&archive).unwrap().write_all(damaged).unwrap();
        let error = tasks::open(TASK, &settings(&archive)).err().unwrap().to_string();
        assert!(error.contains("cifar.tar.gz") && error.contains("get the file anew"), "{error}");
    }
}

#[test]
fn a_scale_too_small_for_any_step_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write_folder(folder.path());
    let task = tasks::open(TASK, &settings(folder.path())).unwrap();
    let training = Training {
        id: "run",
        optimizer: OptimizerKind::Sgd,
        seed: 1,
        length: task.default_length(),
        cancel: None,
        sharpness: None,
    };
    let mut method = FixedSchedule::new(Schedule::constant(0.1), 1).unwrap();
    let error = task.train(&training, &mut method).unwrap_err().to_string();
    assert!(error.starts_with("batch_size = 256"), "{error}");
}
