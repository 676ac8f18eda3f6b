//! `lodecast lab gather`: make a sweep of runs that were trained one by one.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use lodecast_lab::{RunConfiguration, RunRecord, gather};

use crate::failure::failure;
use crate::options::configuration::read_configuration;
use crate::options::overwriting::Overwriting;
use crate::output::Output;
use crate::studies::sweep::{Written, summary};

/// What to gather.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Results that 'lodecast lab run --out' wrote, or folders with nothing else; a folder's come in the order of their names
    #[arg(value_name = "RESULT", required = true)]
    results: Vec<PathBuf>,
    /// Folder that 'lodecast lab sweep --configurations' wrote: each of its runs has to have a result, and there may be no others
    #[arg(long, value_name = "DIR")]
    configurations: Option<PathBuf>,
    /// Sweep file to write: .parquet, .csv or .jsonl
    #[arg(short, long, value_name = "FILE", default_value = "sweep.parquet")]
    out: PathBuf,
    #[command(flatten)]
    overwriting: Overwriting,
}

impl Arguments {
    pub(crate) fn run(&self, output: &mut Output) -> Result<()> {
        self.overwriting.check(&self.out)?;
        let mut records: Vec<RunRecord> = Vec::new();
        for path in files(&self.results)? {
            records.push(read_result(&path)?);
        }
        if let Some(folder) = &self.configurations {
            check_complete(folder, &records)?;
        }
        let outcome = gather(records)?;
        lodecast_sweep_file::write(&self.out, &outcome.sweep)?;
        if output.wants_json() {
            return output.json(&Written::new(&self.out, None, &outcome));
        }
        output.say(summary(&outcome));
        output.say(format_args!("written to {}; look at it with 'lodecast runs'", self.out.display()));
        Ok(())
    }
}

fn read_result(path: &Path) -> Result<RunRecord> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| {
        failure(
            format!("{} is no result of a run: {error}", path.display()),
            "train the run again, or move the file away",
        )
    })
}

/// The files themselves, and the JSON files of the folders.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let read = || std::fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>();
            let mut inside = read().with_context(|| format!("cannot read {}", path.display()))?;
            inside.retain(|file| file.extension().is_some_and(|ending| ending == "json"));
            inside.sort();
            files.extend(inside);
        } else {
            files.push(path.clone());
        }
    }
    if files.is_empty() {
        return Err(failure(
            "there are no results to gather",
            "train the runs with 'lodecast lab run --config FILE --out FILE'",
        ));
    }
    Ok(files)
}

/// Every run of the sweep has to be there, and no other.
fn check_complete(folder: &Path, records: &[RunRecord]) -> Result<()> {
    let mut expected = Vec::new();
    for path in files(&[folder.to_owned()])? {
        let configuration: RunConfiguration = read_configuration(&path)?;
        let id = configuration.id.clone().unwrap_or_default();
        let trained = records.iter().find(|record| record.run.id == id).and_then(RunConfiguration::of);
        if let Some(difference) = trained.and_then(|trained| trained.difference(&configuration)) {
            return Err(failure(
                format!("the result of '{id}' is not of the configuration {}: {difference}", path.display()),
                "train the run again, or name the folder it is of",
            ));
        }
        expected.push((path, id));
    }
    let is_there = |id: &str| records.iter().any(|record| record.run.id == id);
    let missing: Vec<String> = expected
        .iter()
        .filter(|(_, id)| !is_there(id))
        .map(|(path, id)| format!("{} ({id})", path.display()))
        .collect();
    if !missing.is_empty() {
        let shown = missing.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
        let more = if missing.len() > 5 { ", ..." } else { "" };
        let what = format!("{} of {} runs have no result: {shown}{more}", missing.len(), expected.len());
        return Err(failure(what, "train them with 'lodecast lab run --config FILE --out FILE', then gather again"));
    }
    match records.iter().find(|record| expected.iter().all(|(_, id)| *id != record.run.id)) {
        Some(record) => Err(failure(
            format!("the run '{}' has a result, but is none of those in {}", record.run.id, folder.display()),
            "move the result away, or name the folder it is of",
        )),
        None => Ok(()),
    }
}
