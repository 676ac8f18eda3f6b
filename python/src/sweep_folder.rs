//! Sweeps that lie in several files: a folder of recorded runs, a pattern, or a list of sweeps to be joined.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use lodecast::{Metric, Sweep};
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
    Ok((join(sweeps)?, report))
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

/// One sweep of the runs of several, with all their metrics.
pub(crate) fn join(sweeps: Vec<Sweep>) -> Result<Sweep, Failure> {
    let mut joined = Sweep::default();
    for metric in sweeps.iter().flat_map(|sweep| &sweep.metrics) {
        match joined.metrics.iter().find(|known| known.name == metric.name) {
            None => joined.metrics.push(metric.clone()),
            Some(known) if known.direction != metric.direction => {
                let reason = format!("one sweep says '{known}', another '{metric}'; read them with metrics=\"...\"");
                return Err(Failure::Sweep(reason));
            }
            Some(_) => {}
        }
    }
    let mut ids = HashSet::new();
    for Sweep { metrics, runs } in sweeps {
        for mut run in runs {
            if !ids.insert(run.id.clone()) {
                return Err(Failure::Sweep(format!("two runs have the id '{}'; rename one", run.id)));
            }
            let column = |metric: &Metric| {
                let at = metrics.iter().position(|known| known.name == metric.name);
                at.map_or_else(|| vec![None; run.len()], |at| run.validation[at].clone())
            };
            run.validation = joined.metrics.iter().map(column).collect();
            joined.runs.push(run);
        }
    }
    Ok(joined)
}
