//! The CSV reader takes any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lodecast_sweep_file::Format;

fuzz_target!(|bytes: &[u8]| lodecast_fuzz::read_and_write_back(bytes, Format::Csv));
