//! The reader of delimited text takes any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| lodecast_fuzz::import_file("csv", "runs.csv", bytes));
