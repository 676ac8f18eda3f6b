//! SQLite files and PostgreSQL servers behind one face: read-only, one snapshot, rows handed over one at a time.
//!
//! Queries are written in what both understand, with parameters `$1`, `$2`, ... in order, and with casts that leave three
//! types only: `BIGINT`, `DOUBLE PRECISION` and `TEXT`.

mod encryption;
mod failure;
mod file;
mod row;
mod server;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use postgres::fallible_iterator::FallibleIterator;
use postgres::types::ToSql;
use rusqlite::Connection;

use self::failure::{explain, failed};
use self::row::Row;
use crate::error::{Error, Result};
use crate::format::{Outcome, Visit, Wanted};
use crate::formats::collection::{Collection, check_collections, choose};
use crate::limits::Limits;
use crate::source::Source;

/// A value in a query.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Parameter<'a> {
    Integer(i64),
    Text(&'a str),
}

/// A database opened for reading.
pub(crate) struct Database {
    /// For people: without a password.
    name: String,
    engine: Engine,
}

enum Engine {
    Sqlite(Connection),
    Postgres(Box<postgres::Client>),
}

/// The files of a folder that go by a database's name.
fn files_in(source: &Source) -> impl Iterator<Item = &Path> {
    ["db", "sqlite", "sqlite3"].into_iter().flat_map(|ending| source.files_ending(ending))
}

/// Is there an SQLite database at `path`?
fn is_sqlite(path: &Path) -> bool {
    use std::io::Read;
    let mut start = [0; 16];
    std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && &start == b"SQLite format 3\0"
}

impl Database {
    /// Does the source name a database with tables of all these names? One that cannot be opened is not known to have them.
    pub(crate) fn any_with(source: &Source, tables: &[&str]) -> bool {
        matches!(Self::open_with(source, tables), Ok(Some(_)))
    }

    /// Opens the database that an address names, if it is the address of one.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub(crate) fn at_address(source: &Source) -> Result<Option<Self>> {
        if matches!(source, Source::Url(_)) { Self::open_with(source, &[]) } else { Ok(None) }
    }

    /// Opens the database with tables of all these names: the one that the source names, or of its folder the first that has
    /// anything in the last of them, or else the first.
    ///
    /// # Errors
    /// If a database that the source names cannot be read.
    pub(crate) fn open_with(source: &Source, tables: &[&str]) -> Result<Option<Self>> {
        let candidates: Vec<PathBuf> = match source {
            Source::Url(url) => {
                let Some((scheme, rest)) = url.split_once("://") else { return Ok(None) };
                // SQLAlchemy names the driver behind a plus sign.
                match scheme.split('+').next() {
                    Some("sqlite") => match rest.strip_prefix('/') {
                        Some(path) => vec![PathBuf::from(path)],
                        None => {
                            return Err(Error::Refused {
                                address: source.to_string(),
                                reason: "a file has no host".to_owned(),
                                remedy: "write sqlite:/// and then the file's path".to_owned(),
                            });
                        }
                    },
                    Some("postgresql" | "postgres") => {
                        let name = source.to_string();
                        let client = server::connect(&format!("postgresql://{rest}"), &name)?;
                        let mut database = Self { name, engine: Engine::Postgres(Box::new(client)) };
                        return Ok(database.has_tables(tables)?.then_some(database));
                    }
                    _ => return Ok(None),
                }
            }
            Source::File(path) => vec![path.clone()],
            Source::Folder(_) => files_in(source).map(Path::to_owned).collect(),
        };
        let mut empty = None;
        for path in candidates {
            if is_sqlite(&path) || matches!(source, Source::Url(_)) {
                let mut database = Self::open_file(&path)?;
                if !database.has_tables(tables)? {
                    continue;
                }
                if !matches!(source, Source::Folder(_)) || database.has_rows(tables)? {
                    return Ok(Some(database));
                }
                empty.get_or_insert(database);
            }
        }
        Ok(empty)
    }

    /// Leaves out all databases of a folder with tables of these names but this one.
    pub(crate) fn leave_out_others(&self, source: &Source, tables: &[&str], visit: &mut Visit<'_>) -> ControlFlow<()> {
        if !matches!(source, Source::Folder(_)) {
            return ControlFlow::Continue(());
        }
        let has_tables = |path: &&Path| {
            is_sqlite(path) && Self::open_file(path).is_ok_and(|mut file| matches!(file.has_tables(tables), Ok(true)))
        };
        files_in(source).filter(has_tables).try_for_each(|path| {
            let name = path.display().to_string();
            if name == self.name {
                return ControlFlow::Continue(());
            }
            let reason =
                format!("a further database of the folder, of which {} was read: import it by itself", self.name);
            visit(Outcome::skipped(name, reason))
        })
    }

    /// Its address for people, without a password.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Opens the SQLite file at `path`.
    ///
    /// # Errors
    /// If it is none, or cannot be read.
    fn open_file(path: &Path) -> Result<Self> {
        let connection = file::open(path)?;
        Ok(Self { name: path.display().to_string(), engine: Engine::Sqlite(connection) })
    }

    /// What has to be said before a password is sent to the server that `source` names.
    pub(crate) fn warning(source: &Source) -> Option<String> {
        let Source::Url(url) = source else { return None };
        let (scheme, rest) = url.split_once("://")?;
        if !matches!(scheme.split('+').next(), Some("postgresql" | "postgres")) {
            return None;
        }
        server::exposes_password(&format!("postgresql://{rest}")).then(|| {
            format!(
                "{source}: a password is sent to whoever answers there, for nobody looks at its certificate: with \
                 sslmode=verify-full in the address it has to be that server"
            )
        })
    }

    /// Has the database tables of all these names?
    ///
    /// # Errors
    /// If it cannot be asked.
    fn has_tables(&mut self, tables: &[&str]) -> Result<bool> {
        let query = match self.engine {
            Engine::Sqlite(_) => "SELECT name FROM sqlite_master WHERE type = 'table' AND name = $1",
            Engine::Postgres(_) => {
                "SELECT CAST(table_name AS TEXT) FROM information_schema.tables
                 WHERE table_schema = ANY (current_schemas(false)) AND table_type = 'BASE TABLE'
                 AND table_name = CAST($1 AS TEXT)"
            }
        };
        for table in tables {
            let mut found = false;
            self.rows(query, &[Parameter::Text(table)], &mut |_| {
                found = true;
                Ok(ControlFlow::Break(()))
            })?;
            if !found {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Has any table of the last of these names a row?
    fn has_rows(&mut self, tables: &[&str]) -> Result<bool> {
        let Some(table) = tables.last() else { return Ok(true) };
        let mut found = false;
        self.rows(&format!("SELECT CAST(1 AS BIGINT) FROM {table} LIMIT 1"), &[], &mut |_| {
            found = true;
            Ok(ControlFlow::Break(()))
        })?;
        Ok(found)
    }

    /// The one meant of the collections that `query` lists as id, name and number of runs; `kind` is what the store calls them.
    ///
    /// # Errors
    /// If the database cannot be asked, there are more than `limits` allow, or it is not clear which one is meant.
    pub(crate) fn choose(&mut self, query: &str, kind: &str, wanted: &Wanted, limits: &Limits) -> Result<Collection> {
        let name = self.name.clone();
        let mut collections = Vec::new();
        self.rows(query, &[], &mut |row| {
            check_collections(collections.len(), &name, limits)?;
            if let (Some(id), Some(name)) = (row.text(0), row.text(1)) {
                let runs = row.integer(2).unwrap_or(0).unsigned_abs();
                collections.push(Collection { id: id.to_owned(), name: name.to_owned(), runs });
            }
            Ok(ControlFlow::Continue(()))
        })?;
        choose(&collections, kind, &self.name, wanted)
    }

    /// Has the table a column of this name?
    ///
    /// # Errors
    /// If the database cannot be asked.
    pub(crate) fn has_column(&mut self, table: &str, column: &str) -> Result<bool> {
        let query = match self.engine {
            Engine::Sqlite(_) => "SELECT name FROM pragma_table_info($1) WHERE name = $2",
            Engine::Postgres(_) => {
                "SELECT CAST(column_name AS TEXT) FROM information_schema.columns
                 WHERE table_schema = ANY (current_schemas(false))
                 AND table_name = CAST($1 AS TEXT) AND column_name = CAST($2 AS TEXT)"
            }
        };
        let mut found = false;
        self.rows(query, &[Parameter::Text(table), Parameter::Text(column)], &mut |_| {
            found = true;
            Ok(ControlFlow::Break(()))
        })?;
        Ok(found)
    }

    /// Hands the rows that `query` finds to `each`, until it breaks.
    ///
    /// # Errors
    /// If the database refuses, or what `each` returns.
    pub(crate) fn rows(
        &mut self,
        query: &str,
        parameters: &[Parameter<'_>],
        each: &mut dyn FnMut(&Row<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let name = &self.name;
        match &mut self.engine {
            Engine::Sqlite(connection) => {
                let failed = |error: rusqlite::Error| failed(name, error.to_string());
                let mut statement = connection.prepare_cached(query).map_err(failed)?;
                let values = parameters.iter().map(|parameter| -> &dyn rusqlite::ToSql {
                    match parameter {
                        Parameter::Integer(value) => value,
                        Parameter::Text(value) => value,
                    }
                });
                let mut rows = statement.query(rusqlite::params_from_iter(values)).map_err(failed)?;
                while let Some(row) = rows.next().map_err(failed)? {
                    if each(&Row::Sqlite(row))?.is_break() {
                        break;
                    }
                }
            }
            Engine::Postgres(client) => {
                let failed = |error: postgres::Error| failed(name, explain(&error));
                let values = parameters.iter().map(|parameter| -> &(dyn ToSql + Sync) {
                    match parameter {
                        Parameter::Integer(value) => value,
                        Parameter::Text(value) => value,
                    }
                });
                let mut rows = client.query_raw(query, values).map_err(failed)?;
                while let Some(row) = rows.next().map_err(failed)? {
                    if each(&Row::Postgres(&row))?.is_break() {
                        break;
                    }
                }
            }
        }
        Ok(())
    }
}
