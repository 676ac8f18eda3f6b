//! The reader of burn's metric logs takes any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| lodecast_fuzz::import_file("burn", "run/train/epoch-1/Loss.log", bytes));
