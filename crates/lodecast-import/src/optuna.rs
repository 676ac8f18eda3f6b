//! Optuna: studies in databases and journals.

mod database;
mod distribution;
mod journal;

use crate::database::Database;
use crate::error::{Error, Result};
use crate::format::{Format, Visit, Wanted};
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
            return database::read(&mut database, wanted, limits, visit);
        }
        if let Some(path) = journal::find(source).next() {
            return journal::read(path, wanted, limits, visit).map(drop);
        }
        Err(Error::NoRuns {
            place: source.to_string(),
            format: self.name(),
            remedy: "it is neither a database with the tables of Optuna 2.4 or newer nor a journal file".to_owned(),
        })
    }
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
