//! Damaged and hostile files give the errors they should, and never a panic.

use std::fmt::Write;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use lodecast::{Run, Sweep};
use lodecast_sweep_file::{Error, Format, ReadOptions, read, read_bytes, write_bytes};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile")
}

#[test]
fn every_file_has_its_error() {
    let mut files: Vec<PathBuf> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| Format::of(path).is_ok());
    files.sort();
    let mut found = String::new();
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let outcome = match read(&path, &ReadOptions::default()) {
            Ok(sweep) => format!("reads: {} runs", sweep.runs.len()),
            Err(error) => error.to_string().replace(&path.display().to_string(), "FILE"),
        };
        writeln!(found, "{name}: {outcome}").unwrap();
    }
    insta::with_settings!({ snapshot_path => "../hostile", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("errors", found);
    });
}

fn small() -> Sweep {
    let mut sweep = Sweep::new(vec!["acc:max".parse().expect("a metric"), "err:min".parse().expect("a metric")]);
    for id in ["é, \"b\"", "c"] {
        let mut run = Run::new(id, 2);
        run.attributes.schedule = Some("cosine".to_owned());
        run.attributes.seed = Some(1);
        run.push(1, Some(f64::NAN), Some(0.1), &[None, Some(0.25)]).expect("steps increase");
        run.push(2, Some(1.5), Some(0.05), &[Some(0.5), None]).expect("steps increase");
        sweep.runs.push(run);
    }
    sweep
}

/// Reads `bytes`; whatever comes of it, it is no panic.
fn outcome(bytes: &[u8], format: Format) -> Result<Sweep, Error> {
    let bytes = bytes.to_vec();
    catch_unwind(AssertUnwindSafe(|| read_bytes(bytes, format, "sweep", &ReadOptions::default())))
        .expect("no panic")
        .map(|(sweep, _)| sweep)
}

#[test]
fn a_file_cut_off_anywhere_is_an_error_or_shorter() {
    for format in [Format::Parquet, Format::Csv, Format::JsonLines] {
        let bytes = write_bytes(&small(), format).unwrap();
        let mut lengths = Vec::new();
        for length in 0..bytes.len() {
            match outcome(&bytes[..length], format) {
                // A CSV that ends in the midst of a last number, or either text at the end of a line, looks sound.
                Ok(sweep) => lengths.push(sweep.runs.iter().map(Run::len).sum::<usize>()),
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
        assert!(lengths.is_sorted(), "{format:?}: {lengths:?}");
        if format == Format::Parquet {
            assert!(lengths.is_empty(), "a Parquet file has its footer at its end");
        }
    }
}

#[test]
fn a_small_file_cannot_mean_gigabytes() {
    let metrics: Vec<String> = (0..2000).map(|metric| format!("\"{metric}:max\"")).collect();
    let mut text = format!("{{\"lodecast_sweep\":1,\"metrics\":[{}],\"runs\":{{}}}}\n", metrics.join(","));
    for step in 0..4000 {
        writeln!(text, "{{\"run_id\":1,\"step\":{step}}}").unwrap();
    }
    assert!(matches!(outcome(text.as_bytes(), Format::JsonLines), Err(Error::TooLarge { .. })));
    let few = text.replacen(&metrics[1..].join(","), "", 1).replacen(",]", "]", 1);
    assert_eq!(outcome(few.as_bytes(), Format::JsonLines).unwrap().runs[0].len(), 4000);
}

#[test]
fn a_file_with_any_byte_changed_is_no_panic() {
    for format in [Format::Parquet, Format::Csv, Format::JsonLines] {
        let bytes = write_bytes(&small(), format).unwrap();
        for at in 0..bytes.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[at] ^= change;
                drop(outcome(&changed, format));
            }
        }
    }
}

#[test]
fn lines_are_counted_whatever_they_end_in() {
    for end in ["\n", "\r\n"] {
        let text =
            ["step,train_loss,lr,val_acc", "20,2,0.1,0.3", "40,1.9,0.1,0.35", "60,1.8,0.1", "80,1.7,0.1,0.4"].join(end);
        let options = ReadOptions::with_metrics(["val_acc:max".parse().expect("a metric")]);
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run.csv");
        fs::write(&path, text).expect("written");
        let error = lodecast_sweep_file::read_run(&path, &options).expect_err("a field is missing").to_string();
        assert!(error.contains("line 4"), "{error}");
    }
}
