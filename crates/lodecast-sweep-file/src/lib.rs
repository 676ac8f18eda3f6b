//! Sweep files: Parquet, CSV and JSON lines, read and written.
