//! SQLite files, opened so that nothing in them can do more than hold data.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};

use super::failure::failed;
use crate::error::Result;

/// Longest text that is read from a database, in bytes.
const LONGEST_TEXT: i32 = 16 << 20;
/// How long a database may take to give a lock free.
const PATIENCE: Duration = Duration::from_secs(10);

/// Opens the SQLite file at `path`.
///
/// # Errors
/// If it is none, or cannot be read.
pub(super) fn open(path: &Path) -> Result<Connection> {
    let open = || -> rusqlite::Result<Connection> {
        // Without a mutex and without names that are taken for URIs.
        let connection =
            Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(PATIENCE)?;
        // Nothing that a file of others defines may do more than hold data.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LONGEST_TEXT)?;
        connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
        connection.execute_batch("BEGIN")?;
        Ok(connection)
    };
    open().map_err(|error| failed(&path.display().to_string(), error.to_string()))
}
