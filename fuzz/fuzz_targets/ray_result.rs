//! The reader of rows of JSON, as Ray Tune writes them, takes any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| lodecast_fuzz::import_file("ray", "trial/result.json", bytes));
