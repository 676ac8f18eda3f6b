//! Delimited text (CSV and its kin) read row by row.

use std::cell::Cell as Counter;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::path::Path;
use std::rc::Rc;

use csv::{ReaderBuilder, StringRecord};
use lodecast_sweep_file::Cell;

use crate::error::{Error, Result};
use crate::format::{Visit, Wanted};
use crate::limits::Limits;
use crate::recording::Recording;
use crate::table::{Table, check_run_column, no_steps, step_column};
use crate::text_number::{Meaning, meaning};

/// Reads the table at `path` and hands over its recordings; `base` is what is known of each beforehand.
pub(crate) fn read(
    path: &Path,
    base: Recording,
    wanted: &Wanted,
    limits: &Limits,
    visit: &mut Visit<'_>,
) -> Result<ControlFlow<()>> {
    let file = File::open(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
    read_from(file, path, base, wanted, limits, visit)
}

/// The column names of the table at `path`; none if it is not text or has no names.
pub(crate) fn header(path: &Path) -> Option<Vec<String>> {
    // Longer than any line of column names: what has none is no table.
    const LONGEST: u64 = 1 << 20;
    let mut line = String::new();
    BufReader::new(File::open(path).ok()?.take(LONGEST)).read_line(&mut line).ok()?;
    let line = line.trim_start_matches('\u{feff}');
    let mut reader =
        ReaderBuilder::new().has_headers(false).delimiter(delimiter(line.as_bytes())).from_reader(line.as_bytes());
    let mut record = StringRecord::new();
    reader.read_record(&mut record).ok()?.then(|| record.iter().map(|name| name.trim().to_owned()).collect())
}

/// Has the table at `path` columns of all these names?
pub(crate) fn has_columns(path: &Path, names: &[&str]) -> bool {
    header(path).is_some_and(|header| names.iter().all(|name| header.iter().any(|column| column == name)))
}

/// Reads a table from `source`; `path` is named in errors.
pub(crate) fn read_from(
    source: impl Read,
    path: &Path,
    base: Recording,
    wanted: &Wanted,
    limits: &Limits,
    visit: &mut Visit<'_>,
) -> Result<ControlFlow<()>> {
    let place = path.display().to_string();
    let (source, taken) = metered(source, limits);
    let mut source = BufReader::new(source);
    let start = source.fill_buf().map_err(|source| Error::File { path: path.to_owned(), source })?;
    let delimiter = delimiter(start);
    let mut reader = ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(source);
    let damaged = |error, line| damaged(path, limits, error, line);
    let header = reader.headers().map_err(|error| damaged(error, 1))?.clone();
    let names: Vec<&str> = header.iter().map(str::trim).collect();
    if names.len() > limits.series {
        return Err(Error::TooLarge {
            place,
            what: "the number of its columns".to_owned(),
            limit: limits.series as u64,
            remedy: "no tracker writes so many: check what the file is",
        });
    }
    let run_at = check_run_column(&place, &names, wanted)?;
    let step_at = step_column(&names, wanted).ok_or_else(|| no_steps(&place, &names, wanted))?;
    let mut base = base;
    base.steps_are_epochs = step_at.is_epoch;
    let mut table = Table::new(base, wanted, limits);
    let mut record = StringRecord::new();
    // A short row may be the last one, still in the writing.
    let mut short: Option<u64> = None;
    loop {
        taken.set(0);
        let before = reader.position().line();
        if !reader.read_record(&mut record).map_err(|error| damaged(error, before))? {
            break;
        }
        let line = record.position().map_or(before, csv::Position::line);
        if let Some(line) = short {
            return Err(wrong_length(&place, line, names.len()));
        }
        if record.len() != names.len() {
            if record.len() > names.len() {
                return Err(wrong_length(&place, line, names.len()));
            }
            short = Some(line);
            continue;
        }
        // Loggers that append write their header again.
        if record.iter().map(str::trim).eq(names.iter().copied()) {
            continue;
        }
        let step = Cell::Text(record[step_at.index].trim());
        let step = match (step.count(), meaning(&record[step_at.index])) {
            (Ok(step), _) => step,
            (Err(_), Meaning::Gap) => None,
            (Err(_), _) => {
                return Err(Error::Damaged {
                    place: format!("{place}, line {line}, column '{}'", names[step_at.index]),
                    reason: format!("'{}' is not a step", shorten(&record[step_at.index])),
                    remedy: "steps are whole numbers from 0 on; choose the column with --step NAME",
                });
            }
        };
        let run = run_at.map(|column| record[column].trim());
        if run == Some("") {
            return Err(Error::Damaged {
                place: format!("{place}, line {line}"),
                reason: "the row names no run".to_owned(),
                remedy: "fill its run, or choose the column with --run NAME",
            });
        }
        let ControlFlow::Continue(mut row) = table.row(run, visit)? else {
            return Ok(ControlFlow::Break(()));
        };
        for (column, text) in record.iter().enumerate() {
            if column == step_at.index || Some(column) == run_at {
                continue;
            }
            row.say(names[column], meaning(text), step)?;
        }
        if step.is_none() {
            row.without_step();
        }
    }
    if let Some(line) = short {
        table.note(format!("the last line ({line}) is cut off: left out"));
    }
    Ok(table.finish(visit))
}

/// The character that separates the columns of a table that begins so.
fn delimiter(start: &[u8]) -> u8 {
    let line = start.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let count = |delimiter: u8| line.split(|&byte| byte == delimiter).count();
    [b',', b'\t', b';'].into_iter().rev().max_by_key(|&delimiter| count(delimiter)).unwrap_or(b',')
}

fn wrong_length(place: &str, line: u64, columns: usize) -> Error {
    Error::Damaged {
        place: format!("{place}, line {line}"),
        reason: format!("not as many fields as the {columns} columns"),
        remedy: "the file is damaged: correct or delete the line",
    }
}

/// What the parser of the table at `path` says, with the line it says it of, or else `line`.
pub(crate) fn damaged(path: &Path, limits: &Limits, error: csv::Error, line: u64) -> Error {
    let line = error.position().map_or(line, csv::Position::line);
    let place = format!("{}, line {line}", path.display());
    let remedy = "the file is damaged: correct or delete the line";
    match error.into_kind() {
        csv::ErrorKind::Io(source) if source.kind() == io::ErrorKind::FileTooLarge => Error::TooLarge {
            place,
            what: "the length of a row".to_owned(),
            limit: limits.record_bytes as u64,
            remedy: "a quotation mark is not closed, or the file is no table",
        },
        csv::ErrorKind::Io(source) => Error::File { path: path.to_owned(), source },
        csv::ErrorKind::Utf8 { err, .. } => {
            Error::Damaged { place, reason: format!("field {} is not UTF-8", err.field() + 1), remedy }
        }
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            Error::Damaged { place, reason: format!("{len} fields, and {expected_len} columns"), remedy }
        }
        other => Error::Damaged { place, reason: format!("{other:?}"), remedy },
    }
}

/// The start of a text, fit for one line of a message.
pub(crate) fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(60).flat_map(char::escape_debug).collect();
    if text.chars().nth(60).is_some() {
        short.push_str("...");
    }
    short
}

/// A source that fails when a row takes more bytes than it may, for the parser keeps a row in memory; and what counts the bytes
/// of a row, to be set back before each.
pub(crate) fn metered<R>(source: R, limits: &Limits) -> (Metered<R>, Rc<Counter<u64>>) {
    let taken = Rc::new(Counter::new(0));
    (Metered { source, taken: Rc::clone(&taken), limit: limits.record_bytes as u64 }, taken)
}

pub(crate) struct Metered<R> {
    source: R,
    taken: Rc<Counter<u64>>,
    limit: u64,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.taken.set(self.taken.get() + read as u64);
        if self.taken.get() > self.limit + (1 << 16) {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(read)
    }
}
