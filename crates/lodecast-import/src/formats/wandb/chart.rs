//! CSV exports of W&B's charts: a column a run and metric, `NAME - metric`, with `__MIN` and `__MAX` beside it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::ops::ControlFlow;
use std::path::Path;

use crate::decode::delimited::Rows;
use crate::decode::text::shorten;
use crate::error::{Error, Result};
use crate::format::{Outcome, Visit, Wanted};
use crate::limits::Limits;
use crate::names::{STEP, is_epoch};
use crate::recording::recorder::Recorder;
use crate::source::{Source, file_name};

/// What stands between a run's name and the metric's.
const BETWEEN: &str = " - ";
/// Bytes of the first line that are looked at to tell an export.
const GLANCE: usize = 1 << 16;
/// Bytes of text of runs that are held at once. Their points take about half of it.
const AT_ONCE: u64 = 256 << 20;

/// Does the horizontal axis of this name count steps? The others are times.
fn is_step(axis: &str) -> bool {
    STEP.contains(&axis.to_lowercase().as_str())
}

/// The exports in the source.
pub(super) fn find(source: &Source) -> impl Iterator<Item = &Path> {
    source.files_ending("csv").filter(|path| is_export(path))
}

fn is_export(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let mut file = BufReader::with_capacity(GLANCE, file);
    let start = file.fill_buf().unwrap_or_default();
    let line = start.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let has = |text: &[u8]| line.windows(text.len()).any(|found| found == text);
    has(BETWEEN.as_bytes()) && has(b"__MIN") && has(b"__MAX")
}

/// Reads the exports of one or more charts. A run's metrics may be spread over several of them. One that cannot be read is left
/// out, unless it is the whole source.
pub(super) fn read(
    source: &Source,
    wanted: &Wanted,
    limits: &Limits,
    visit: &mut Visit<'_>,
) -> Result<ControlFlow<()>> {
    read_in_parts(source, wanted, limits, AT_ONCE, visit)
}

/// Reads the runs in so many parts that each has no more than `at_once` bytes of text: runs lie side by side in the files, so
/// those of a part are in memory until the last row.
fn read_in_parts(
    source: &Source,
    wanted: &Wanted,
    limits: &Limits,
    at_once: u64,
    visit: &mut Visit<'_>,
) -> Result<ControlFlow<()>> {
    let mut charts = Vec::new();
    for path in find(source) {
        match Chart::open(path, wanted, limits) {
            Ok(chart) => charts.push(chart),
            Err(error) => {
                if leave_out(source, path, error, visit)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
    }
    let names: BTreeSet<String> =
        charts.iter().flat_map(|chart| &chart.columns).map(|column| column.run.clone()).collect();
    let names: Vec<String> = names.into_iter().collect();
    let parts = charts.iter().map(|chart| chart.bytes).sum::<u64>().div_ceil(at_once).max(1);
    let share = usize::try_from((names.len() as u64).div_ceil(parts)).unwrap_or(usize::MAX).max(1);
    for part in names.chunks(share) {
        let mut runs = BTreeMap::new();
        let (mut read, mut samples) = (HashSet::new(), 0);
        let mut sound = Vec::new();
        for chart in charts {
            match chart.read(part, &mut runs, &mut read, &mut samples, wanted, limits) {
                Ok(()) => sound.push(chart),
                Err(error) => {
                    if leave_out(source, chart.path, error, visit)?.is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
            }
        }
        charts = sound;
        for (_, mut recorder) in runs {
            recorder.note("W&B's charts export a sample of the points of long runs; its .wandb files have all of them");
            if visit(recorder.finish("its columns are empty")).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// Leaves an export out, unless it is the whole source.
fn leave_out(source: &Source, path: &Path, error: Error, visit: &mut Visit<'_>) -> Result<ControlFlow<()>> {
    if matches!(source, Source::File(_)) {
        return Err(error);
    }
    Ok(visit(Outcome::skipped(source.run_id(path), error.to_string())))
}

/// An export of which the column names have been read.
struct Chart<'p> {
    path: &'p Path,
    bytes: u64,
    columns: Vec<Column>,
    /// Is its horizontal axis the epoch?
    is_over_epochs: bool,
}

/// A column that holds values.
struct Column {
    index: usize,
    run: String,
    metric: String,
}

impl<'p> Chart<'p> {
    fn open(path: &'p Path, wanted: &Wanted, limits: &Limits) -> Result<Self> {
        if wanted.collection.is_some() {
            return Err(Error::Undecided {
                place: path.display().to_string(),
                question: "an export does not tell its project".to_owned(),
                remedy: "leave --collection out".to_owned(),
            });
        }
        let failed = |source| Error::File { path: path.to_owned(), source };
        let bytes = path.metadata().map_err(failed)?.len();
        let mut header = csv::StringRecord::new();
        Rows::open(path, limits)?.next(&mut header)?;
        if header.len() > 3 * limits.series {
            return Err(too_large(path, "the number of its columns", 3 * limits.series));
        }
        let axis = header.get(0).unwrap_or_default();
        if !is_step(axis) && !is_epoch(axis) {
            return Err(damaged(
                path,
                1,
                format!("the chart's horizontal axis is '{axis}', neither the step nor the epoch"),
            ));
        }
        let column = |(index, name): (usize, &str)| {
            let (run, metric) = name.rsplit_once(BETWEEN)?;
            let measured = metric != "_step" && !metric.ends_with("__MIN") && !metric.ends_with("__MAX");
            measured.then(|| Column { index, run: run.to_owned(), metric: metric.to_owned() })
        };
        let columns = header.iter().enumerate().skip(1).filter_map(column).collect();
        Ok(Self { path, bytes, columns, is_over_epochs: is_epoch(axis) })
    }

    /// Reads the columns of the runs named in `part`, which are in order.
    fn read<'a>(
        &self,
        part: &[String],
        runs: &mut BTreeMap<String, Recorder<'a>>,
        read: &mut HashSet<(String, String)>,
        samples: &mut usize,
        wanted: &'a Wanted,
        limits: &'a Limits,
    ) -> Result<()> {
        let path = self.path;
        // With the place of each metric in its run.
        let mut columns = Vec::new();
        for column in self.columns.iter().filter(|column| part.binary_search(&column.run).is_ok()) {
            let source = || format!("{}: {}", file_name(path), column.run);
            let recorder =
                runs.entry(column.run.clone()).or_insert_with(|| Recorder::new(&column.run, source(), wanted, limits));
            if !read.insert((column.run.clone(), column.metric.clone())) {
                recorder.note(format!(
                    "{} shows its '{}' again: what was read first is kept",
                    file_name(path),
                    column.metric
                ));
                continue;
            }
            if let Some(place) = recorder.place(&column.metric)? {
                columns.push((column, place));
            }
        }
        let mut rows = Rows::open(path, limits)?;
        let mut row = csv::StringRecord::new();
        rows.next(&mut row)?;
        while let Some(line) = rows.next(&mut row)? {
            let step = row.get(0).unwrap_or_default();
            // Whole numbers, which some versions write as fractions: 100.0.
            let whole = step.parse::<f64>().ok().filter(|step| step.fract() == 0.0 && (0.0..9.0e15).contains(step));
            let step = whole.ok_or_else(|| damaged(path, line, format!("'{}' is not a step", shorten(step))))? as i64;
            for (Column { index, run, metric }, place) in &columns {
                let text = row.get(*index).unwrap_or_default();
                if text.is_empty() {
                    continue;
                }
                let value = text.parse();
                let value =
                    value.map_err(|_| damaged(path, line, format!("'{run}{BETWEEN}{metric}' holds no number")))?;
                *samples += 1;
                if *samples > limits.samples {
                    return Err(too_large(path, "the number of its points", limits.samples));
                }
                if let Some(recorder) = runs.get_mut(run).filter(|_| self.is_over_epochs) {
                    // Of two charts nobody knows which point came first.
                    recorder.recording().is_out_of_time = true;
                    recorder.push_at_epoch(*place, step.cast_unsigned(), value)?;
                } else if let Some(recorder) = runs.get_mut(run) {
                    recorder.push_at(*place, step, value, step.cast_unsigned())?;
                }
            }
        }
        Ok(())
    }
}

fn damaged(path: &Path, line: u64, reason: String) -> Error {
    Error::Damaged { place: format!("{}, line {line}", path.display()), reason, remedy: "export the chart again" }
}

fn too_large(path: &Path, what: &str, limit: usize) -> Error {
    Error::TooLarge {
        place: path.display().to_string(),
        what: what.to_owned(),
        limit: limit as u64,
        remedy: "export fewer runs at a time",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::Recording;

    #[test]
    fn runs_read_in_parts_are_those_read_at_once() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/stores/wandb/charts");
        let source = Source::open(folder, &Limits::default()).unwrap();
        let (wanted, limits) = (Wanted::default(), Limits::default());
        let read = |at_once| {
            let mut recordings: Vec<Recording> = Vec::new();
            let flow = read_in_parts(&source, &wanted, &limits, at_once, &mut |outcome| {
                if let Outcome::Recording(recording) = outcome {
                    recordings.push(recording);
                }
                ControlFlow::Continue(())
            });
            assert!(flow.unwrap().is_continue());
            recordings
        };
        let whole = read(u64::MAX);
        assert_eq!(whole.len(), 2);
        // Not all values are equal to themselves: there is a NaN.
        assert_eq!(format!("{:?}", read(1)), format!("{whole:?}"));
    }

    #[test]
    fn what_is_in_memory_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chart.csv");
        let row = |step: usize| format!("{step},1,1,1,2,2,2\n");
        let rows: String = (0..4).map(row).collect();
        std::fs::write(&path, format!("Step,a - x,a - x__MIN,a - x__MAX,b - x,b - x__MIN,b - x__MAX\n{rows}")).unwrap();
        let source = Source::open(path.to_str().unwrap(), &Limits::default()).unwrap();
        let said = |limits: Limits, at_once| {
            let mut runs = 0;
            let read = read_in_parts(&source, &Wanted::default(), &limits, at_once, &mut |_| {
                runs += 1;
                ControlFlow::Continue(())
            });
            read.map(|_| runs).map_err(|error| error.to_string())
        };
        let few = || Limits { samples: 4, ..Limits::default() };
        assert!(said(few(), u64::MAX).unwrap_err().contains("the number of its points is beyond 4"));
        assert_eq!(said(few(), 1), Ok(2), "each has no more than four points");

        let endless = format!("Step,a - x,a - x__MIN,a - x__MAX\n\"{}", "x".repeat(300_000));
        std::fs::write(&path, endless).unwrap();
        let short = Limits { record_bytes: 1000, ..Limits::default() };
        assert!(said(short, u64::MAX).unwrap_err().contains("the length of a row is beyond 1000"));
    }
}
