//! Scalars that TensorBoard's page gives out as CSV: a file a run and tag, `run-RUN-tag-TAG.csv`.

use std::collections::BTreeMap;
use std::path::Path;

use crate::decode::delimited::has_columns;
use crate::decode::metric_table::{self, MetricColumns};
use crate::error::{Error, Result};
use crate::format::{Format, Outcome, Visit, Wanted};
use crate::limits::Limits;
use crate::recording::recorder::Recorder;
use crate::source::{Source, file_name};

/// Scalars that were downloaded from TensorBoard.
pub(crate) struct TensorBoardCsv;

/// What such a file is called, and its columns.
const NAMES: [&str; 3] = ["run-", "-tag-", ".csv"];
const COLUMNS: [&str; 3] = ["Wall time", "Step", "Value"];

impl Format for TensorBoardCsv {
    fn name(&self) -> &'static str {
        "tensorboard-csv"
    }

    fn describes(&self) -> &'static str {
        "CSV files that TensorBoard's page gives out: run-RUN-tag-TAG.csv, a file a run and tag"
    }

    fn steps(&self) -> &'static str {
        "`Step`"
    }

    fn files(&self) -> &'static [&'static str] {
        &["run-one-tag-loss.csv", "run-one-tag-lr.csv"]
    }

    fn recognises(&self, source: &Source) -> bool {
        source.files().iter().any(|path| run_and_tag(path).is_some())
    }

    fn read(&self, source: &Source, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<()> {
        let mut runs: BTreeMap<String, Vec<(&str, &Path)>> = BTreeMap::new();
        for path in source.files() {
            if let Some((run, tag)) = run_and_tag(path) {
                runs.entry(id(source, path, run)).or_default().push((tag, path));
            }
        }
        if runs.is_empty() {
            let remedy = "it looks for run-RUN-tag-TAG.csv".to_owned();
            return Err(Error::NoRuns { place: source.to_string(), format: self.name(), remedy });
        }
        for (id, tags) in runs {
            let place = tags[0].1.parent().unwrap_or(Path::new("")).display().to_string();
            let mut recorder = Recorder::new(&id, place, wanted, limits);
            let outcome = match tags.iter().try_for_each(|(tag, path)| read(tag, path, limits, &mut recorder)) {
                Ok(()) => recorder.finish("its files are empty"),
                Err(error) => Outcome::skipped(id, error.to_string()),
            };
            if visit(outcome).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// The run's identity: its name, behind the folder that its files are in.
fn id(source: &Source, path: &Path, run: &str) -> String {
    match (source, path.parent()) {
        (Source::Folder(tree), Some(folder)) if folder != tree.root() => format!("{}/{run}", source.run_id(folder)),
        _ => run.to_owned(),
    }
}

/// The run and the tag that a file is called after, if it has the columns.
fn run_and_tag(path: &Path) -> Option<(&str, &str)> {
    let [before, between, ending] = NAMES;
    let name = file_name(path).strip_prefix(before)?.strip_suffix(ending)?;
    let parts = name.split_once(between).filter(|(run, tag)| !run.is_empty() && !tag.is_empty())?;
    has_columns(path, &COLUMNS).then_some(parts)
}

fn read(tag: &str, path: &Path, limits: &Limits, recorder: &mut Recorder<'_>) -> Result<()> {
    let Some(place) = recorder.place(tag)? else { return Ok(()) };
    let columns = |names: &[String]| {
        let at = |column| names.iter().position(|name| name == column);
        let [time, step, value] = COLUMNS;
        MetricColumns { step: at(step).unwrap_or(usize::MAX), value: at(value).unwrap_or(usize::MAX), time: at(time) }
    };
    // Seconds since 1970.
    let moment = |time: &str| time.parse::<f64>().ok().map(|seconds| (seconds.max(0.0) * 1e6) as u64);
    metric_table::read(path, place, limits, recorder, columns, moment)
}
