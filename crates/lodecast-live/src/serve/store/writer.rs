//! The one thread that writes: what waits is written together, and brought to disk once for all of it.

use std::sync::mpsc::Receiver;

use rusqlite::{Connection, Transaction, params};
use tokio::sync::oneshot;

use super::rows;
use crate::serve::entry::Entry;

/// Jobs of one commit at most.
const TOGETHER: usize = 512;

/// Whether it is on disk; else why not.
pub(crate) type Written = Result<(), String>;

/// Something to write.
#[derive(Debug)]
pub(crate) enum Write {
    /// A new run.
    Run { key: i64, id: String, settings: String, fingerprint: String, summary: String, snapshot: Option<String> },
    /// What happened to a run, from a number on.
    Entries { key: i64, number: u64, entries: Vec<Entry> },
    /// What had become of a run by a number of entries.
    Become { key: i64, number: u64, summary: String, snapshot: Option<String> },
    /// Where the server follows it.
    Source { key: i64, source: Option<String> },
}

/// Something to write, and whom to tell.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) write: Write,
    pub(super) done: Option<oneshot::Sender<Written>>,
}

/// Writes until nobody has anything left to write.
pub(super) fn write(mut connection: Connection, waiting: &Receiver<Job>) {
    while let Ok(first) = waiting.recv() {
        let mut jobs = vec![first];
        jobs.extend(waiting.try_iter().take(TOGETHER - 1));
        let together = commit(&mut connection, &jobs);
        let several = jobs.len() > 1;
        for job in jobs {
            // One that cannot be written must not keep the others from it.
            let written = match &together {
                Err(_) if several => commit(&mut connection, std::slice::from_ref(&job)),
                written => written.clone(),
            };
            if let Some(done) = job.done {
                let _ = done.send(written);
            }
        }
    }
}

fn commit(connection: &mut Connection, jobs: &[Job]) -> Written {
    let all = |connection: &mut Connection| {
        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        for job in jobs {
            one(&transaction, &job.write)?;
        }
        transaction.commit()
    };
    all(connection).map_err(|error| error.to_string())
}

fn one(transaction: &Transaction<'_>, write: &Write) -> rusqlite::Result<()> {
    match write {
        Write::Run { key, id, settings, fingerprint, summary, snapshot } => {
            let insert = "INSERT INTO runs (key, id, settings, fingerprint, summary) VALUES (?1, ?2, ?3, ?4, ?5)";
            transaction.prepare_cached(insert)?.execute(params![key, id, settings, fingerprint, summary])?;
            keep(transaction, *key, 0, snapshot.as_deref())?;
        }
        Write::Entries { key, number, entries } => {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO entries (run, number, kind, step, train_loss, learning_rate, validation, knots)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?;
            let mut last = None;
            for (number, entry) in (*number..).zip(entries) {
                rows::insert(&mut insert, *key, number, entry)?;
                match entry {
                    Entry::Point(point) => last = Some(Some(point.step)),
                    Entry::Resumed(step) => {
                        let forget = "UPDATE entries SET counts = 0 WHERE run = ?1 AND step > ?2 AND kind = 0";
                        transaction.prepare_cached(forget)?.execute(params![key, step.cast_signed()])?;
                        last = Some(Some(*step));
                    }
                    Entry::BeganAgain => {
                        let forget = "UPDATE entries SET counts = 0 WHERE run = ?1 AND kind = 0";
                        transaction.prepare_cached(forget)?.execute(params![key])?;
                        last = Some(None);
                    }
                    Entry::Extended(_) | Entry::Chosen(_) | Entry::HandedBack => {}
                }
            }
            if let Some(last) = last {
                let update = "UPDATE runs SET last_step = ?2 WHERE key = ?1";
                transaction.prepare_cached(update)?.execute(params![key, last.map(u64::cast_signed)])?;
            }
        }
        Write::Become { key, number, summary, snapshot } => {
            let update = "UPDATE runs SET summary = ?2 WHERE key = ?1";
            transaction.prepare_cached(update)?.execute(params![key, summary])?;
            keep(transaction, *key, *number, snapshot.as_deref())?;
        }
        Write::Source { key, source } => {
            let update = "UPDATE runs SET source = ?2 WHERE key = ?1";
            transaction.prepare_cached(update)?.execute(params![key, source])?;
        }
    }
    Ok(())
}

/// Keeps what had become of a run by a number of entries, unless what is kept is later.
fn keep(transaction: &Transaction<'_>, key: i64, number: u64, snapshot: Option<&str>) -> rusqlite::Result<()> {
    let Some(snapshot) = snapshot else { return Ok(()) };
    let put = "INSERT INTO snapshots (run, number, snapshot) VALUES (?1, ?2, ?3)
        ON CONFLICT (run) DO UPDATE SET number = excluded.number, snapshot = excluded.snapshot
        WHERE number < excluded.number";
    transaction.prepare_cached(put)?.execute(params![key, number.cast_signed(), snapshot])?;
    Ok(())
}
