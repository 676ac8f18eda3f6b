//! Optuna: studies in databases and journals.

mod database;
mod distribution;
mod journal;

use std::ops::ControlFlow;
use std::path::Path;

use crate::database::Database;
use crate::error::{Error, Result};
use crate::format::{Format, Outcome, Visit, Wanted};
use crate::limits::Limits;
use crate::recorder::Recorder;
use crate::source::Source;

/// Storages of Optuna: SQLite files, PostgreSQL servers, and journal files. A run is a trial that reported values.
pub(crate) struct Optuna;

const TABLES: [&str; 4] = ["studies", "trials", "trial_params", "trial_intermediate_values"];

/// Optuna keeps one series a trial and has no name for it.
const SERIES: &str = "intermediate_value";
/// Why a trial may have no series.
const NOTHING: &str = "it reported no intermediate values (trial.report)";

impl Format for Optuna {
    fn name(&self) -> &'static str {
        "optuna"
    }

    fn describes(&self) -> &'static str {
        "Optuna: SQLite storages, postgresql://..., journal files"
    }

    fn recognises(&self, source: &Source) -> bool {
        Database::any_with(source, &TABLES) || journal::find(source).next().is_some()
    }

    fn read(&self, source: &Source, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<()> {
        if let Some(mut database) = Database::open_with(source, &TABLES)? {
            if database::read(&mut database, wanted, limits, visit)?.is_continue()
                && Database::leave_out_others(source, &TABLES, visit).is_continue()
            {
                let _all = leave_out(journal::find(source), visit);
            }
            return Ok(());
        }
        let mut journals = journal::find(source);
        if let Some(path) = journals.next() {
            if journal::read(path, wanted, limits, visit)?.is_continue() {
                let _all = leave_out(journals, visit);
            }
            return Ok(());
        }
        Err(Error::NoRuns {
            place: source.to_string(),
            format: self.name(),
            remedy: "it is neither a database with the tables of Optuna 2.4 or newer nor a journal file".to_owned(),
        })
    }
}

/// Leaves out the journals that lie beside the storage that was read.
fn leave_out<'p>(mut journals: impl Iterator<Item = &'p Path>, visit: &mut Visit<'_>) -> ControlFlow<()> {
    journals.try_for_each(|path| {
        let reason = "a further storage of the folder, of which the first was read: import it by itself";
        visit(Outcome::skipped(path.display().to_string(), reason))
    })
}

/// How far a trial has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    Complete,
    Pruned,
    Failed,
    Waiting,
}

impl State {
    fn is_finished(self) -> bool {
        matches!(self, State::Complete | State::Pruned | State::Failed)
    }
}

/// Says in the recording of a trial how it ended and what its study is after.
fn describe(recorder: &mut Recorder<'_>, state: State, study: &str, direction: Option<&str>) -> Result<()> {
    match state {
        State::Complete => {}
        State::Running => recorder.note("the trial is running, or was stopped"),
        State::Pruned => recorder.note("the trial was pruned"),
        State::Failed => recorder.note("the trial failed"),
        State::Waiting => recorder.note("the trial has not begun"),
    }
    recorder.set("study", study.to_owned())?;
    direction.map_or(Ok(()), |direction| recorder.set("direction", direction.to_owned()))
}
