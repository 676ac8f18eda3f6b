//! `DVCLive`: a table of tabs a metric, `plots/metrics/train/loss.tsv`, with `params.yaml` beside `plots`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::decode::metric_table::{self, MetricColumns};
use crate::decode::settings;
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
        let columns = |names: &[String]| {
            let step = names.iter().position(|name| name == "step").unwrap_or(0);
            // The metric's column is called after the last part of its name.
            let last = metric.rsplit('/').next().unwrap_or(metric);
            let value = names.iter().position(|name| name == last || name == metric);
            let value = value.or_else(|| (0..names.len()).rev().find(|&column| column != step)).unwrap_or(1);
            MetricColumns { step, value, time: names.iter().position(|name| name == "timestamp") }
        };
        metric_table::read(path, place, limits, recorder, columns, |time| time.parse().ok())?;
    }
    Ok(())
}
