//! The reader of W&B's chart exports takes any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| lodecast_fuzz::import_file("wandb", "chart.csv", bytes));
