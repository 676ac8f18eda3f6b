//! MLflow's file store, `mlruns/EXPERIMENT/RUN/`: a file a metric, a file a parameter.
//!
//! ```text
//! meta.yaml            run_id, run_name, lifecycle_stage, ...
//! metrics/train/loss   timestamp value step [data set, digest]    a line a sample
//! params/lr, tags/...  the value
//! ```
//!
//! Source: `mlflow/store/tracking/file_store.py`.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::infinity::restore;
use crate::decode::files::read_whole;
use crate::decode::text::each_line;
use crate::error::Result;
use crate::format::{Outcome, Visit, Wanted};
use crate::formats::collection::{Collection, choose};
use crate::limits::Limits;
use crate::recording::recorder::Recorder;
use crate::source::Source;

const META: &str = "meta.yaml";
/// Largest meta.yaml that is read; they take less than a kilobyte.
const LARGEST_META: u64 = 1 << 16;

/// Has the source runs or experiments of a file store?
pub(super) fn any(source: &Source) -> bool {
    source.files_named(META).any(|path| read_meta(path).is_ok_and(|meta| meta.contains_key("lifecycle_stage")))
}

/// A run's folder, and what its meta.yaml says.
struct Run {
    folder: PathBuf,
    meta: BTreeMap<String, String>,
    /// Lies it among what was thrown away?
    in_trash: bool,
}

/// Reads the runs of one experiment.
pub(super) fn read(source: &Source, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<()> {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let mut runs: BTreeMap<String, Vec<Run>> = BTreeMap::new();
    for path in source.files_named(META) {
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let meta = match read_meta(path) {
            Ok(meta) => meta,
            Err(error) => {
                if visit(Outcome::skipped(source.run_id(&folder), error.to_string())).is_break() {
                    return Ok(());
                }
                continue;
            }
        };
        let experiment = meta.get("experiment_id").cloned().unwrap_or_default();
        let in_trash = folder.components().any(|part| part.as_os_str() == ".trash");
        // Logged models and versions of registered ones have runs, but are none.
        if meta.contains_key("model_id") || !meta.contains_key("lifecycle_stage") {
            continue;
        }
        if meta.contains_key("run_id") || meta.contains_key("run_uuid") {
            runs.entry(experiment).or_default().push(Run { folder, meta, in_trash });
        } else if let Some(name) = meta.get("name") {
            names.insert(experiment, name.clone());
        }
    }
    let ids = names.keys().chain(runs.keys().filter(|id| !names.contains_key(*id)));
    let experiments: Vec<_> = ids
        .map(|id| Collection {
            id: id.clone(),
            name: names.get(id).unwrap_or(id).clone(),
            runs: runs.get(id).map_or(0, |runs| runs.iter().filter(|run| !is_deleted(run)).count() as u64),
        })
        .collect();
    let experiment = choose(&experiments, "experiment", &source.to_string(), wanted)?;
    let mut runs = runs.remove(&experiment.id).unwrap_or_default();
    let begun = |run: &Run| run.meta.get("start_time").and_then(|time| time.parse::<u64>().ok());
    runs.sort_by_cached_key(|run| (begun(run), run.folder.clone()));
    for run in runs {
        let id = run.meta.get("run_id").or_else(|| run.meta.get("run_uuid")).cloned().unwrap_or_default();
        let outcome = if is_deleted(&run) {
            Outcome::skipped(id, "it was deleted in MLflow")
        } else {
            let place = run.folder.display().to_string();
            let mut recorder = Recorder::new(&id, place, wanted, limits);
            match read_run(source, &run, limits, &mut recorder) {
                Ok(()) => recorder.finish("it has no metrics"),
                Err(error) => Outcome::skipped(id, error.to_string()),
            }
        };
        if visit(outcome).is_break() {
            break;
        }
    }
    Ok(())
}

fn is_deleted(run: &Run) -> bool {
    run.in_trash || run.meta.get("lifecycle_stage").is_some_and(|stage| stage == "deleted")
}

fn read_run(source: &Source, run: &Run, limits: &Limits, recorder: &mut Recorder<'_>) -> Result<()> {
    for (kind, prefix) in [("tags", "mlflow."), ("params", "")] {
        for (key, path) in below(source, &run.folder.join(kind)) {
            if prefix.is_empty() || !key.starts_with(prefix) {
                recorder.set(&key, read_small(path, limits.text_bytes as u64)?)?;
            }
        }
    }
    if let Some(name) = run.meta.get("run_name") {
        recorder.set("run_name", name.clone())?;
    }
    for (key, path) in below(source, &run.folder.join("metrics")) {
        let Some(place) = recorder.place(&key)? else { continue };
        let (mut wrong, mut first) = (0, 0);
        let _all = each_line(path, limits, &mut |line| {
            match sample(line.text) {
                Some((time, value, step)) => recorder.push_at(place, step, value, time)?,
                None if line.text.is_empty() => {}
                None => {
                    if wrong == 0 {
                        first = line.number;
                    }
                    wrong += 1;
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        if wrong > 0 {
            recorder.note(format!(
                "{}: {wrong} lines that are not 'timestamp value step' left out, the first is line {first}",
                path.display()
            ));
        }
    }
    Ok(())
}

/// The files below `folder`, each with its key: its place below, the parts joined by `/`.
fn below<'a>(source: &'a Source, folder: &Path) -> Vec<(String, &'a Path)> {
    let files = source.files();
    // Files are in the order of their paths, so those of a folder follow each other.
    let start = files.partition_point(|path| path.as_path() < folder);
    let within = files[start..].iter().map_while(|path| Some((path.strip_prefix(folder).ok()?, path.as_path())));
    let key =
        |path: &Path| path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
    within.map(|(below, path)| (key(below), path)).collect()
}

/// Time in milliseconds, value and step on a line. The first versions wrote no step.
fn sample(line: &[u8]) -> Option<(u64, f64, i64)> {
    let mut words = std::str::from_utf8(line).ok()?.split_ascii_whitespace();
    let time: f64 = words.next()?.parse().ok()?;
    let value: f64 = words.next()?.parse().ok()?;
    let step = words.next().map_or(Some(0), |step| step.parse().ok())?;
    Some((time as u64, restore(value), step))
}

/// The pairs of a meta.yaml, in which MLflow writes one a line.
fn read_meta(path: &Path) -> Result<BTreeMap<String, String>> {
    let text = read_small(path, LARGEST_META)?;
    let pairs = text.lines().filter_map(|line| {
        let (key, value) = line.split_once(':')?;
        let value = value.trim();
        let unquoted = match value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
            Some(quoted) => quoted.replace("''", "'"),
            // What YAML puts in these quotes it escapes as JSON does.
            None if value.starts_with('"') => serde_json::from_str(value).unwrap_or_else(|_| value.to_owned()),
            None => value.to_owned(),
        };
        Some((key.trim_end().to_owned(), unquoted))
    });
    Ok(pairs.collect())
}

/// The text of a file of at most `limit` bytes.
fn read_small(path: &Path, limit: u64) -> Result<String> {
    let bytes = read_whole(path, limit, "MLflow writes no such files: check what it is")?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
