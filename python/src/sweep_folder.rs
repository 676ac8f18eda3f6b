//! Sweeps that lie in several files: a folder of recorded runs, or a pattern.

use std::fs;
use std::path::{Path, PathBuf};

use lodecast::Sweep;
use lodecast_sweep_file::{Format, ReadOptions, ReadReport, read_bytes, read_with_report};

use crate::failure::Failure;

/// The sweep files in a folder, by name. Hidden files are none.
pub(crate) fn files_in(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |source| lodecast_sweep_file::Error::File { path: folder.to_owned(), source };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if !hidden && path.is_file() && Format::of(&path).is_ok() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Reads and joins the files.
pub(crate) fn read(files: &[PathBuf], name: &Path, options: &ReadOptions) -> Result<(Sweep, ReadReport), Failure> {
    if files.is_empty() {
        let place = name.display();
        return Err(Failure::Sweep(format!(
            "{place}: no sweep files there; they are named *.parquet, *.csv or *.jsonl"
        )));
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

/// Reads a file that a run may still be writing: a last line without its end is not there yet.
fn read_live(path: &Path, options: &ReadOptions) -> Result<(Sweep, ReadReport), Failure> {
    if Format::of(path)? != Format::JsonLines {
        return Ok(read_with_report(path, options)?);
    }
    let failed = |source| lodecast_sweep_file::Error::File { path: path.to_owned(), source };
    let mut bytes = fs::read(path).map_err(failed)?;
    bytes.truncate(bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1));
    Ok(read_bytes(bytes, Format::JsonLines, path, options)?)
}
