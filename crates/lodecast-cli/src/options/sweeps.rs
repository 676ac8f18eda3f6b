//! Options that say where the runs of a sweep are.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use lodecast::Sweep;

use crate::model_input;
use crate::options::sweep::Columns;
use crate::output::Output;

/// Where a sweep is and what their columns mean.
#[derive(Args, Clone, Debug)]
pub(crate) struct SweepInput {
    /// Sweep files (.parquet, .csv or .jsonl), folders of them, or what a tracker left; the runs of several are joined
    #[arg(value_name = "SWEEP", required = true)]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub columns: Columns,
}

impl SweepInput {
    /// Reads the sweep.
    pub(crate) fn read(&self, output: &mut Output) -> Result<Sweep> {
        self.read_with(&self.columns, output)
    }

    /// Reads the sweep, its columns meaning what `columns` says.
    pub(crate) fn read_with(&self, columns: &Columns, output: &mut Output) -> Result<Sweep> {
        let sweeps: Vec<Sweep> =
            self.paths.iter().map(|path| model_input::runs(path, columns, output)).collect::<Result<_>>()?;
        Ok(Sweep::join(sweeps)?)
    }

    /// The files in words.
    pub(crate) fn name(&self) -> String {
        self.paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    }
}
