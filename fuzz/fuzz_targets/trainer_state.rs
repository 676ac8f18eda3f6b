//! The reader of the Hugging Face trainer's states takes any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| lodecast_fuzz::import_file("huggingface", "run/trainer_state.json", bytes));
