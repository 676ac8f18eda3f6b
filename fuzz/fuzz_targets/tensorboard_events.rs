//! The reader of event files takes any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| lodecast_fuzz::import_file("tensorboard", "events.out.tfevents.0", bytes));
