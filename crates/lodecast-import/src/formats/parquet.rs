//! Any Parquet table by its column names: a file a run, or a column that names the run.

mod lists;
mod unreadable;

use std::ops::ControlFlow;
use std::path::Path;

use lodecast_sweep_file::ParquetTable;

use crate::decode::files;
use crate::decode::layout::{Layout, Owner, Position, step_of};
use crate::decode::settings;
use crate::decode::table::Table;
use crate::decode::text_number::meaning_of;
use crate::error::{Error, Result};
use crate::format::{Format, Visit, Wanted};
use crate::limits::Limits;
use crate::recording::Recording;
use crate::source::Source;

/// Any Parquet file, and folders of them.
pub(crate) struct Parquet;

impl Format for Parquet {
    fn name(&self) -> &'static str {
        "parquet"
    }

    fn describes(&self) -> &'static str {
        "Parquet files by column names: one a run, or with a column that names the run"
    }

    fn steps(&self) -> &'static str {
        "`step`, `global_step`, `iteration`, ...; `--step NAME`"
    }

    fn files(&self) -> &'static [&'static str] {
        &["runs.parquet"]
    }

    fn recognises(&self, source: &Source) -> bool {
        source.files_ending("parquet").chain(source.files_ending("pq")).next().is_some()
    }

    fn read(&self, source: &Source, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<()> {
        let tables = source.files_ending("parquet").chain(source.files_ending("pq"));
        files::each(source, self.name(), "files *.parquet", tables, visit, &mut |path, visit| {
            let base = settings::beside(source, path, limits);
            read(path, base, wanted, limits, visit)
        })
    }
}

/// Reads the table at `path`. Only the columns that are wanted, and texts, are decoded.
fn read(
    path: &Path,
    base: Recording,
    wanted: &Wanted,
    limits: &Limits,
    visit: &mut Visit<'_>,
) -> Result<ControlFlow<()>> {
    let file = ParquetTable::open(path)?;
    let place = path.display().to_string();
    if let Some(lists) = lists::Lists::of(&file, wanted) {
        return lists.read(&place, base, wanted, limits, visit);
    }
    let names: Vec<&str> = file.names().iter().map(String::as_str).collect();
    let layout = Layout::of(&names, wanted);
    layout.check(&place, &names, wanted)?;
    let chosen: Vec<usize> = (0..names.len())
        .filter(|&column| layout.is_structure(column) || file.is_number(column) || file.is_text(column))
        .collect();
    let at = |column: usize| chosen.iter().position(|&other| other == column);
    let [run_at, step_at, epoch_at] = [layout.run, layout.step, layout.epoch].map(|column| column.and_then(at));
    let [phase_at, seed_at, fold_at] =
        [layout.phase, layout.repetitions[0], layout.repetitions[1]].map(|column| column.and_then(at));
    let long_at = layout.long.and_then(|(metric, value)| at(metric).zip(at(value)));

    let mut table = Table::new(base, wanted, limits);
    for column in (0..names.len()).filter(|&column| file.unreadable(column).is_some()) {
        table.note(unreadable::left_out(&file, column, names[column]));
    }
    let mut failure = None;
    file.read(&chosen, |number, cells| {
        let mut take = || -> Result<ControlFlow<()>> {
            let damaged = |reason: String| {
                let place = format!("{place}, row {number}");
                Error::Damaged { place, reason, remedy: "correct the row" }
            };
            let count = |at: usize| step_of(cells[at]);
            let step = match step_at.map(count).transpose() {
                Ok(step) => step.flatten(),
                Err(_) => return Err(damaged(format!("'{}' is not a step", names[chosen[step_at.unwrap_or(0)]]))),
            };
            let epoch = epoch_at.and_then(|at| count(at).ok().flatten());
            let text = |at: usize| cells[at].text().ok().flatten();
            let at = Position { step, epoch, held_out: None }.in_phase(phase_at.and_then(text).as_deref());
            let run = match run_at.map(|at| cells[at].text()) {
                None => None,
                Some(Ok(Some(run))) => Some(run),
                Some(_) => return Err(damaged("the row names no run".to_owned())),
            };
            let mut owner = Owner::of(run);
            for at in [seed_at, fold_at].into_iter().flatten() {
                if let Some(value) = text(at) {
                    owner.repeated(names[chosen[at]], &value);
                }
            }
            let ControlFlow::Continue(mut row) = table.row(&owner, at, visit)? else {
                return Ok(ControlFlow::Break(()));
            };
            if let Some((metric, value)) = long_at
                && let Ok(Some(metric)) = cells[metric].text()
            {
                row.say(&metric, meaning_of(&cells[value]))?;
            }
            for (&column, cell) in chosen.iter().zip(cells) {
                if !layout.is_structure(column) {
                    row.say(names[column], meaning_of(cell))?;
                }
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
