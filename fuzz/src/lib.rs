//! What every fuzz target of a reader checks.

mod import;
mod model_file;
mod sweep_file;

pub use import::import_any;
pub use model_file::read_and_ask;
pub use sweep_file::read_and_write_back;

use std::panic::{set_hook, take_hook};

/// Lets the Parquet decoder panic: the fuzzer's hook ends the process at every panic, but those of the decoder are caught by the
/// reader and are no finding.
pub fn pass_over_the_decoders_panics() {
    let hook = take_hook();
    set_hook(Box::new(move |panic| {
        let decoder = panic.location().is_some_and(|place| !place.file().contains("lodecast"));
        if !decoder {
            hook(panic);
        }
    }));
}
