//! CSV exports of W&B's charts: a column a run and metric, `NAME - metric`, with `__MIN` and `__MAX` beside it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::ops::ControlFlow;
use std::path::Path;

use crate::error::{Error, Result};
use crate::format::{Outcome, Visit, Wanted};
use crate::limits::Limits;
use crate::recorder::Recorder;
use crate::source::{Source, file_name};

/// What stands between a run's name and the metric's.
const BETWEEN: &str = " - ";
/// Bytes of the first line that are looked at to tell an export.
const GLANCE: usize = 1 << 16;
/// Horizontal axes that count steps. The others are times.
const STEP_AXES: [&str; 5] = ["Step", "_step", "global_step", "trainer/global_step", "train/global_step"];

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
    let mut runs = BTreeMap::new();
    let mut samples = 0;
    for path in find(source) {
        let read = match wanted.collection {
            None => read_file(path, &mut runs, &mut samples, wanted, limits),
            Some(_) => Err(Error::Undecided {
                place: path.display().to_string(),
                question: "an export does not tell its project".to_owned(),
                remedy: "leave --collection out".to_owned(),
            }),
        };
        match read {
            Ok(()) => {}
            Err(error) if matches!(source, Source::File(_)) => return Err(error),
            Err(error) => {
                if visit(Outcome::skipped(source.run_id(path), error.to_string())).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
    }
    for (_, mut recorder) in runs {
        recorder.note("W&B's charts export a sample of the points of long runs; its .wandb files have all of them");
        if visit(recorder.finish("its columns are empty")).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

fn read_file<'a>(
    path: &Path,
    runs: &mut BTreeMap<String, Recorder<'a>>,
    samples: &mut usize,
    wanted: &'a Wanted,
    limits: &'a Limits,
) -> Result<()> {
    let damaged = |line: u64, reason: String| Error::Damaged {
        place: format!("{}, line {line}", path.display()),
        reason,
        remedy: "export the chart again",
    };
    let too_large = |what: &str, limit: usize| Error::TooLarge {
        place: path.display().to_string(),
        what: what.to_owned(),
        limit: limit as u64,
        remedy: "export fewer runs at a time",
    };
    let file = File::open(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
    let mut rows = csv::ReaderBuilder::new().from_reader(BufReader::new(file));
    let header = rows.headers().map_err(|error| damaged(1, error.to_string()))?.clone();
    if header.len() > 3 * limits.series {
        return Err(too_large("the number of its columns", 3 * limits.series));
    }
    let axis = header.get(0).unwrap_or_default();
    if !STEP_AXES.contains(&axis) {
        return Err(damaged(1, format!("the chart's horizontal axis is '{axis}', not the step")));
    }
    // The columns that hold values, with their run and the place of their metric in it.
    let mut columns = Vec::new();
    for (index, name) in header.iter().enumerate().skip(1) {
        let Some((run, metric)) = name.rsplit_once(BETWEEN) else { continue };
        if metric == "_step" || metric.ends_with("__MIN") || metric.ends_with("__MAX") {
            continue;
        }
        let recorder = runs
            .entry(run.to_owned())
            .or_insert_with(|| Recorder::new(run, format!("{}: {run}", file_name(path)), wanted, limits));
        if let Some(place) = recorder.place(metric)? {
            columns.push((index, run.to_owned(), place));
        }
    }
    let mut row = csv::StringRecord::new();
    while rows
        .read_record(&mut row)
        .map_err(|error| damaged(error.position().map_or(0, csv::Position::line), error.to_string()))?
    {
        let line = row.position().map_or(0, csv::Position::line);
        let step = row.get(0).unwrap_or_default();
        // Whole numbers, which some versions write as fractions: 100.0.
        let step = step.parse::<f64>().ok().filter(|step| step.fract() == 0.0 && (0.0..9.0e15).contains(step));
        let step = step.ok_or_else(|| damaged(line, format!("'{}' is not a step", row.get(0).unwrap_or_default())))?;
        for (index, run, place) in &columns {
            let text = row.get(*index).unwrap_or_default();
            if text.is_empty() {
                continue;
            }
            let value = text.parse().map_err(|_| damaged(line, format!("'{}' holds no number", &header[*index])))?;
            *samples += 1;
            if *samples > limits.samples {
                return Err(too_large("the number of its points", limits.samples));
            }
            if let Some(recorder) = runs.get_mut(run) {
                recorder.push(*place, step as i64, value, f64::NAN)?;
            }
        }
    }
    Ok(())
}
