//! MLflow: its databases, its files, and its tracking server.

mod database;
mod files;
mod http;
mod infinity;
mod run;
mod server;

use crate::decode::database::Database;
use crate::error::{Error, Result};
use crate::format::{Format, Outcome, Visit, Wanted};
use crate::limits::Limits;
use crate::source::Source;

pub use run::MlflowRun;

/// Stores of MLflow: SQLite files and PostgreSQL servers, folders `mlruns`, and tracking servers over REST.
pub(crate) struct Mlflow;

/// Tables that every store in a database has.
const TABLES: [&str; 5] = ["experiments", "metrics", "params", "tags", "runs"];

impl Format for Mlflow {
    fn name(&self) -> &'static str {
        "mlflow"
    }

    fn describes(&self) -> &'static str {
        "MLflow: mlflow.db, postgresql://..., a folder mlruns, or the http(s):// address of a tracking server"
    }

    fn warning(&self, source: &Source) -> Option<String> {
        let Source::Url(url) = source else { return None };
        if !server::is_address(source) {
            return Database::warning(source);
        }
        let exposes = http::Client::new(url, &Limits::default()).ok()?.exposes_credentials();
        exposes.then(|| {
            format!("{source}: MLflow's credentials of the environment are sent over http://, which anybody on the way can read")
        })
    }

    fn steps(&self) -> &'static str {
        "as logged"
    }

    fn collection(&self) -> Option<&'static str> {
        Some("experiment")
    }

    fn files(&self) -> &'static [&'static str] {
        &["mlruns/0/a/meta.yaml", "mlruns/0/a/metrics/loss", "mlflow.db"]
    }

    fn recognises(&self, source: &Source) -> bool {
        server::is_address(source) || Database::any_with(source, &TABLES) || files::any(source)
    }

    fn read(&self, source: &Source, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<()> {
        if let Source::Url(url) = source
            && server::is_address(source)
        {
            return server::read(url, wanted, limits, visit);
        }
        if let Some(mut database) = Database::open_with(source, &TABLES)? {
            if database::read(&mut database, wanted, limits, visit)?.is_continue()
                && database.leave_out_others(source, &TABLES, visit).is_continue()
                && files::any(source)
            {
                let reason = "runs in files of the folder, of which the database was read: import mlruns by itself";
                let _last = visit(Outcome::skipped(source.to_string(), reason));
            }
            return Ok(());
        }
        if files::any(source) {
            return files::read(source, wanted, limits, visit);
        }
        Err(Error::NoRuns {
            place: source.to_string(),
            format: self.name(),
            remedy: "it is neither a database with MLflow's tables nor a folder of experiments with meta.yaml"
                .to_owned(),
        })
    }
}
