//! Columns of a Parquet table that hold no numbers.

use lodecast_sweep_file::ParquetTable;

/// What is said of a column that holds no numbers.
pub(super) fn left_out(file: &ParquetTable, column: usize, name: &str) -> String {
    format!("'{name}' was left out: it holds {}; save it as numbers", file.unreadable(column).unwrap_or_default())
}
