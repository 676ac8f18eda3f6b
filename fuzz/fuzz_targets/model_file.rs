//! The readers of model files, lodecast's own and the reference implementation's, take any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| lodecast_fuzz::read_and_ask(bytes));
