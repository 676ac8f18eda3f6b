//! W&B's export of its table of runs: a row a run, with settings and last values, and nothing of how it came about.

use std::path::Path;

use crate::decode::delimited;
use crate::error::Error;
use crate::source::Source;

/// Columns that W&B itself has in that table beside `Name`.
const COLUMNS: [&str; 8] = ["State", "Notes", "User", "Tags", "Created", "Runtime", "Sweep", "ID"];

/// What is said of such a table.
pub(super) const REASON: &str = "W&B's table of runs has one row a run: the last values, not the course of the metrics";
const REMEDY: &str = "export the history: of each run with run.download_history_exports(FOLDER) of W&B's Python package \
                      (Parquet), or of each chart as CSV, or take the .wandb files of the runs' own folders";

/// The tables of runs in the source.
pub(super) fn find(source: &Source) -> impl Iterator<Item = &Path> {
    source.files_ending("csv").filter(|path| is_runs_table(path))
}

fn is_runs_table(path: &Path) -> bool {
    let Some(header) = delimited::header(path) else { return false };
    let has = |name: &str| header.iter().any(|column| column == name);
    has("Name") && COLUMNS.iter().filter(|name| has(name)).count() >= 2
}

/// The error of a source that has nothing else.
pub(super) fn refused(path: &Path) -> Error {
    Error::Undecided { place: path.display().to_string(), question: REASON.to_owned(), remedy: REMEDY.to_owned() }
}
