//! Trackio's databases: a file a project, a row of JSON a step.
//!
//! Source: `trackio/sqlite_storage.py`: tables `metrics` (`id`, `timestamp`, `run_name`, `step`, `metrics`) and `configs`
//! (`run_name`, `config`).

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde_json::Value;

use crate::decode::database::{Database, Parameter};
use crate::decode::flatten::flatten;
use crate::decode::json::parse;
use crate::decode::text_number::{Meaning, meaning};
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
const RUNS: &str = "
    SELECT CAST(run_name AS TEXT), CAST(MIN(id) AS BIGINT) FROM metrics GROUP BY run_name ORDER BY MIN(id)";
const CONFIG: &str = "SELECT CAST(config AS TEXT) FROM configs WHERE run_name = CAST($1 AS TEXT)";
const METRICS: &str = "
    SELECT CAST(step AS BIGINT), CAST(metrics AS TEXT), CAST(id AS BIGINT) FROM metrics
    WHERE run_name = CAST($1 AS TEXT) AND id > CAST($2 AS BIGINT) ORDER BY id";

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
        Database::any_with(source, &TABLES) && self.open(source).is_ok_and(|found| found.is_some())
    }

    fn read(&self, source: &Source, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<()> {
        let Some(mut database) = self.open(source)? else {
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
    fn open(&self, source: &Source) -> Result<Option<Database>> {
        let Some(mut database) = Database::open_with(source, &TABLES)? else { return Ok(None) };
        let has_rows = database.has_column("metrics", "metrics")? && database.has_column("metrics", "run_name")?;
        Ok(has_rows.then_some(database))
    }
}

fn read(database: &mut Database, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<ControlFlow<()>> {
    let place = database.name().to_owned();
    let mut runs = Vec::new();
    database.rows(RUNS, &[], &mut |row| {
        check_runs(runs.len(), &place, limits)?;
        runs.extend(row.text(0).map(str::to_owned));
        Ok(ControlFlow::Continue(()))
    })?;
    for id in runs {
        let mut recorder = Recorder::new(&id, &place, wanted, limits);
        let outcome = match read_run(database, &id, limits, &mut recorder) {
            Ok(()) => recorder.finish("it has no metrics"),
            Err(error) => Outcome::skipped(id, error.to_string()),
        };
        if visit(outcome).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

fn read_run(database: &mut Database, id: &str, limits: &Limits, recorder: &mut Recorder<'_>) -> Result<()> {
    let mut damaged = 0_u64;
    database.rows(CONFIG, &[Parameter::Text(id)], &mut |row| {
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
    database.rows(METRICS, &since, &mut |row| {
        reached.last = row.integer(2).unwrap_or(reached.last);
        let (Some(step), Some(text)) = (row.integer(0), row.text(1)) else { return Ok(ControlFlow::Continue(())) };
        let moment = row.integer(2).unwrap_or(0).max(0).cast_unsigned();
        let Ok(values) = parse::<BTreeMap<String, Value>>(text.as_bytes()) else {
            damaged += 1;
            return Ok(ControlFlow::Continue(()));
        };
        for (name, value) in values {
            let value = match &value {
                Value::Number(number) => number.as_f64(),
                // Trackio writes what is not finite as a text.
                Value::String(text) => match meaning(text) {
                    Meaning::Number(number) => Some(number),
                    _ => None,
                },
                _ => None,
            };
            if let Some(value) = value
                && let Some(place) = recorder.place(&name)?
            {
                recorder.push_at(place, step, value, moment)?;
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    limits.since.read_rows_to(&key, reached);
    if damaged > 0 {
        recorder.note(format!("{damaged} rows that are no JSON left out"));
    }
    Ok(())
}
