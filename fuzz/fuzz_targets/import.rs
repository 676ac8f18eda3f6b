//! The whole import takes any bytes, in every format of the registry: reading, choosing, telling restarts, and assembling.
#![no_main]

use std::path::PathBuf;

use libfuzzer_sys::fuzz_target;

fn folder() -> PathBuf {
    std::env::temp_dir().join(format!("lodecast-fuzz-{}", std::process::id()))
}

fuzz_target!(
    init: lodecast_fuzz::pass_over_the_decoders_panics(),
    |bytes: &[u8]| lodecast_fuzz::import_any(bytes, &folder())
);
