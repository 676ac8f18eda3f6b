//! Optuna's tables, as SQLAlchemy lays them in SQLite and PostgreSQL.
//!
//! Source: `optuna/storages/_rdb/models.py`. Schemas from Optuna 2.4 on: until 3.0 intermediate values had to be finite or
//! infinite, then NaN became NULL, and soon after a column told finite ones, infinities and NaN apart.

use std::ops::ControlFlow;

use super::distribution;
use super::trial::{NOTHING, SERIES, State, describe};
use crate::decode::database::{Database, Parameter};
use crate::decode::flatten::flatten;
use crate::error::Result;
use crate::format::{Outcome, Visit, Wanted};
use crate::formats::collection::check_runs;
use crate::limits::Limits;
use crate::recording::recorder::Recorder;
use crate::since;

const STUDIES: &str = "
    SELECT CAST(s.study_id AS TEXT), CAST(s.study_name AS TEXT), CAST(COUNT(t.trial_id) AS BIGINT)
    FROM studies s LEFT JOIN trials t ON t.study_id = s.study_id GROUP BY s.study_id, s.study_name ORDER BY s.study_id";

const DIRECTIONS: &str = "
    SELECT CAST(direction AS TEXT) FROM study_directions
    WHERE CAST(study_id AS TEXT) = CAST($1 AS TEXT) ORDER BY study_direction_id";

const TRIALS: &str = "
    SELECT CAST(trial_id AS BIGINT), CAST(number AS BIGINT), CAST(state AS TEXT) FROM trials
    WHERE CAST(study_id AS TEXT) = CAST($1 AS TEXT) ORDER BY trial_id";

const PARAMETERS: &str = "
    SELECT CAST(param_name AS TEXT), CAST(param_value AS DOUBLE PRECISION), CAST(distribution_json AS TEXT)
    FROM trial_params WHERE trial_id = CAST($1 AS BIGINT) ORDER BY param_id";

const ATTRIBUTES: &str = r#"
    SELECT CAST("key" AS TEXT), CAST(value_json AS TEXT)
    FROM trial_user_attributes WHERE trial_id = CAST($1 AS BIGINT) ORDER BY trial_user_attribute_id"#;

const VALUES: &str = "
    SELECT CAST(step AS BIGINT), CAST(intermediate_value AS DOUBLE PRECISION), CAST(intermediate_value_type AS TEXT),
    CAST(trial_intermediate_value_id AS BIGINT) FROM trial_intermediate_values
    WHERE trial_id = CAST($1 AS BIGINT) AND trial_intermediate_value_id > CAST($2 AS BIGINT)
    ORDER BY trial_intermediate_value_id";

const UNTYPED_VALUES: &str = "
    SELECT CAST(step AS BIGINT), CAST(intermediate_value AS DOUBLE PRECISION), CAST('' AS TEXT),
    CAST(trial_intermediate_value_id AS BIGINT) FROM trial_intermediate_values
    WHERE trial_id = CAST($1 AS BIGINT) AND trial_intermediate_value_id > CAST($2 AS BIGINT)
    ORDER BY trial_intermediate_value_id";

/// A trial's row.
struct Trial {
    key: i64,
    number: i64,
    state: State,
}

/// Reads the trials of one study.
pub(super) fn read(
    database: &mut Database,
    wanted: &Wanted,
    limits: &Limits,
    visit: &mut Visit<'_>,
) -> Result<ControlFlow<()>> {
    let study = database.choose(STUDIES, "study", wanted, limits)?;
    let place = database.name().to_owned();
    let id = [Parameter::Text(&study.id)];

    let mut direction = None;
    database.rows(DIRECTIONS, &id, &mut |row| {
        direction = row.text(0).map(str::to_ascii_lowercase);
        Ok(ControlFlow::Break(()))
    })?;
    let mut trials = Vec::new();
    database.rows(TRIALS, &id, &mut |row| {
        let state = match row.text(2).unwrap_or_default() {
            "COMPLETE" => State::Complete,
            "PRUNED" => State::Pruned,
            "FAIL" => State::Failed,
            "WAITING" => State::Waiting,
            _ => State::Running,
        };
        if let Some(key) = row.integer(0) {
            check_runs(trials.len(), &place, limits)?;
            trials.push(Trial { key, number: row.integer(1).unwrap_or(key), state });
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let values = if database.has_column("trial_intermediate_values", "intermediate_value_type")? {
        VALUES
    } else {
        UNTYPED_VALUES
    };
    for trial in trials {
        let id = format!("{}/{}", study.name, trial.number);
        let mut recorder = Recorder::new(&id, database.name(), wanted, limits);
        let read = describe(&mut recorder, trial.state, &study.name, direction.as_deref())
            .and_then(|()| read_trial(database, trial.key, values, limits, &mut recorder));
        let outcome = match read {
            Ok(()) => recorder.finish(NOTHING),
            Err(error) => Outcome::skipped(id, error.to_string()),
        };
        if visit(outcome).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

fn read_trial(
    database: &mut Database,
    trial: i64,
    values: &str,
    limits: &Limits,
    recorder: &mut Recorder<'_>,
) -> Result<()> {
    let key = [Parameter::Integer(trial)];
    database.rows(ATTRIBUTES, &key, &mut |row| {
        if let (Some(key), Some(json)) = (row.text(0), row.text(1))
            && let Ok(value) = serde_json::from_str(json)
        {
            flatten(key, &value, &mut |key, value| recorder.set(key, value))?;
        }
        Ok(ControlFlow::Continue(()))
    })?;
    database.rows(PARAMETERS, &key, &mut |row| {
        if let (Some(name), Some(internal)) = (row.text(0), row.number(1)) {
            recorder.set(name, distribution::spell(internal, row.text(2).unwrap_or_default()))?;
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let Some(place) = recorder.place(SERIES)? else { return Ok(()) };
    let name = since::key(database.name(), recorder.id());
    let mut reached = limits.since.row(&name);
    let since = [Parameter::Integer(trial), Parameter::Integer(reached.last)];
    database.rows(values, &since, &mut |row| {
        reached.last = row.integer(3).unwrap_or(reached.last);
        let value = match row.text(2) {
            Some("INF_POS") => f64::INFINITY,
            Some("INF_NEG") => f64::NEG_INFINITY,
            _ => row.number(1).unwrap_or(f64::NAN),
        };
        if let Some(step) = row.integer(0) {
            recorder.push(place, step, value)?;
        }
        Ok(ControlFlow::Continue(()))
    })?;
    limits.since.read_rows_to(&name, reached);
    Ok(())
}
