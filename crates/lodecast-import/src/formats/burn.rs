//! burn's file logger: `<run>/<split>/epoch-N/<Metric>.log`, a batch a line.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::decode::json::damaged;
use crate::decode::text::{each_line, shorten};
use crate::error::{Error, Result};
use crate::format::{Format, Outcome, Visit, Wanted};
use crate::limits::Limits;
use crate::recording::recorder::Recorder;
use crate::source::{Source, file_name, has_ending};

/// Folders that burn's learner wrote its metrics to: a run each.
pub(crate) struct Burn;

const TRAIN: &str = "train";
const SPLITS: [&str; 3] = [TRAIN, "valid", "test"];

/// The files of a run by epoch: split, metric, path.
type Epochs<'a> = BTreeMap<u64, Vec<(String, String, &'a Path)>>;

impl Format for Burn {
    fn name(&self) -> &'static str {
        "burn"
    }

    fn describes(&self) -> &'static str {
        "burn's metric logs: folders train/epoch-N/Loss.log and so on"
    }

    fn steps(&self) -> &'static str {
        "batches of the training split"
    }

    fn files(&self) -> &'static [&'static str] {
        &["run/train/epoch-1/Loss.log"]
    }

    fn recognises(&self, source: &Source) -> bool {
        source.files().iter().any(|path| parts(path).is_some())
    }

    fn read(&self, source: &Source, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<()> {
        let mut runs: BTreeMap<PathBuf, Epochs<'_>> = BTreeMap::new();
        for path in source.files() {
            if let Some((run, split, epoch, metric)) = parts(path) {
                runs.entry(run).or_default().entry(epoch).or_default().push((split, metric, path));
            }
        }
        if runs.is_empty() {
            return Err(Error::NoRuns {
                place: source.to_string(),
                format: self.name(),
                remedy: "it looks for train/epoch-N/Loss.log".to_owned(),
            });
        }
        for (folder, epochs) in &runs {
            let id = source.run_id(folder);
            let mut recorder = Recorder::new(&id, folder.display().to_string(), wanted, limits);
            let outcome = match read(&mut recorder, epochs, limits) {
                Ok(()) => recorder.finish("its logs are empty"),
                Err(error) => Outcome::skipped(id, error.to_string()),
            };
            if visit(outcome).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// Run, split, epoch and metric of a log file.
fn parts(path: &Path) -> Option<(PathBuf, String, u64, String)> {
    if !has_ending(path, "log") {
        return None;
    }
    let epoch = path.parent()?;
    let number = file_name(epoch).strip_prefix("epoch-")?.parse().ok()?;
    let metric = path.file_stem()?.to_str()?.to_owned();
    let split = epoch.parent()?;
    if SPLITS.contains(&file_name(split)) {
        return Some((split.parent()?.to_owned(), file_name(split).to_owned(), number, metric));
    }
    // A split may be divided by a tag.
    let (tag, split) = (file_name(split), split.parent()?);
    let split_name = SPLITS.contains(&file_name(split)).then(|| file_name(split))?;
    Some((split.parent()?.to_owned(), format!("{split_name}/{tag}"), number, metric))
}

/// Reads a run. A step is a batch of the training split; other splits are measured at the end of their epoch.
fn read(recorder: &mut Recorder<'_>, epochs: &Epochs<'_>, limits: &Limits) -> Result<()> {
    let mut start = 0;
    for files in epochs.values() {
        let mut logs = Vec::new();
        for (split, metric, path) in files {
            let log = Log::read(path, limits)?;
            logs.push((split, format!("{split}/{metric}"), log));
        }
        // Training says where the epoch ends.
        let batches = logs.iter().filter(|(split, ..)| *split == TRAIN).map(|(.., log)| log.batches.len()).max();
        let end = start + batches.unwrap_or(0) as u64;
        for (split, name, log) in logs {
            let Some(place) = recorder.place(&name)? else { continue };
            let mut push = |step: u64, value| recorder.push_at(place, step.cast_signed(), value, step);
            // A metric that needs the whole epoch has one value, in training too.
            if split == TRAIN && log.batches.len() > 1 {
                for (step, &(value, _)) in (start + 1..).zip(&log.batches) {
                    push(step, value)?;
                }
            } else if let Some(value) = log.whole() {
                push(end, value)?;
            }
        }
        start = end;
    }
    Ok(())
}

/// What is in a file: a batch a line, as `value` or `value,size`, and in newer versions the value of the epoch, as `value,final`.
#[derive(Default)]
struct Log {
    /// Value and size of each batch.
    batches: Vec<(f64, f64)>,
    whole: Option<f64>,
}

impl Log {
    /// The value of the epoch: as burn logged it, or else the mean over batches, each weighed by its size.
    fn whole(&self) -> Option<f64> {
        let weight: f64 = self.batches.iter().map(|&(_, size)| size).sum();
        let mean = || self.batches.iter().map(|&(value, size)| value * size).sum::<f64>() / weight;
        self.whole.or_else(|| (weight > 0.0).then(mean))
    }

    /// Reads the file at `path`. Logs that hold texts have no values.
    fn read(path: &Path, limits: &Limits) -> Result<Self> {
        let mut log = Self::default();
        let _all = each_line(path, limits, &mut |line| {
            let text = std::str::from_utf8(line.text).unwrap_or_default().trim();
            if text.is_empty() {
                return Ok(ControlFlow::Continue(()));
            }
            let (value, size) = text.split_once(',').unwrap_or((text, "1"));
            match (value.trim().parse(), size.trim(), size.trim().parse::<f64>()) {
                (Ok(value), "final", _) => log.whole = Some(value),
                (Ok(value), _, Ok(size)) if size.is_finite() && size >= 0.0 => log.batches.push((value, size)),
                // The last line may still be in the writing.
                _ if !line.ended => {}
                _ if line.number == 1 => return Ok(ControlFlow::Break(())),
                _ => {
                    return Err(damaged(
                        format!("{}, line {}", path.display(), line.number),
                        format!("'{}' is not a value", shorten(text)),
                    ));
                }
            }
            if log.batches.len() > limits.samples {
                return Err(Error::TooLarge {
                    place: path.display().to_string(),
                    what: "the number of its lines".to_owned(),
                    limit: limits.samples as u64,
                    remedy: "no epoch has so many batches: check what the file is",
                });
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(log)
    }
}
