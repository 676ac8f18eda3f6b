//! Bytes as files of a tracker, imported as a whole.
//!
//! ```text
//! csv           the format, by its name in the registry
//! 0a            options, as bits in hexadecimal
//! step,loss     the rest: what is in the files of a run of that format, divided by lines of two dashes
//! ```

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use lodecast_import::{Columns, FORMATS, Format, ImportOptions, Limits, Restarts, Source, Survey, Wanted, import};

/// Between the files of a run.
const DIVISION: &[u8] = b"\n--\n";

/// Limits so small that they are met.
fn limits() -> Limits {
    Limits {
        samples: 1 << 16,
        points: 64,
        samples_read: 1 << 18,
        record_bytes: 1 << 16,
        series: 1 << 10,
        settings: 1 << 10,
        ..Limits::default()
    }
}

/// Imports `bytes`, written as above, from the folder `at`, which is made anew. Names that are none choose some format.
///
/// # Panics
/// If a run comes out of it that the engine would not take.
pub fn import_any(bytes: &[u8], at: &Path) {
    let mut head = bytes.splitn(3, |&byte| byte == b'\n');
    let (Some(name), Some(options), Some(rest)) = (head.next(), head.next(), head.next()) else { return };
    let format: &dyn Format = FORMATS
        .iter()
        .copied()
        .find(|format| format.name().as_bytes() == name)
        .unwrap_or_else(|| FORMATS[name.iter().map(|&byte| usize::from(byte)).sum::<usize>() % FORMATS.len()]);
    let bits = std::str::from_utf8(options).ok().and_then(|text| u8::from_str_radix(text, 16).ok()).unwrap_or(0);
    let _ = fs::remove_dir_all(at);
    fs::create_dir_all(at).expect("a folder");
    let files = format.files();
    for (file, part) in files.iter().zip(parts(rest, files.len())) {
        if !part.is_empty() {
            put(&at.join(file), part);
        }
    }
    let source = Source::open(at.to_str().expect("Unicode"), &limits()).expect("a folder");
    if !format.recognises(&source) {
        let _ = format.read(&source, &Wanted::default(), &limits(), &mut |_| ControlFlow::Continue(()));
    }
    import_with(&[(source, format)], &options_of(bits));
}

/// The options that the bits stand for.
fn options_of(bits: u8) -> ImportOptions {
    let flag = |bit: u8| bits & (1 << bit) != 0;
    ImportOptions {
        loss: flag(0).then(|| "loss".to_owned()),
        rate_schedule: flag(1).then(|| "cosine,peak=0.1".parse().expect("a schedule")),
        validation: if flag(2) { vec!["loss:min".parse().expect("a metric")] } else { Vec::new() },
        steps_per_epoch: flag(3).then_some(10),
        restarts: [None, None, Some(Restarts::Last), Some(Restarts::Split)][usize::from(bits >> 4 & 3)],
        total_steps: flag(6).then_some(100),
        limits: limits(),
        ..ImportOptions::default()
    }
}

fn import_with(sources: &[(Source, &dyn Format)], options: &ImportOptions) {
    let Ok(survey) = Survey::of(sources, options) else { return };
    let Ok(columns) = Columns::choose(&survey, options) else { return };
    let _ = import(sources, &columns, options, &mut |run, _| {
        assert!(run.steps().is_sorted_by(|one, other| one < other), "steps that do not rise");
        for column in [run.train_loss(), run.learning_rate()].into_iter().chain(run.validations()) {
            assert_eq!(column.len(), run.len());
        }
        assert!(
            run.attributes.total_steps.is_none_or(|planned| run.steps().last().is_none_or(|&last| last <= planned))
        );
        Ok(ControlFlow::Continue(()))
    });
}

/// The parts of `rest`, at most `count`; the last has what is left.
fn parts(rest: &[u8], count: usize) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let mut rest = rest;
    while parts.len() + 1 < count
        && let Some(at) = rest.windows(DIVISION.len()).position(|window| window == DIVISION)
    {
        parts.push(&rest[..at]);
        rest = &rest[at + DIVISION.len()..];
    }
    parts.push(rest);
    parts
}

fn put(path: &Path, bytes: &[u8]) {
    let made = path.parent().map(fs::create_dir_all).transpose().and_then(|_| fs::write(path, bytes));
    made.expect("a folder for temporary files");
}
