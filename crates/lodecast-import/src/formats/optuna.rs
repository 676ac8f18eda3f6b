//! Optuna: studies in databases and journals.

mod database;
mod distribution;
mod journal;

use std::ops::ControlFlow;
use std::path::Path;

use lodecast::Direction;

use crate::decode::database::Database;
use crate::error::{Error, Result};
use crate::format::{Format, Outcome, Visit, Wanted};
use crate::limits::Limits;
use crate::recording::recorder::Recorder;
use crate::since::Since;
use crate::source::Source;

/// Storages of Optuna: SQLite files, PostgreSQL servers, and journal files. A run is a trial that reported values.
pub(crate) struct Optuna;

const TABLES: [&str; 4] = ["studies", "trial_params", "trial_intermediate_values", "trials"];

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

    fn warning(&self, source: &Source) -> Option<String> {
        Database::warning(source)
    }

    fn steps(&self) -> &'static str {
        "of `trial.report`"
    }

    fn collection(&self) -> Option<&'static str> {
        Some("study")
    }

    fn files(&self) -> &'static [&'static str] {
        &["journal.log", "optuna.db"]
    }

    fn recognises(&self, source: &Source) -> bool {
        Database::any_with(source, &TABLES) || journal::find(source).next().is_some()
    }

    fn read(&self, source: &Source, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<()> {
        if let Some(mut database) = Database::open_with(source, &TABLES)? {
            if database::read(&mut database, wanted, limits, visit)?.is_continue()
                && database.leave_out_others(source, &TABLES, visit).is_continue()
            {
                let _all = leave_out(journal::find(source), visit);
            }
            return Ok(());
        }
        let mut journals = journal::find(source);
        if let Some(path) = journals.next() {
            // What comes later changes what came before: it is read from its beginning each time.
            let whole = Limits { since: Since::default(), ..limits.clone() };
            if journal::read(path, wanted, &whole, visit)?.is_continue() {
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
    recorder.recording().is_unfinished = !matches!(state, State::Complete);
    match state {
        State::Complete => {}
        State::Running => recorder.note("the trial is running, or was stopped"),
        State::Pruned => recorder.note("the trial was pruned"),
        State::Failed => recorder.note("the trial failed"),
        State::Waiting => recorder.note("the trial has not begun"),
    }
    recorder.set("study", study.to_owned())?;
    let Some(direction) = direction else { return Ok(()) };
    let way = if direction == "maximize" { Direction::Max } else { Direction::Min };
    recorder.recording().directions.insert(SERIES.to_owned(), way);
    recorder.set("direction", direction.to_owned())
}
