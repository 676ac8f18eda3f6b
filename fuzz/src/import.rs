//! Bytes as a file of a tracker, read in full.

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;

use lodecast_import::{Limits, Source, Wanted, format_named};

/// Reads `bytes`, as the file `name` below a folder, with the format named `format`. Limits are small, so that they are met.
pub fn import(format: &str, name: &str, bytes: &[u8]) {
    let limits =
        Limits { samples: 1 << 16, record_bytes: 1 << 16, series: 1 << 10, settings: 1 << 10, ..Limits::default() };
    put(name, bytes);
    let folder = folder();
    let source = Source::open(folder.to_str().expect("Unicode"), &limits).expect("a folder");
    let _ = format_named(format)
        .expect("a format")
        .read(&source, &Wanted::default(), &limits, &mut |_| ControlFlow::Continue(()));
}

/// Makes the file `name` below the folder that [`import`] reads.
pub fn put(name: &str, bytes: &[u8]) {
    let path = folder().join(name);
    let made = path.parent().map(fs::create_dir_all).transpose().and_then(|_| fs::write(&path, bytes));
    made.expect("a folder for temporary files");
}

fn folder() -> PathBuf {
    std::env::temp_dir().join(format!("lodecast-fuzz-{}", std::process::id()))
}
