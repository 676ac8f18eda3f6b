//! Bytes as files of a tracker, imported as a whole.

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;

use lodecast_import::{Columns, FORMATS, Format, ImportOptions, Limits, Restarts, Source, Survey, Wanted, format_named, import};

/// Limits so small that they are met.
fn limits() -> Limits {
    Limits { samples: 1 << 16, record_bytes: 1 << 16, series: 1 << 10, settings: 1 << 10, ..Limits::default() }
}

/// Reads `bytes`, as the file `name` below a folder, with the format named `format`.
pub fn import_file(format: &str, name: &str, bytes: &[u8]) {
    put(name, bytes);
    let source = Source::open(folder().to_str().expect("Unicode"), &limits()).expect("a folder");
    let format = format_named(format).expect("a format");
    let _ = format.read(&source, &Wanted::default(), &limits(), &mut |_| ControlFlow::Continue(()));
}

/// Imports `bytes` with the format that its first byte chooses from the registry: the second byte chooses options, and the rest is
/// shared out among the files of a run of that format, at zeros.
///
/// # Panics
/// If a run comes out of it that the engine would not take.
pub fn import_any(bytes: &[u8]) {
    let [chosen, options, rest @ ..] = bytes else { return };
    let format: &dyn Format = FORMATS[usize::from(*chosen) % FORMATS.len()];
    let _ = fs::remove_dir_all(folder());
    let mut parts = rest.split(|&byte| byte == 0);
    let files = format.files();
    for (index, file) in files.iter().enumerate() {
        // The last takes what is left, zeros and all.
        let part = if index + 1 == files.len() {
            let before: usize = rest.split(|&byte| byte == 0).take(index).map(|part| part.len() + 1).sum();
            rest.get(before..).unwrap_or_default()
        } else {
            parts.next().unwrap_or_default()
        };
        put(file, part);
    }
    let flag = |bit: u8| options & (1 << bit) != 0;
    let options = ImportOptions {
        loss: flag(0).then(|| "loss".to_owned()),
        rate_schedule: flag(1).then(|| "cosine,peak=0.1".parse().expect("a schedule")),
        validation: if flag(2) { vec!["loss:min".parse().expect("a metric")] } else { Vec::new() },
        steps_per_epoch: flag(3).then_some(10),
        restarts: [None, None, Some(Restarts::Last), Some(Restarts::Split)][usize::from(options >> 4 & 3)],
        total_steps: flag(6).then_some(100),
        limits: limits(),
        ..ImportOptions::default()
    };
    let source = Source::open(folder().to_str().expect("Unicode"), &limits()).expect("a folder");
    let sources = [(source, format)];
    let Ok(survey) = Survey::of(&sources, &options) else { return };
    let Ok(columns) = Columns::choose(&survey, &options) else { return };
    let _ = import(&sources, &columns, &options, &mut |run, _| {
        assert!(run.steps.is_sorted_by(|one, other| one < other), "steps that do not rise");
        for column in [&run.train_loss, &run.learning_rate].into_iter().chain(&run.validation) {
            assert_eq!(column.len(), run.steps.len());
        }
        Ok(ControlFlow::Continue(()))
    });
}

/// Makes the file `name` below the folder that is imported.
pub fn put(name: &str, bytes: &[u8]) {
    let path = folder().join(name);
    let made = path.parent().map(fs::create_dir_all).transpose().and_then(|_| fs::write(&path, bytes));
    made.expect("a folder for temporary files");
}

fn folder() -> PathBuf {
    std::env::temp_dir().join(format!("lodecast-fuzz-{}", std::process::id()))
}
