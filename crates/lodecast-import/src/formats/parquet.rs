//! Any Parquet table by its column names: a file a run, or a column that names the run.

use std::ops::ControlFlow;
use std::path::Path;

use lodecast_sweep_file::ParquetTable;

use crate::error::{Error, Result};
use crate::files;
use crate::format::{Format, Visit, Wanted};
use crate::limits::Limits;
use crate::recording::Recording;
use crate::source::Source;
use crate::table::{Table, check_run_column, no_steps, step_column};
use crate::text_number::meaning_of;

/// Any Parquet file, and folders of them.
pub(crate) struct Parquet;

impl Format for Parquet {
    fn name(&self) -> &'static str {
        "parquet"
    }

    fn describes(&self) -> &'static str {
        "Parquet files by column names: one a run, or with a column that names the run"
    }

    fn recognises(&self, source: &Source) -> bool {
        source.files_ending("parquet").chain(source.files_ending("pq")).next().is_some()
    }

    fn read(&self, source: &Source, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<()> {
        let tables = source.files_ending("parquet").chain(source.files_ending("pq"));
        files::each(source, self.name(), "files *.parquet", tables, visit, &mut |path, visit| {
            let base = Recording::new(source.run_id(path), path.display().to_string());
            read(path, base, wanted, limits, visit)
        })
    }
}

/// Reads the table at `path`. Only the columns that are wanted, and texts, are decoded.
fn read(
    path: &Path,
    mut base: Recording,
    wanted: &Wanted,
    limits: &Limits,
    visit: &mut Visit<'_>,
) -> Result<ControlFlow<()>> {
    let file = ParquetTable::open(path)?;
    let place = path.display().to_string();
    let names: Vec<&str> = file.names().iter().map(String::as_str).collect();
    let run_at = check_run_column(&place, &names, wanted)?;
    let step_at = step_column(&names, wanted).ok_or_else(|| no_steps(&place, &names, wanted))?;
    base.steps_are_epochs = step_at.is_epoch;
    let chosen: Vec<usize> = (0..names.len())
        .filter(|&column| {
            Some(column) == run_at || column == step_at.index || file.is_number(column) || file.is_text(column)
        })
        .collect();

    let mut table = Table::new(base, wanted, limits);
    let mut failure = None;
    file.read(&chosen, |number, cells| {
        let mut take = || -> Result<ControlFlow<()>> {
            let at = |column: usize| chosen.iter().position(|&other| other == column).map(|index| &cells[index]);
            let here = || format!("{place}, row {number}");
            let damaged = |reason: String| Error::Damaged { place: here(), reason, remedy: "correct the row" };
            let Some(Ok(step)) = at(step_at.index).map(|cell| cell.count()) else {
                return Err(damaged(format!("'{}' is not a step", names[step_at.index])));
            };
            let run = match run_at.and_then(at).map(|cell| cell.text()) {
                None => None,
                Some(Ok(Some(run))) => Some(run),
                Some(_) => return Err(damaged("the row names no run".to_owned())),
            };
            let ControlFlow::Continue(mut row) = table.row(run.as_deref(), visit)? else {
                return Ok(ControlFlow::Break(()));
            };
            for (&column, cell) in chosen.iter().zip(cells) {
                if column == step_at.index || Some(column) == run_at {
                    continue;
                }
                row.say(names[column], meaning_of(cell), step)?;
            }
            if step.is_none() {
                row.without_step();
            }
            Ok(ControlFlow::Continue(()))
        };
        take().unwrap_or_else(|error| {
            failure = Some(error);
            ControlFlow::Break(())
        })
    })?;
    match failure {
        Some(error) => Err(error),
        None => Ok(table.finish(visit)),
    }
}
