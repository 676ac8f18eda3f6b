//! The reader of any Parquet table as runs takes any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: lodecast_fuzz::pass_over_the_decoders_panics(),
    |bytes: &[u8]| lodecast_fuzz::import_file("parquet", "0000.parquet", bytes)
);
