//! Trackio's databases: a file a project, a row of JSON a step.
//!
//! Source: `trackio/sqlite_storage.py`: tables `metrics` (`id`, `timestamp`, `run_id`, `run_name`, `step`, `metrics`) and `configs`
//! (`run_id`, `run_name`, `config`); the first versions had no ids.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde_json::Value;

use crate::decode::database::{Database, Parameter};
use crate::decode::flatten::flatten;
use crate::decode::json::parse;
use crate::decode::json_numbers::each_number;
use crate::error::{Error, Result};
use crate::format::{Format, Outcome, Visit, Wanted};
use crate::formats::collection::check_runs;
use crate::limits::Limits;
use crate::recording::recorder::Recorder;
use crate::since::key;
use crate::source::Source;

/// Databases of Trackio's projects.
pub(crate) struct Trackio;

const TABLES: [&str; 2] = ["configs", "metrics"];
/// What a run goes by: its name in the first versions, then an id of its own, in `{id}`.
const NAME: &str = "run_name";
const ID: &str = "COALESCE(run_id, run_name)";
const RUNS: &str = "
    SELECT CAST({id} AS TEXT), CAST(MIN(run_name) AS TEXT) FROM metrics GROUP BY {id} ORDER BY MIN(id)";
const CONFIG: &str = "SELECT CAST(config AS TEXT) FROM configs WHERE {id} = CAST($1 AS TEXT)";
const METRICS: &str = "
    SELECT CAST(step AS BIGINT), CAST(metrics AS TEXT), CAST(id AS BIGINT) FROM metrics
    WHERE {id} = CAST($1 AS TEXT) AND id > CAST($2 AS BIGINT) ORDER BY id";

impl Format for Trackio {
    fn name(&self) -> &'static str {
        "trackio"
    }

    fn describes(&self) -> &'static str {
        "Trackio: the SQLite file of a project"
    }

    fn steps(&self) -> &'static str {
        "as logged"
    }

    fn files(&self) -> &'static [&'static str] {
        &["project.db"]
    }

    fn recognises(&self, source: &Source) -> bool {
        Database::any_with(source, &TABLES) && Self::open(source).is_ok_and(|found| found.is_some())
    }

    fn read(&self, source: &Source, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<()> {
        let Some(mut database) = Self::open(source)? else {
            let remedy = "it is no database with Trackio's tables".to_owned();
            return Err(Error::NoRuns { place: source.to_string(), format: self.name(), remedy });
        };
        if read(&mut database, wanted, limits, visit)?.is_continue() {
            let _all = database.leave_out_others(source, &TABLES, visit);
        }
        Ok(())
    }
}

impl Trackio {
    /// The database, if its metrics are rows of JSON: MLflow has a table of this name, too.
    fn open(source: &Source) -> Result<Option<Database>> {
        let Some(mut database) = Database::open_with(source, &TABLES)? else { return Ok(None) };
        let has_rows = database.has_column("metrics", "metrics")? && database.has_column("metrics", "run_name")?;
        Ok(has_rows.then_some(database))
    }
}

fn read(database: &mut Database, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<ControlFlow<()>> {
    let place = database.name().to_owned();
    let has_ids = database.has_column("metrics", "run_id")? && database.has_column("configs", "run_id")?;
    let by = if has_ids { ID } else { NAME };
    let mut runs = Vec::new();
    database.rows(&RUNS.replace("{id}", by), &[], &mut |row| {
        check_runs(runs.len(), &place, limits)?;
        runs.extend(row.text(0).map(|id| (id.to_owned(), row.text(1).unwrap_or_default().to_owned())));
        Ok(ControlFlow::Continue(()))
    })?;
    for (id, name) in runs {
        let mut recorder = Recorder::new(&id, &place, wanted, limits);
        recorder.set("run_name", name)?;
        let outcome = match read_run(database, &id, by, limits, &mut recorder) {
            Ok(()) => recorder.finish("it has no metrics"),
            Err(error) => Outcome::skipped(id, error.to_string()),
        };
        if visit(outcome).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

fn read_run(database: &mut Database, id: &str, by: &str, limits: &Limits, recorder: &mut Recorder<'_>) -> Result<()> {
    let mut damaged = 0_u64;
    database.rows(&CONFIG.replace("{id}", by), &[Parameter::Text(id)], &mut |row| {
        match row.text(0).map(|text| parse::<Value>(text.as_bytes())) {
            Some(Ok(config)) => flatten("", &config, &mut |key, value| {
                if key.starts_with('_') { Ok(()) } else { recorder.set(key, value) }
            })?,
            Some(Err(_)) => damaged += 1,
            None => {}
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let key = key(database.name(), id);
    let mut reached = limits.since.row(&key);
    let since = [Parameter::Text(id), Parameter::Integer(reached.last)];
    database.rows(&METRICS.replace("{id}", by), &since, &mut |row| {
        reached.last = row.integer(2).unwrap_or(reached.last);
        let (Some(step), Some(text)) = (row.integer(0), row.text(1)) else { return Ok(ControlFlow::Continue(())) };
        let moment = row.integer(2).unwrap_or(0).max(0).cast_unsigned();
        let Ok(values) = parse::<BTreeMap<String, Value>>(text.as_bytes()) else {
            damaged += 1;
            return Ok(ControlFlow::Continue(()));
        };
        for (name, value) in values {
            // Trackio writes what is not finite as a text.
            each_number(&name, &value, &mut |name, value| match recorder.place(name)? {
                Some(place) => recorder.push_at(place, step, value, moment),
                None => Ok(()),
            })?;
        }
        Ok(ControlFlow::Continue(()))
    })?;
    limits.since.read_rows_to(&key, reached);
    if damaged > 0 {
        recorder.note(format!("{damaged} rows that are no JSON left out"));
    }
    Ok(())
}
