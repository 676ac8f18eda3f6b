//! What every fuzz target of a reader checks.

mod import;

pub use import::{import_any, import_file, put};

use std::panic::{set_hook, take_hook};

use lodecast_sweep_file::{Format, ReadOptions, read_bytes, write_bytes};

/// Reads `bytes` as `format`. It is an error or a sweep; a sweep that can be written reads back equal.
///
/// # Panics
/// If it does not.
pub fn read_and_write_back(bytes: &[u8], format: Format) {
    let metrics = ["acc:max".parse().expect("a metric")];
    for options in [ReadOptions::default(), ReadOptions::with_metrics(metrics)] {
        let Ok((sweep, _)) = read_bytes(bytes.to_vec(), format, "sweep", &options) else { continue };
        // A foreign file may have names that we do not write.
        let Ok(written) = write_bytes(&sweep, format) else { continue };
        let (back, _) =
            read_bytes(written, format, "sweep", &ReadOptions::default()).expect("what we wrote reads back");
        assert_eq!(format!("{back:?}"), format!("{sweep:?}"));
    }
}

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
