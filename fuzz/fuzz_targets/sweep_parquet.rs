//! The Parquet reader takes any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lodecast_sweep_file::Format;

fuzz_target!(
    init: lodecast_fuzz::pass_over_the_decoders_panics(),
    |bytes: &[u8]| lodecast_fuzz::read_and_write_back(bytes, Format::Parquet)
);
