//! MLflow's tables, as SQLAlchemy lays them in SQLite and PostgreSQL.
//!
//! Source: `mlflow/store/tracking/dbmodels/models.py`. What is read here has been the same since MLflow 1.11.

use std::ops::ControlFlow;

use super::infinity::restore;
use crate::decode::database::{Database, Parameter};
use crate::error::Result;
use crate::format::{Outcome, Visit, Wanted};
use crate::formats::collection::check_runs;
use crate::limits::Limits;
use crate::recording::recorder::Recorder;
use crate::since::{RowCursor, digest_of, key};

const EXPERIMENTS: &str = "
    SELECT CAST(e.experiment_id AS TEXT), CAST(e.name AS TEXT), CAST(COUNT(r.run_uuid) AS BIGINT)
    FROM experiments e LEFT JOIN runs r ON r.experiment_id = e.experiment_id AND r.lifecycle_stage = 'active'
    WHERE e.lifecycle_stage = 'active' GROUP BY e.experiment_id, e.name ORDER BY e.experiment_id";

const RUNS: &str = "
    SELECT CAST(run_uuid AS TEXT), CAST(name AS TEXT), CAST(lifecycle_stage AS TEXT) FROM runs
    WHERE CAST(experiment_id AS TEXT) = CAST($1 AS TEXT) ORDER BY start_time, run_uuid";

// Tags of MLflow itself say who ran what where; of them only the name is of use.
const SETTINGS: &str = r#"
    SELECT CAST("key" AS TEXT), CAST(value AS TEXT) FROM tags
    WHERE run_uuid = CAST($1 AS TEXT) AND "key" NOT LIKE 'mlflow.%'
    UNION ALL SELECT CAST("key" AS TEXT), CAST(value AS TEXT) FROM params WHERE run_uuid = CAST($1 AS TEXT)"#;

// The order of MLflow's own client.
const METRICS: &str = r#"
    SELECT CAST("key" AS TEXT), CAST(value AS DOUBLE PRECISION), CAST(timestamp AS BIGINT), CAST(step AS BIGINT),
    CAST(CASE WHEN is_nan THEN 1 ELSE 0 END AS BIGINT)
    FROM metrics WHERE run_uuid = CAST($1 AS TEXT) AND timestamp >= CAST($2 AS BIGINT) ORDER BY timestamp, step, value"#;

/// Reads the runs of one experiment.
pub(super) fn read(
    database: &mut Database,
    wanted: &Wanted,
    limits: &Limits,
    visit: &mut Visit<'_>,
) -> Result<ControlFlow<()>> {
    let experiment = database.choose(EXPERIMENTS, "experiment", wanted, limits)?;
    let place = database.name().to_owned();

    let mut runs = Vec::new();
    database.rows(RUNS, &[Parameter::Text(&experiment.id)], &mut |row| {
        if let Some(id) = row.text(0) {
            check_runs(runs.len(), &place, limits)?;
            let deleted = row.text(2) == Some("deleted");
            runs.push((id.to_owned(), row.text(1).unwrap_or_default().to_owned(), deleted));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    for (id, name, deleted) in runs {
        let outcome = if deleted {
            Outcome::skipped(id, "it was deleted in MLflow")
        } else {
            let mut recorder = Recorder::new(&id, database.name(), wanted, limits);
            match read_run(database, &id, limits, &mut recorder) {
                Ok(()) => {
                    recorder.set("run_name", name)?;
                    recorder.finish("it has no metrics")
                }
                Err(error) => Outcome::skipped(id, error.to_string()),
            }
        };
        if visit(outcome).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

fn read_run(database: &mut Database, id: &str, limits: &Limits, recorder: &mut Recorder<'_>) -> Result<()> {
    database.rows(SETTINGS, &[Parameter::Text(id)], &mut |row| {
        if let (Some(key), Some(value)) = (row.text(0), row.text(1)) {
            recorder.set(key, value.to_owned())?;
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let name = key(database.name(), id);
    let mut reached = limits.since.row(&name);
    // Rows have no numbers: those of the last time that was read come again, and are known by what they say.
    let since = [Parameter::Text(id), Parameter::Integer(reached.last)];
    database.rows(METRICS, &since, &mut |row| {
        if limits.since.is_asked() {
            let time = row.integer(2).unwrap_or(0);
            let number = row.number(1).map(f64::to_bits);
            let digest = digest_of(&(row.text(0), row.integer(3), number, row.integer(4)));
            if time > reached.last {
                reached = RowCursor { last: time, ..RowCursor::default() };
            }
            if time == reached.last && !reached.at_last.insert(digest) {
                return Ok(ControlFlow::Continue(()));
            }
        }
        let (Some(key), Some(step)) = (row.text(0), row.integer(3)) else { return Ok(ControlFlow::Continue(())) };
        if let Some(place) = recorder.place(key)? {
            let value = if row.integer(4) == Some(1) { f64::NAN } else { row.number(1).map_or(f64::NAN, restore) };
            recorder.push_at(place, step, value, row.integer(2).map_or(0, |time| time.max(0).cast_unsigned()))?;
        }
        Ok(ControlFlow::Continue(()))
    })?;
    limits.since.read_rows_to(&name, reached);
    Ok(())
}
