//! Optuna: studies in databases and journals.

mod database;
mod distribution;
mod journal;
mod trial;

use std::ops::ControlFlow;
use std::path::Path;

use crate::decode::database::Database;
use crate::error::{Error, Result};
use crate::format::{Format, Outcome, Visit, Wanted};
use crate::limits::Limits;
use crate::since::Since;
use crate::source::Source;

/// Storages of Optuna: SQLite files, PostgreSQL servers, and journal files. A run is a trial that reported values.
pub(crate) struct Optuna;

const TABLES: [&str; 4] = ["studies", "trial_params", "trial_intermediate_values", "trials"];

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
