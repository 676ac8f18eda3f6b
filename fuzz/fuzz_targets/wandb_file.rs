//! The reader of W&B's offline files takes any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| lodecast_fuzz::import_file("wandb", "run.wandb", bytes));
