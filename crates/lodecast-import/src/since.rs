//! Where a reading stopped, for the next one to go on from: plain data that can be kept in a file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

/// Bytes by which a file is known again: at its beginning, and before the place where the reading stopped.
const KNOWN_BY: u64 = 4096;

/// Where a reading stopped. An empty one stands before everything.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    files: BTreeMap<String, FileCursor>,
    /// The last row of each table that was read, by what it belongs to.
    rows: BTreeMap<String, RowCursor>,
    /// Samples of each series of each run that were handed over, where a format reads all again.
    samples: BTreeMap<String, BTreeMap<String, u64>>,
    /// Runs that were left out, with the reason that has been said.
    left_out: BTreeMap<String, String>,
}

/// Where the reading of a file stopped.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct FileCursor {
    /// Bytes read.
    pub(crate) offset: u64,
    /// Digests of its first bytes and of those before the offset: a file that grew still has them.
    start: u64,
    end: u64,
    /// The line with the names of its columns that held last.
    pub(crate) header: Option<String>,
    /// The optimizer step that had been reached.
    pub(crate) step: Option<u64>,
}

/// Where the reading of a table in a database stopped.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct RowCursor {
    /// The largest number or time of a row.
    pub(crate) last: i64,
    /// Digests of the rows that have it, where it is a time.
    pub(crate) at_last: BTreeSet<u64>,
}

/// What a reading goes on from, and how far it has come: see [`Follow`](crate::Follow). The default reads from the beginning and
/// keeps nothing.
#[derive(Clone, Default)]
pub struct Since(Option<Arc<Mutex<State>>>);

#[derive(Default)]
struct State {
    cursor: Cursor,
    /// Files that are not what they were: what is read of them is all that there is.
    rewritten: BTreeSet<String>,
}

impl Since {
    /// A reading that goes on from `cursor`.
    pub(crate) fn cursor(cursor: Cursor) -> Self {
        Self(Some(Arc::new(Mutex::new(State { cursor, rewritten: BTreeSet::new() }))))
    }

    fn state(&self) -> Option<MutexGuard<'_, State>> {
        self.0.as_ref().map(|state| state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Does the reading go on from somewhere?
    pub(crate) fn is_asked(&self) -> bool {
        self.0.is_some()
    }

    /// How far the reading has come.
    pub(crate) fn reached(&self) -> Cursor {
        self.state().map(|state| state.cursor.clone()).unwrap_or_default()
    }

    /// Was the run `id`, which was read from `source`, read on from somewhere: none if it was read whole, and else whether what
    /// had been read of it before was replaced.
    pub(crate) fn went_on(&self, source: &str, id: &str) -> Option<bool> {
        let state = self.state()?;
        let is_below = |file: &String| Path::new(file).starts_with(source);
        let by_rows = state.cursor.rows.contains_key(&key(source, id));
        (by_rows || state.cursor.files.keys().any(is_below)).then(|| state.rewritten.iter().any(is_below))
    }

    /// The optimizer step that was reached in the file at `path`.
    pub(crate) fn set_step(&self, path: &Path, step: u64) {
        if let Some(mut state) = self.state()
            && let Some(file) = state.cursor.files.get_mut(&path.display().to_string())
        {
            file.step = Some(step);
        }
    }

    /// The line with the names of the columns that hold from here on in the file at `path`.
    pub(crate) fn set_header(&self, path: &Path, header: String) {
        if let Some(mut state) = self.state()
            && let Some(file) = state.cursor.files.get_mut(&path.display().to_string())
        {
            file.header = Some(header);
        }
    }

    /// Where to go on in the file at `path`, which is open as `file`: nowhere but at its beginning if it is new or was rewritten.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(crate) fn of_file(&self, path: &Path, file: &mut File) -> io::Result<FileCursor> {
        let Some(mut state) = self.state() else { return Ok(FileCursor::default()) };
        let name = path.display().to_string();
        let Some(known) = state.cursor.files.get(&name).cloned() else { return Ok(FileCursor::default()) };
        let grew = file.metadata()?.len() >= known.offset && digests(file, known.offset)? == (known.start, known.end);
        if grew {
            return Ok(known);
        }
        state.rewritten.insert(name);
        Ok(FileCursor::default())
    }

    /// Takes down that the file at `path` has been read up to `offset`.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(crate) fn read_file_to(
        &self,
        path: &Path,
        offset: u64,
        header: Option<String>,
        step: Option<u64>,
    ) -> io::Result<()> {
        let Some(mut state) = self.state() else { return Ok(()) };
        let (start, end) = digests(&mut File::open(path)?, offset)?;
        let reached = FileCursor { offset, start, end, header, step };
        state.cursor.files.insert(path.display().to_string(), reached);
        Ok(())
    }

    /// The last row that was read of what goes by `key`.
    pub(crate) fn row(&self, key: &str) -> RowCursor {
        self.state().and_then(|state| state.cursor.rows.get(key).cloned()).unwrap_or_default()
    }

    /// Takes down the last row that was read of what goes by `key`.
    pub(crate) fn read_rows_to(&self, key: &str, row: RowCursor) {
        if let Some(mut state) = self.state() {
            state.cursor.rows.insert(key.to_owned(), row);
        }
    }
}

impl Cursor {
    /// Samples of a series that were handed over before.
    pub(crate) fn samples(&self, run: &str, series: &str) -> u64 {
        self.samples.get(run).and_then(|of_run| of_run.get(series)).copied().unwrap_or(0)
    }

    /// Takes down how many samples of a series have been handed over.
    pub(crate) fn count(&mut self, run: &str, series: &str, samples: u64) {
        self.samples.entry(run.to_owned()).or_default().insert(series.to_owned(), samples);
    }

    /// The same, with what another knows of samples that were handed over and of runs that were left out.
    pub(crate) fn with_counts(self, other: Self) -> Self {
        Self { left_out: other.left_out, samples: other.samples, ..self }
    }

    /// Takes down that a run was left out, and tells whether that is news.
    pub(crate) fn leave_out(&mut self, run: &str, reason: &str) -> bool {
        self.left_out.insert(run.to_owned(), reason.to_owned()).as_deref() != Some(reason)
    }
}

impl fmt::Debug for Since {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Since(a cursor)" } else { "Since(the beginning)" })
    }
}

/// Two are equal if they go on from the same.
impl PartialEq for Since {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        }
    }
}

impl Eq for Since {}

/// What the rows of a run go by.
pub(crate) fn key(source: &str, run: &str) -> String {
    format!("{source}\n{run}")
}

/// A number that tells rows apart.
pub(crate) fn digest_of(row: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    row.hash(&mut hasher);
    hasher.finish()
}

/// Digests of the first bytes of a file and of the last ones before `offset`.
fn digests(file: &mut File, offset: u64) -> io::Result<(u64, u64)> {
    let start = digest(file, 0, offset.min(KNOWN_BY))?;
    let from = offset.saturating_sub(KNOWN_BY);
    Ok((start, digest(file, from, offset - from)?))
}

fn digest(file: &mut File, from: u64, count: u64) -> io::Result<u64> {
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(count).read_to_end(&mut bytes)?;
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    Ok(hasher.finish())
}
