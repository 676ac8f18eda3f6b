//! The directory that `demo` and `lab compare` fill and `report` reads: plain JSON, Parquet and model files.
//!
//! | file | what |
//! |---|---|
//! | `study.json` | what was run, where, for how long |
//! | `few-runs/` | a study of its own: a few of the runs, the law's pick (`pick.json`) beside the best of them |
//! | `sweep.parquet` | the runs learned from |
//! | `second-round.parquet` | those of the schedules that a first model suggested |
//! | `evaluation.json` | forecast error on held-out configurations |
//! | `forecasts.json` | some forecasts beside what happened |
//! | `comparison.json` | methods side by side on fresh seeds, with all their curves |
//! | `decisions.jsonl` | what lodecast decided during those runs |
//! | `*.lode` | the models |
//! | `*.journal` | finished runs, so that an interrupted study goes on |

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use lodecast::{FitSummary, Sweep};
use lodecast_lab::Comparison;
use lodecast_sweep_file::ReadOptions;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::machine::Machine;
use crate::failure::failure;
use crate::figures::evaluation::ModelEvaluation;
use crate::figures::forecast::ForecastExample;
use crate::whole_file;

/// Name of the directory that holds the study of a few runs.
pub(crate) const FEW_RUNS: &str = "few-runs";

/// What was run, where, and for how long.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StudyRecord {
    /// Version of this directory's layout.
    pub study: u32,
    /// The task, in words.
    pub task: String,
    /// The optimizer.
    pub optimizer: String,
    /// The machine and the date.
    pub machine: Machine,
    /// The fits, in order.
    pub fits: Vec<FitEntry>,
    /// Lodecast's methods in the comparison; the verdict is about the first.
    pub lodecast_methods: Vec<String>,
    /// Each phase and its seconds.
    pub phases: Vec<(String, f64)>,
    /// What replanning did, run by run.
    pub decisions: Vec<Decisions>,
    /// Was it made smaller to be quick?
    pub quick: bool,
}

impl StudyRecord {
    /// Version of the layout that is written.
    pub(crate) const VERSION: u32 = 1;
}

/// A fitted model.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FitEntry {
    /// Its name in the report.
    pub model: String,
    /// Its file.
    pub file: PathBuf,
    /// Models in the ensemble.
    pub members: usize,
    /// Optimizer steps of each.
    pub iterations: u64,
    /// How the fit went.
    pub summary: FitSummary,
}

/// What a scheduler decided during one run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Decisions {
    /// Method.
    pub method: String,
    /// Seed of the run.
    pub seed: u64,
    /// Progress of the run and what was decided there, in words.
    pub moments: Vec<(f64, String)>,
}

/// A study directory.
pub(crate) struct StudyDirectory {
    path: PathBuf,
}

/// A study, as far as it has come.
pub(crate) struct Study {
    /// What was run.
    pub record: StudyRecord,
    /// The sweep.
    pub sweep: Option<Sweep>,
    /// The runs of the schedules that a first model suggested.
    pub second_round: Option<Sweep>,
    /// Forecast errors.
    pub evaluations: Vec<ModelEvaluation>,
    /// Some forecasts.
    pub forecasts: Vec<ForecastExample>,
    /// The methods side by side.
    pub comparison: Option<Comparison>,
    /// The study of a few of the runs.
    pub few_runs: Option<Box<Study>>,
}

impl StudyDirectory {
    /// The directory at `path`, made if it is not there.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        std::fs::create_dir_all(path).with_context(|| format!("cannot make the directory {}", path.display()))?;
        Ok(Self { path: path.to_owned() })
    }

    /// Path of a file in it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a part as JSON, whole or not at all.
    pub(crate) fn write_json(&self, name: &str, value: &impl Serialize) -> Result<()> {
        let text = serde_json::to_string(value)?;
        self.write_text(name, &text)
    }

    /// Writes a text file, whole or not at all.
    pub(crate) fn write_text(&self, name: &str, text: &str) -> Result<()> {
        whole_file::write_text(&self.file(name), text)
    }

    /// Reads a part that was written as JSON; `None` if it is not there.
    pub(crate) fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let path = self.file(name);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        let value = serde_json::from_str(&text).map_err(|error| {
            failure(
                format!("{} is damaged: {error}", path.display()),
                "run the command that wrote it again: it goes on from its journals",
            )
        })?;
        Ok(Some(value))
    }

    /// Reads what is there.
    pub(crate) fn read(path: &Path) -> Result<Study> {
        let directory = Self { path: path.to_owned() };
        let Some(record) = directory.read_json::<StudyRecord>("study.json")? else {
            return Err(failure(
                format!("{} holds no study.json", path.display()),
                "give the directory that 'lodecast demo' or 'lodecast lab compare' wrote to",
            ));
        };
        if record.study != StudyRecord::VERSION {
            return Err(failure(
                format!(
                    "{} was written by another version of lodecast (layout {}, this one reads {})",
                    path.display(),
                    record.study,
                    StudyRecord::VERSION
                ),
                "report it with that version, or run the study again",
            ));
        }
        let sweep = |name: &str| -> Result<Option<Sweep>> {
            let path = directory.file(name);
            let read = || lodecast_sweep_file::read(&path, &ReadOptions::default());
            Ok(path.exists().then(read).transpose()?)
        };
        let few_runs = directory.file(FEW_RUNS);
        let few_runs = few_runs.exists().then(|| Self::read(&few_runs)).transpose()?;
        Ok(Study {
            few_runs: few_runs.map(Box::new),
            record,
            sweep: sweep("sweep.parquet")?,
            second_round: sweep("second-round.parquet")?,
            evaluations: directory.read_json("evaluation.json")?.unwrap_or_default(),
            forecasts: directory.read_json("forecasts.json")?.unwrap_or_default(),
            comparison: directory.read_json("comparison.json")?,
        })
    }
}
