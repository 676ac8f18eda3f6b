//! The reader of W&B's histories in Parquet takes any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: lodecast_fuzz::pass_over_the_decoders_panics(),
    |bytes: &[u8]| lodecast_fuzz::import_file("wandb", "run-a-history-v0/0000.parquet", bytes)
);
