//! Options that say about which run a law is asked, and whence the law.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use lodecast::{Law, Model, Run};

use super::sweep::Columns;
use crate::failure::failure;
use crate::model_input;
use crate::output::Output;

/// A run, and the law that is asked about it.
#[derive(Args, Clone, Debug)]
pub(crate) struct LawInput {
    /// The run: a file (.parquet, .csv or .jsonl), or what a tracker left of it
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// Model file of the law; or runs, to which the law is fitted on the spot [default: the runs beside RUN]
    #[arg(long, value_name = "MODEL")]
    model: Option<PathBuf>,
    #[command(flatten)]
    columns: Columns,
}

impl LawInput {
    /// Reads the law, or fits it, and then the run, with the law's metric as its only validation column.
    pub(crate) fn read(&self, output: &mut Output) -> Result<(Law, Run)> {
        let beside = self.run.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let law = match model_input::model(self.model.as_deref().unwrap_or(beside), &self.columns, output)? {
            Model::Law(model) => model.law().clone(),
            other => {
                return Err(failure(
                    format!("a {} model does not know runs of another length than its own", other.kind()),
                    "give runs instead, to which the law is fitted, or fit one with 'lodecast fit --kind law'",
                ));
            }
        };
        let run = self.one_run(&law, output)?;
        Ok((law, run))
    }

    fn one_run(&self, law: &Law, output: &mut Output) -> Result<Run> {
        if self.run.is_file()
            && let Ok(run) = self.columns.read_run(&self.run, law.metric())
        {
            return Ok(run);
        }
        let columns = Columns { metrics: vec![law.metric().clone()], ..self.columns.clone() };
        let mut runs = model_input::runs(&self.run, &columns, output)?.runs;
        let count = runs.len();
        runs.pop().filter(|_| count == 1).ok_or_else(|| {
            failure(
                format!("{} holds {count} runs, and one is asked about", self.run.display()),
                "name the file or folder of one run",
            )
        })
    }
}
