//! [`Store`]: what is known of every run, in one SQLite file. What was acknowledged is on disk.

mod rows;
mod writer;

use std::fmt;
use std::fs::File;
use std::path::Path;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use serde::Serialize;
use tokio::sync::oneshot;

use super::entry::Entry;
use super::which::Which;
use crate::error::{Error, Result};
use crate::lock::lock;
use lodecast::Point;
pub(crate) use writer::{Write, Written};

/// Name of the database in the folder.
const FILE: &str = "runs.sqlite";
/// Version of the tables, in `user_version`.
const VERSION: i64 = 3;
/// Says whose file it is: "lode".
const APPLICATION: i64 = 0x6c6f_6465;
/// What waits to be written at most.
const QUEUE: usize = 4096;

/// Bring the tables of version 1 to version 2, and those to version 3.
const UPGRADES: [&str; 2] = [
    "ALTER TABLE entries ADD COLUMN knots TEXT;",
    "CREATE TABLE snapshots (run INTEGER PRIMARY KEY, number INTEGER NOT NULL, snapshot TEXT NOT NULL);
    INSERT INTO snapshots SELECT key, snapshot_number, snapshot FROM runs
        WHERE snapshot IS NOT NULL AND snapshot_number IS NOT NULL;
    ALTER TABLE runs DROP COLUMN snapshot;
    ALTER TABLE runs DROP COLUMN snapshot_number;",
];

// A row is written whole: what is large and seldom changes is apart from what every point changes.
const TABLES: &str = "
    CREATE TABLE runs (
        key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, settings TEXT NOT NULL, fingerprint TEXT NOT NULL, source TEXT,
        last_step INTEGER, summary TEXT
    );
    CREATE TABLE snapshots (run INTEGER PRIMARY KEY, number INTEGER NOT NULL, snapshot TEXT NOT NULL);
    CREATE TABLE entries (
        run INTEGER NOT NULL, number INTEGER NOT NULL, kind INTEGER NOT NULL, step INTEGER NOT NULL,
        train_loss INTEGER, learning_rate INTEGER, validation INTEGER, counts INTEGER NOT NULL DEFAULT 1, knots TEXT,
        PRIMARY KEY (run, number)
    ) WITHOUT ROWID;
    CREATE INDEX entries_by_step ON entries (run, step);";

/// The parts of the list of runs, by the conditions of [`Which`] and in its order: without them every look at a part reads every summary.
/// They are not part of the version: a lodecast that does not know them keeps them up, and reads the store as before.
fn indexes() -> String {
    let index = |(name, which): (&str, Which)| {
        format!("CREATE INDEX IF NOT EXISTS {name} ON runs (key) WHERE {};", which.condition())
    };
    let parts = [
        ("runs_under_way", Which::UnderWay),
        ("runs_with_alerts", Which::WithAlerts),
        ("runs_finished", Which::Finished),
    ];
    parts.map(index).concat()
}

/// The store of a server.
pub(crate) struct Store {
    jobs: Option<SyncSender<writer::Job>>,
    reader: Mutex<Option<Connection>>,
    thread: Option<JoinHandle<()>>,
    /// Held as long as the store is open.
    _lock: File,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("store")
    }
}

/// A run as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct KeptRun {
    pub(crate) key: i64,
    pub(crate) settings: String,
    pub(crate) fingerprint: String,
    pub(crate) source: Option<String>,
    /// What had become of it, and of how many entries.
    pub(crate) snapshot: Option<(String, u64)>,
}

/// A run in the list of runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct ListedRun {
    pub(crate) id: String,
    pub(crate) last_step: Option<u64>,
    #[serde(flatten)]
    pub(crate) summary: serde_json::Map<String, serde_json::Value>,
}

impl Store {
    /// Opens the store in `folder`, or makes it.
    ///
    /// # Errors
    /// If another server has it, or it is damaged or of another version.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(|source| Error::File { path: folder.to_owned(), source })?;
        let held = lock(&folder.join("lock"))?.ok_or_else(|| Error::InUse {
            path: folder.to_owned(),
            by: "lodecast serve",
            remedy: "stop that one, or name another folder with --store",
        })?;
        let path = folder.join(FILE);
        let failed = |error: rusqlite::Error| Error::Damaged {
            path: path.clone(),
            reason: error.to_string(),
            remedy: "look at the disk; a copy of the folder, made while no server runs, can take its place",
        };
        let connection = Connection::open(&path).map_err(failed)?;
        prepare(&connection).map_err(failed)?;
        let found: (i64, i64) = connection
            .query_row(
                "SELECT a.application_id, v.user_version FROM pragma_application_id a, pragma_user_version v",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .map_err(failed)?;
        let changes = match found {
            (0, 0) => format!("{TABLES} PRAGMA application_id = {APPLICATION};"),
            (APPLICATION, VERSION) => String::new(),
            (APPLICATION, version @ 1..VERSION) => UPGRADES[version as usize - 1..].concat(),
            (_, version) => {
                let reason = format!("it is no store that this lodecast reads (version {version})");
                return Err(Error::Damaged { path, reason, remedy: "name another folder with --store" });
            }
        };
        if !changes.is_empty() {
            let whole = format!("BEGIN IMMEDIATE; {changes} PRAGMA user_version = {VERSION}; COMMIT;");
            connection.execute_batch(&whole).map_err(failed)?;
        }
        connection.execute_batch(&indexes()).map_err(failed)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let reader = Connection::open_with_flags(&path, flags).map_err(failed)?;
        let (jobs, waiting) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || writer::write(connection, &waiting))
            .map_err(|source| Error::File { path: folder.to_owned(), source })?;
        Ok(Self { jobs: Some(jobs), reader: Mutex::new(Some(reader)), thread: Some(thread), _lock: held })
    }

    /// Has something written, and waits until it is on disk.
    pub(crate) async fn write(&self, write: Write) -> Written {
        let (done, written) = oneshot::channel();
        self.send(writer::Job { write, done: Some(done) })?;
        written.await.unwrap_or_else(|_| Err("the store is closed".to_owned()))
    }

    /// Has something written some time: it can be found again from the rest.
    pub(crate) fn note(&self, write: Write) {
        // Where too much waits, the next note says more.
        let _ = self.send(writer::Job { write, done: None });
    }

    fn send(&self, job: writer::Job) -> Written {
        let closed = || "the store is closed".to_owned();
        match self.jobs.as_ref().ok_or_else(closed)?.try_send(job) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => Err("the disk does not keep up".to_owned()),
            Err(TrySendError::Disconnected(_)) => Err(closed()),
        }
    }

    fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> std::result::Result<T, String> {
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        read(reader.as_ref().ok_or("the store is closed")?).map_err(|error| error.to_string())
    }

    /// A run.
    pub(crate) fn run(&self, id: &str) -> std::result::Result<Option<KeptRun>, String> {
        const RUN: &str = "SELECT key, settings, fingerprint, source, snapshot, number
            FROM runs LEFT JOIN snapshots ON run = key WHERE id = ?1";
        self.read(|reader| {
            let kept = |row: &rusqlite::Row<'_>| {
                let snapshot: Option<String> = row.get(4)?;
                let number: Option<i64> = row.get(5)?;
                Ok(KeptRun {
                    key: row.get(0)?,
                    settings: row.get(1)?,
                    fingerprint: row.get(2)?,
                    source: row.get(3)?,
                    snapshot: snapshot.zip(number.map(i64::cast_unsigned)),
                })
            };
            reader.prepare_cached(RUN)?.query_row([id], kept).optional()
        })
    }

    /// The entries of a run from a number on, whether they count or not.
    pub(crate) fn entries(&self, key: i64, from: u64) -> std::result::Result<Vec<Entry>, String> {
        const ENTRIES: &str = "SELECT kind, step, train_loss, learning_rate, validation, knots FROM entries
            WHERE run = ?1 AND number >= ?2 ORDER BY number";
        self.read(|reader| {
            let mut statement = reader.prepare_cached(ENTRIES)?;
            statement.query_map(params![key, from.cast_signed()], rows::entry)?.collect()
        })
    }

    /// The points of one step that count.
    pub(crate) fn at_step(&self, key: i64, step: u64) -> std::result::Result<Vec<Point>, String> {
        const POINTS: &str = "SELECT kind, step, train_loss, learning_rate, validation, knots FROM entries
            WHERE run = ?1 AND step = ?2 AND kind = 0 AND counts = 1 ORDER BY number";
        let entries: Vec<Entry> = self.read(|reader| {
            let mut statement = reader.prepare_cached(POINTS)?;
            statement.query_map(params![key, step.cast_signed()], rows::entry)?.collect()
        })?;
        let point = |entry| if let Entry::Point(point) = entry { Some(point) } else { None };
        Ok(entries.into_iter().filter_map(point).collect())
    }

    /// Those runs whose id holds `text`, the latest first, after so many; and how many there are.
    pub(crate) fn list(
        &self,
        text: &str,
        which: Which,
        after: u64,
        most: u64,
    ) -> std::result::Result<(Vec<ListedRun>, u64), String> {
        self.read(|reader| {
            let holds = format!("(?1 = '' OR instr(id, ?1) > 0) AND {}", which.condition());
            let count: i64 = reader
                .prepare_cached(&format!("SELECT COUNT(*) FROM runs WHERE {holds}"))?
                .query_row([text], |row| row.get(0))?;
            let listed = |row: &rusqlite::Row<'_>| {
                let summary: Option<String> = row.get(2)?;
                let last: Option<i64> = row.get(1)?;
                let summary = summary.and_then(|summary| serde_json::from_str(&summary).ok()).unwrap_or_default();
                Ok(ListedRun { id: row.get(0)?, last_step: last.map(i64::cast_unsigned), summary })
            };
            let query =
                format!("SELECT id, last_step, summary FROM runs WHERE {holds} ORDER BY key DESC LIMIT ?3 OFFSET ?2");
            let mut statement = reader.prepare_cached(&query)?;
            let rows = statement.query_map(params![text, after.cast_signed(), most.cast_signed()], listed)?;
            Ok((rows.collect::<rusqlite::Result<_>>()?, count.cast_unsigned()))
        })
    }

    /// Ids of the runs that the server follows.
    pub(crate) fn followed(&self) -> std::result::Result<Vec<String>, String> {
        self.read(|reader| {
            let mut statement = reader.prepare("SELECT id FROM runs WHERE source IS NOT NULL ORDER BY key")?;
            statement.query_map([], |row| row.get(0))?.collect()
        })
    }

    /// The largest key of a run.
    pub(crate) fn last_key(&self) -> std::result::Result<i64, String> {
        self.read(|reader| reader.query_row("SELECT COALESCE(MAX(key), 0) FROM runs", [], |row| row.get(0)))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // Who closes the database last brings its log into it: that must be the one who may write.
        *self.reader.lock().unwrap_or_else(PoisonError::into_inner) = None;
        // What waits is still written.
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Every commit is on disk before it is said to be.
fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.busy_timeout(std::time::Duration::from_secs(5))
}

#[cfg(test)]
mod tests;
