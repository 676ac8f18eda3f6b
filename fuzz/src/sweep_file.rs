//! Bytes as sweep files, read and written back.

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
