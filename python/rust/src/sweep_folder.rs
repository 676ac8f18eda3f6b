//! Sweeps that lie in several files: a folder of recorded runs, or a pattern.

use std::path::{Path, PathBuf};

use lodecast::Sweep;
use lodecast_sweep_file::{ReadOptions, ReadReport, read_live};

use crate::failure::Failure;

/// Reads and joins the files.
pub(crate) fn read(files: &[PathBuf], name: &Path, options: &ReadOptions) -> Result<(Sweep, ReadReport), Failure> {
    if files.is_empty() {
        return Err(lodecast_sweep_file::Error::NoSweepFiles { folder: name.to_owned() }.into());
    }
    let mut sweeps = Vec::with_capacity(files.len());
    let mut report = ReadReport::default();
    for file in files {
        let (sweep, part) = read_live(file, options)?;
        report.rows += part.rows;
        report.merged_rows += part.merged_rows;
        report.sorted_runs.extend(part.sorted_runs);
        report.runs_without_points.extend(part.runs_without_points);
        for column in part.ignored_columns {
            if !report.ignored_columns.contains(&column) {
                report.ignored_columns.push(column);
            }
        }
        sweeps.push(sweep);
    }
    Ok((Sweep::join(sweeps)?, report))
}
