//! Rows of delimited text as they stand in a file, without a last one that was cut off.

use std::cell::Cell as Counter;
use std::io::{self, BufRead, Read};
use std::path::Path;
use std::rc::Rc;

use csv::{ReaderBuilder, StringRecord};
use lodecast_sweep_file::LineEnds;

use crate::decode::decimal::Decimal;
use crate::decode::text::{self, first_line, shorten};
use crate::error::{Error, Result};
use crate::limits::Limits;

/// The column names of the table at `path`; none if it is not text or has no names.
pub(crate) fn header(path: &Path) -> Option<Vec<String>> {
    let line = first_line(path)?;
    let mut reader = ReaderBuilder::new().has_headers(false).delimiter(delimiter(&line)).from_reader(line.as_slice());
    let mut record = StringRecord::new();
    reader.read_record(&mut record).ok()?.then(|| record.iter().map(|name| name.trim().to_owned()).collect())
}

/// Has the table at `path` columns of all these names?
pub(crate) fn has_columns(path: &Path, names: &[&str]) -> bool {
    header(path).is_some_and(|header| names.iter().all(|name| header.iter().any(|column| column == name)))
}

/// Rows of delimited text, each with its line.
pub(crate) struct Rows<'p> {
    path: &'p Path,
    reader: csv::Reader<Metered<Box<dyn BufRead>>>,
    taken: Rc<Taken>,
    ends: Ends,
    /// What stands at the end of the file and may have been cut off, though it was kept.
    pub(crate) doubtful: Option<String>,
    pub(super) delimiter: u8,
    record_bytes: u64,
    lines: LineEnds,
    /// How its numbers are written, and may a comma separate decimals, since something else separates the columns?
    pub(super) decimal: Decimal,
    pub(crate) decimal_comma: bool,
}

impl<'p> Rows<'p> {
    /// The rows of the file at `path`, the first of which has the names.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn open(path: &'p Path, limits: &Limits) -> Result<Self> {
        let mut source = text::open_since(path, limits, true)?;
        let start = source.fill_buf().map_err(|source| Error::File { path: path.to_owned(), source })?;
        let delimiter = delimiter(start);
        let lines = LineEnds::of(start);
        // The last row there may be cut in two.
        let last = start.iter().rposition(|&byte| byte == b'\n').unwrap_or(start.len());
        let decimal = Decimal::of(&start[..last], delimiter);
        let taken = Rc::new(Taken::default());
        let record_bytes = limits.record_bytes as u64;
        let source = Metered { source, taken: Rc::clone(&taken), limit: record_bytes };
        let reader = ReaderBuilder::new().delimiter(delimiter).flexible(true).has_headers(false).from_reader(source);
        let decimal_comma = delimiter != b',' || decimal == Decimal::Comma;
        let (ends, doubtful) = (Ends::default(), None);
        Ok(Self { path, reader, taken, ends, doubtful, delimiter, record_bytes, lines, decimal, decimal_comma })
    }

    /// A row as it is spelt in the file.
    pub(super) fn spell(&self, record: &StringRecord) -> String {
        let mut writer = csv::WriterBuilder::new().delimiter(self.delimiter).from_writer(Vec::new());
        let written = writer.write_record(record).ok().and_then(|()| writer.into_inner().ok());
        String::from_utf8_lossy(&written.unwrap_or_default()).trim_end().to_owned()
    }

    /// Reads the next row into `record` and gives its line; none at the end. A last row whose last field is cut off comes without
    /// that field, as one that is cut off before it does.
    ///
    /// # Errors
    /// If the file cannot be read, is not UTF-8, or has too long a row.
    pub(crate) fn next(&mut self, record: &mut StringRecord) -> Result<Option<u64>> {
        self.taken.of_row.set(0);
        let before = self.line(self.reader.position());
        if !self.reader.read_record(record).map_err(|error| self.damaged(error, before))? {
            return Ok(None);
        }
        let last = record.get(record.len().wrapping_sub(1)).unwrap_or_default().trim();
        let is_unended = self.taken.ends_within_a_row() && self.reader.position().byte() == self.taken.of_file.get();
        match is_unended.then(|| self.ends.judge(last)) {
            None => self.ends.learn(last),
            Some(Judgement::Whole) => {}
            Some(Judgement::Doubtful) => self.doubtful = Some(shorten(last)),
            Some(Judgement::CutOff) => record.truncate(record.len() - 1),
        }
        Ok(Some(record.position().map_or(before, |position| self.line(position))))
    }

    fn line(&self, position: &csv::Position) -> u64 {
        self.lines.number(position.line(), position.byte())
    }

    /// What the parser says, with the line it says it of, or else `line`.
    fn damaged(&self, error: csv::Error, line: u64) -> Error {
        let line = error.position().map_or(line, |position| self.line(position));
        let place = format!("{}, line {line}", self.path.display());
        let remedy = "the file is damaged: correct or delete the line";
        match error.into_kind() {
            csv::ErrorKind::Io(source) if source.kind() == io::ErrorKind::FileTooLarge => Error::TooLarge {
                place,
                what: "the length of a row".to_owned(),
                limit: self.record_bytes,
                remedy: "a quotation mark is not closed, or the file is no table",
            },
            csv::ErrorKind::Io(source) => Error::File { path: self.path.to_owned(), source },
            csv::ErrorKind::Utf8 { err, .. } => {
                let remedy = "save the file as UTF-8";
                Error::Damaged { place, reason: format!("field {} is not UTF-8", err.field() + 1), remedy }
            }
            other => Error::Damaged { place, reason: format!("{other:?}"), remedy },
        }
    }
}

/// How the line begins by which spreadsheets are told what separates the columns.
pub(super) const SEPARATOR: &[u8] = b"sep=";

/// The character that the line `sep=;` at the head of a table says to separate its columns.
pub(super) fn separator(line: &[u8]) -> Option<u8> {
    match *line.trim_ascii().strip_prefix(SEPARATOR)? {
        [separator] if separator.is_ascii_punctuation() || separator == b'\t' => Some(separator),
        _ => None,
    }
}

/// The character that separates the columns of a table that begins so.
fn delimiter(start: &[u8]) -> u8 {
    let mut lines = start.split(|&byte| byte == b'\n');
    if let Some(told) = lines.clone().next().and_then(separator) {
        return told;
    }
    let line = lines.find(|line| !line.trim_ascii_start().starts_with(b"#")).unwrap_or_default();
    let count = |delimiter: u8| line.split(|&byte| byte == delimiter).count();
    [b',', b'\t', b';', b'|'].into_iter().rev().max_by_key(|&delimiter| count(delimiter)).unwrap_or(b',')
}

/// What has been taken of a source.
#[derive(Default)]
struct Taken {
    /// Bytes of the row at hand, and of all rows.
    of_row: Counter<u64>,
    of_file: Counter<u64>,
    last: Counter<u8>,
}

impl Taken {
    fn ends_within_a_row(&self) -> bool {
        !matches!(self.last.get(), b'\n' | b'\r')
    }
}

/// A source that fails when a row takes more bytes than it may, for the parser keeps a row in memory.
struct Metered<R> {
    source: R,
    taken: Rc<Taken>,
    limit: u64,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        let Taken { of_row, of_file, last } = &*self.taken;
        of_row.set(of_row.get() + read as u64);
        of_file.set(of_file.get() + read as u64);
        if let Some(byte) = buffer[..read].last() {
            last.set(*byte);
        }
        if of_row.get() > self.limit + (1 << 16) {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(read)
    }
}

/// What the last fields of rows look like, to tell whether the very last one lacks its end: a writer that was stopped leaves `0.`
/// of 0.5667, and 12 of step 1200. Files that people or other programs made may lack the end of the last line alone.
struct Ends {
    seen: usize,
    shortest: usize,
    /// Has any been blank?
    blank: bool,
    /// The last of them, while they are whole numbers that never fall.
    rising: Option<u64>,
}

impl Default for Ends {
    fn default() -> Self {
        Self { seen: 0, shortest: usize::MAX, blank: false, rising: Some(0) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judgement {
    Whole,
    /// Shorter than what was seen, which is not much.
    Doubtful,
    CutOff,
}

impl Ends {
    /// Takes the last field of a row that has its end.
    fn learn(&mut self, field: &str) {
        self.blank |= field.is_empty();
        // A row of names, or one without a value.
        if !field.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '-' | '+' | '.')) {
            return;
        }
        self.seen += 1;
        self.shortest = self.shortest.min(field.len());
        if let Some(before) = self.rising {
            self.rising = field.parse().ok().filter(|&number| number >= before);
        }
    }

    /// Judges the last field of a row that lacks its end.
    fn judge(&self, field: &str) -> Judgement {
        // As many have to be seen before nothing but its length tells: rounded numbers may end in noughts, which are not written.
        const ENOUGH: usize = 10;
        if self.seen == 0 || (field.is_empty() && self.blank) {
            return Judgement::Whole;
        }
        let falls = self.rising.zip(field.parse::<u64>().ok()).is_some_and(|(before, number)| number < before);
        if field.is_empty() || field.ends_with(['.', 'e', 'E', '-', '+']) || (falls && self.seen > 1) {
            return Judgement::CutOff;
        }
        // One digit less of four hardly changes a number.
        let lacks = self.shortest.saturating_sub(field.len());
        match (lacks > 1 || (lacks == 1 && self.shortest <= 4), self.seen >= ENOUGH) {
            (true, true) => Judgement::CutOff,
            (true, false) => Judgement::Doubtful,
            (false, _) => Judgement::Whole,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(seen: &[&str], last: &str) -> Judgement {
        let mut ends = Ends::default();
        for field in seen {
            ends.learn(field);
        }
        ends.judge(last)
    }

    #[test]
    fn what_lacks_its_end_is_told_from_what_is_short() {
        let losses = ["0.5667", "0.5512", "0.5498"].repeat(4);
        for (last, is) in [("0.", Judgement::CutOff), ("0.54", Judgement::CutOff), ("0.548", Judgement::Whole)] {
            assert_eq!(judge(&losses, last), is, "{last}");
        }
        assert_eq!(judge(&["0.75", "0.625"], "0.5"), Judgement::Doubtful);
        assert_eq!(judge(&["0.75", "0.5"], "0.5"), Judgement::Whole);
        assert_eq!(judge(&["1e-05", "9.5e-06"], "9e-"), Judgement::CutOff);
        assert_eq!((judge(&["0.5"], ""), judge(&["0.5", ""], "")), (Judgement::CutOff, Judgement::Whole));
        // Steps rise, counts need not.
        assert_eq!(judge(&["8", "9", "10", "11"], "1"), Judgement::CutOff);
        assert_eq!(judge(&["8", "11", "10", "9"], "8"), Judgement::Whole);
        assert_eq!(judge(&["loss"], "0.5"), Judgement::Whole);
    }
}
