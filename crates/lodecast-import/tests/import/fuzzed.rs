//! What the fuzzer starts from and what it has found, imported in every format as it does: see `fuzz/README.md`.

#[allow(unreachable_pub)]
#[path = "../../../../fuzz/src/import.rs"]
mod target;

use std::fs;
use std::path::Path;

use lodecast_import::FORMATS;

#[test]
fn whatever_the_fuzzer_knows_is_imported_without_panic() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/import");
    let folder = tempfile::tempdir().expect("a folder");
    let mut met = Vec::new();
    for entry in fs::read_dir(&seeds).expect("there") {
        let bytes = fs::read(entry.expect("readable").path()).expect("readable");
        target::import_any(&bytes, &folder.path().join("run"));
        met.push(String::from_utf8_lossy(bytes.split(|&byte| byte == b'\n').next().unwrap_or_default()).into_owned());
    }
    for format in FORMATS {
        assert!(met.iter().any(|name| name == format.name()), "no seed for {}", format.name());
    }
}
