//! The Parquet reader takes any bytes.
#![no_main]

use std::panic::{set_hook, take_hook};

use libfuzzer_sys::fuzz_target;
use lodecast_sweep_file::Format;

fuzz_target!(
    init: {
        // The fuzzer's hook ends the process at every panic; those of the decoder are caught by the reader and are no finding.
        let hook = take_hook();
        set_hook(Box::new(move |panic| {
            let decoder = panic.location().is_some_and(|place| !place.file().contains("lodecast"));
            if !decoder {
                hook(panic);
            }
        }));
    },
    |bytes: &[u8]| lodecast_fuzz::read_and_write_back(bytes, Format::Parquet)
);
