//! The whole import takes any bytes, in every format of the registry: reading, choosing, telling restarts, and assembling.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: lodecast_fuzz::pass_over_the_decoders_panics(), |bytes: &[u8]| lodecast_fuzz::import_any(bytes));
