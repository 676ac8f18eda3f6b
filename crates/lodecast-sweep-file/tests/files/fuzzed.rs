//! What the fuzzer starts from and what it has found, read and written back as it does: see `fuzz/README.md`.

#[allow(unreachable_pub)]
#[path = "../../../../fuzz/src/sweep_file.rs"]
mod target;

use std::fs;
use std::path::Path;

use lodecast_sweep_file::Format;

#[test]
fn whatever_the_fuzzer_knows_is_an_error_or_a_sweep() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds");
    for (folder, format) in
        [("sweep_parquet", Format::Parquet), ("sweep_csv", Format::Csv), ("sweep_json_lines", Format::JsonLines)]
    {
        let mut files = 0;
        for entry in fs::read_dir(seeds.join(folder)).expect("there") {
            let bytes = fs::read(entry.expect("readable").path()).expect("readable");
            target::read_and_write_back(&bytes, format);
            files += 1;
        }
        assert!(files > 3, "{folder}");
    }
}
