//! What the fuzzer starts from and what it has found, read and asked as it does: see `fuzz/README.md`.

#[allow(unreachable_pub)]
#[path = "../../../../fuzz/src/model_file.rs"]
mod target;

use std::fs;
use std::path::Path;

#[test]
fn whatever_the_fuzzer_knows_is_an_error_or_a_model_that_answers() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/model_file");
    let files: Vec<_> = fs::read_dir(seeds).expect("there").map(|entry| entry.expect("readable").path()).collect();
    assert!(files.len() > 6);
    for file in files {
        target::read_and_ask(&fs::read(file).expect("readable"));
    }
}
