//! The file formats of a sweep, told apart by the ending of the file's name.

use std::path::Path;

use crate::error::{Error, Result};

/// A file format of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Apache Parquet: `.parquet`, `.pq`.
    Parquet,
    /// Comma-separated values: `.csv`.
    Csv,
    /// One JSON object a line: `.jsonl`, `.ndjson`.
    JsonLines,
}

impl Format {
    /// The format that the ending of `path` names, in upper or lower case.
    ///
    /// # Errors
    /// If the ending is none of those known.
    pub fn of(path: &Path) -> Result<Self> {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
        match ending.as_str() {
            "parquet" | "pq" => Ok(Self::Parquet),
            "csv" => Ok(Self::Csv),
            "jsonl" | "ndjson" => Ok(Self::JsonLines),
            _ => Err(Error::UnknownFormat { path: path.to_owned() }),
        }
    }
}
