//! `DVCLive`: a table of tabs a metric, `plots/metrics/train/loss.tsv`, with `params.yaml` beside `plots`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use csv::StringRecord;
use lodecast_sweep_file::Cell;

use crate::decode::delimited::Rows;
use crate::decode::settings;
use crate::decode::text::shorten;
use crate::decode::text_number::{Meaning, meaning};
use crate::error::{Error, Result};
use crate::format::{Format, Outcome, Visit, Wanted};
use crate::limits::Limits;
use crate::recording::recorder::Recorder;
use crate::source::{Source, has_ending};

/// Folders that `DVCLive` wrote: a run each.
pub(crate) struct DvcLive;

impl Format for DvcLive {
    fn name(&self) -> &'static str {
        "dvclive"
    }

    fn describes(&self) -> &'static str {
        "DVCLive: folders with plots/metrics/NAME.tsv (and params.yaml)"
    }

    fn steps(&self) -> &'static str {
        "`step`"
    }

    fn files(&self) -> &'static [&'static str] {
        &["dvclive/plots/metrics/train/loss.tsv", "dvclive/params.yaml"]
    }

    fn recognises(&self, source: &Source) -> bool {
        source.files().iter().any(|path| run_and_metric(path).is_some())
    }

    fn read(&self, source: &Source, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<()> {
        let mut runs: BTreeMap<PathBuf, Vec<(String, &Path)>> = BTreeMap::new();
        for path in source.files() {
            if let Some((run, metric)) = run_and_metric(path) {
                runs.entry(run.to_owned()).or_default().push((metric, path));
            }
        }
        if runs.is_empty() {
            let remedy = "it looks for plots/metrics/NAME.tsv".to_owned();
            return Err(Error::NoRuns { place: source.to_string(), format: self.name(), remedy });
        }
        for (folder, metrics) in &runs {
            let id = source.run_id(folder);
            let mut recorder = Recorder::new(&id, folder.display().to_string(), wanted, limits);
            let outcome = match read(source, folder, metrics, limits, &mut recorder) {
                Ok(()) => recorder.finish("its tables are empty"),
                Err(error) => Outcome::skipped(id, error.to_string()),
            };
            if visit(outcome).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// The run's folder and the metric's name.
fn run_and_metric(path: &Path) -> Option<(&Path, String)> {
    if !has_ending(path, "tsv") {
        return None;
    }
    let metrics = path.ancestors().find(|folder| folder.ends_with("plots/metrics"))?;
    let below = path.strip_prefix(metrics).ok()?.with_extension("");
    let parts: Vec<_> = below.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    Some((metrics.parent()?.parent()?, parts.join("/")))
}

fn read(
    source: &Source,
    folder: &Path,
    metrics: &[(String, &Path)],
    limits: &Limits,
    recorder: &mut Recorder<'_>,
) -> Result<()> {
    let (mut set, mut notes) = (BTreeMap::new(), Vec::new());
    settings::add(source, &folder.join("params.yaml"), limits, &mut set, &mut notes);
    for (key, value) in set {
        recorder.set(&key, value)?;
    }
    for note in notes {
        recorder.note(note);
    }
    for (metric, path) in metrics {
        let Some(place) = recorder.place(metric)? else { continue };
        let mut rows = Rows::open(path, limits)?;
        let mut row = StringRecord::new();
        rows.next(&mut row)?;
        let names: Vec<String> = row.iter().map(|name| name.trim().to_owned()).collect();
        let step_at = names.iter().position(|name| name == "step").unwrap_or(0);
        let time_at = names.iter().position(|name| name == "timestamp");
        // The rows of different tables are not in one order.
        recorder.recording().is_out_of_time |= time_at.is_none();
        // The metric's column is called after the last part of its name; a file in the writing may lack the end of a row.
        let last = metric.rsplit('/').next().unwrap_or(metric);
        let value_at = names.iter().position(|name| name == last || name == metric);
        let value_at = value_at.or_else(|| (0..names.len()).rev().find(|&column| column != step_at)).unwrap_or(1);
        while let Some(line) = rows.next(&mut row)? {
            let (Some(step), Some(value)) = (row.get(step_at), row.get(value_at)) else { continue };
            let Ok(Some(step)) = Cell::Text(step.trim()).count() else {
                return Err(Error::Damaged {
                    place: format!("{}, line {line}", path.display()),
                    reason: format!("'{}' is not a step", shorten(step)),
                    remedy: "correct or delete the line",
                });
            };
            if let Meaning::Number(value) = meaning(value) {
                let time = time_at.and_then(|column| row.get(column)).and_then(|time| time.trim().parse::<u64>().ok());
                recorder.push_at(place, i64::try_from(step).unwrap_or(i64::MAX), value, time.unwrap_or(line))?;
            }
        }
    }
    Ok(())
}
