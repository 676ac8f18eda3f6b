//! Text files opened as UTF-8, whatever they are written in, and their lines.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::path::Path;

use crate::decode::unpacked::{is_packed, unpacked};
use crate::error::{Error, Result};
use crate::limits::Limits;

/// Bytes read at a time.
const CHUNK: usize = 1 << 16;

/// Opens the text file at `path`. One packed by gzip is unpacked; one in UTF-16, as PowerShell writes them, is handed over as UTF-8; a byte order mark is not.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn open(path: &Path) -> Result<Box<dyn BufRead>> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    let file = File::open(path).and_then(unpacked).map_err(failed)?;
    let mut file = BufReader::with_capacity(CHUNK, file);
    let start = file.fill_buf().map_err(failed)?;
    let (mark, big_endian) = match start {
        [0xff, 0xfe, ..] => (2, Some(false)),
        [0xfe, 0xff, ..] => (2, Some(true)),
        [0xef, 0xbb, 0xbf, ..] => (3, None),
        // Without a mark, what every other byte of is nought.
        [1..=0x7f, 0, 1..=0x7f, 0, ..] => (0, Some(false)),
        [0, 1..=0x7f, 0, 1..=0x7f, ..] => (0, Some(true)),
        _ => (0, None),
    };
    file.consume(mark);
    Ok(match big_endian {
        Some(big_endian) => Box::new(BufReader::with_capacity(CHUNK, Utf16 { file, big_endian, ready: Vec::new() })),
        None => Box::new(file),
    })
}

/// Opens the part of the text file at `path` that has come since the reading stopped that `limits` tell of: whole lines. A table
/// has the line with its columns' names before them. Without such a reading all of the file.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn open_since(path: &Path, limits: &Limits, is_table: bool) -> Result<Box<dyn BufRead>> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    // Nobody knows where in a packed file its lines are.
    if !limits.since.is_asked() || File::open(path).and_then(|mut file| is_packed(&mut file)).map_err(failed)? {
        return open(path);
    }
    let part = || -> io::Result<Box<dyn BufRead>> {
        let mut file = File::open(path)?;
        let known = limits.since.of_file(path, &mut file)?;
        let length = file.metadata()?.len();
        let end = end_of_lines(&mut file, known.offset, length)?;
        let mut header = known.header.filter(|_| is_table);
        file.seek(SeekFrom::Start(known.offset))?;
        let before = header.as_ref().map_or_else(String::new, |header| format!("{header}\n"));
        if is_table && header.is_none() {
            let mut line = Vec::new();
            BufReader::new(&mut file).take(end).read_until(b'\n', &mut line)?;
            header = Some(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned());
            file.seek(SeekFrom::Start(known.offset))?;
        }
        limits.since.read_file_to(path, end, header, None)?;
        let part = BufReader::with_capacity(CHUNK, file.take(end - known.offset));
        Ok(if before.is_empty() { Box::new(part) } else { Box::new(io::Cursor::new(before).chain(part)) })
    };
    part().map_err(failed)
}

/// The end of the last line that has one between `start` and `length`; `start` if there is none.
fn end_of_lines(file: &mut File, start: u64, length: u64) -> io::Result<u64> {
    let mut end = length;
    let mut chunk = Vec::new();
    while end > start {
        let from = end.saturating_sub(CHUNK as u64).max(start);
        file.seek(SeekFrom::Start(from))?;
        chunk.clear();
        file.by_ref().take(end - from).read_to_end(&mut chunk)?;
        if let Some(at) = chunk.iter().rposition(|&byte| byte == b'\n') {
            return Ok(from + at as u64 + 1);
        }
        end = from;
    }
    Ok(start)
}

/// UTF-16 as UTF-8. What is no character becomes U+FFFD.
struct Utf16<R> {
    file: R,
    big_endian: bool,
    /// UTF-8 that did not fit the last buffer.
    ready: Vec<u8>,
}

impl<R: BufRead> Utf16<R> {
    fn unit(&mut self) -> io::Result<Option<u16>> {
        let mut bytes = [0; 2];
        let mut read = 0;
        while read < 2 {
            match self.file.read(&mut bytes[read..]) {
                // Half a unit at the end is still being written.
                Ok(0) => return Ok(None),
                Ok(count) => read += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Some(if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }))
    }
}

impl<R: BufRead> Read for Utf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.ready.len() < buffer.len().min(CHUNK) {
            let Some(first) = self.unit()? else { break };
            let mut units = vec![first];
            if (0xd800..0xdc00).contains(&first) {
                units.extend(self.unit()?);
            }
            let mut spelled = [0; 4];
            for character in char::decode_utf16(units) {
                let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
                self.ready.extend(character.encode_utf8(&mut spelled).as_bytes());
            }
        }
        let count = self.ready.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.ready[..count]);
        self.ready.drain(..count);
        Ok(count)
    }
}

/// A line of a text file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    /// Its number, from 1 on.
    pub(crate) number: u64,
    /// Its text, without its end.
    pub(crate) text: &'a [u8],
    /// Has it an end? The last line may not: it may still be in the writing.
    pub(crate) ended: bool,
}

/// Takes a line, and says whether to go on.
pub(crate) type EachLine<'a> = dyn FnMut(Line<'_>) -> Result<ControlFlow<()>> + 'a;

/// Hands each line of the text file at `path` to `each`. Says whether all lines were taken.
///
/// # Errors
/// If the file cannot be read or a line is too long, or what `each` returns.
pub(crate) fn each_line(path: &Path, limits: &Limits, each: &mut EachLine<'_>) -> Result<ControlFlow<()>> {
    each_line_of(path, open_since(path, limits, false)?, limits, each)
}

/// The same of a `source` that has been opened; `path` is named in errors.
///
/// # Errors
/// As [`each_line`].
pub(crate) fn each_line_of(
    path: &Path,
    mut source: impl BufRead,
    limits: &Limits,
    each: &mut EachLine<'_>,
) -> Result<ControlFlow<()>> {
    let mut line = Vec::new();
    for number in 1.. {
        limits.stop.check()?;
        line.clear();
        let read = source.by_ref().take(limits.record_bytes as u64 + 1).read_until(b'\n', &mut line);
        read.map_err(|source| Error::File { path: path.to_owned(), source })?;
        if line.is_empty() {
            break;
        }
        if line.len() > limits.record_bytes {
            return Err(Error::TooLarge {
                place: format!("{}, line {number}", path.display()),
                what: "its length".to_owned(),
                limit: limits.record_bytes as u64,
                remedy: "no tracker writes such lines: check what the file is",
            });
        }
        let ended = line.ends_with(b"\n");
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if each(Line { number, text, ended })?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// The first line of the text file at `path`, if it is one of at most a megabyte: longer than any tracker's.
pub(crate) fn first_line(path: &Path) -> Option<Vec<u8>> {
    first_lines(path, 1).pop()
}

/// The first `count` lines of the text file at `path`, a megabyte of them at most.
pub(crate) fn first_lines(path: &Path, count: usize) -> Vec<Vec<u8>> {
    const LONGEST: u64 = 1 << 20;
    let Ok(file) = open(path) else { return Vec::new() };
    let mut start = file.take(LONGEST);
    let mut lines = Vec::new();
    while lines.len() < count {
        let mut line = Vec::new();
        let is_read = start.read_until(b'\n', &mut line).is_ok();
        if !is_read || (line.is_empty() && !lines.is_empty()) {
            break;
        }
        lines.push(line);
    }
    lines
}

/// The start of a text, fit for one line of a message.
pub(crate) fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(60).flat_map(char::escape_debug).collect();
    if text.chars().nth(60).is_some() {
        short.push_str("...");
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf_16_and_byte_order_marks() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        let text = "step,loss\r\n1,0.5 µ 🙂\n2";
        let units: Vec<u16> = text.encode_utf16().collect();
        let little: Vec<u8> =
            [0xff, 0xfe].into_iter().chain(units.iter().flat_map(|unit| unit.to_le_bytes())).collect();
        let big: Vec<u8> = [0xfe, 0xff].into_iter().chain(units.iter().flat_map(|unit| unit.to_be_bytes())).collect();
        let marked = [&[0xef, 0xbb, 0xbf], text.as_bytes()].concat();
        let [little_only, big_only] = [&little, &big].map(|marked| marked[2..].to_vec());
        for bytes in [text.as_bytes().to_vec(), little, big, little_only, big_only, marked] {
            std::fs::write(&path, bytes).expect("written");
            let mut read = String::new();
            open(&path).expect("readable").read_to_string(&mut read).expect("UTF-8");
            assert_eq!(read, text);
            let mut lines = Vec::new();
            let _all = each_line(&path, &Limits::default(), &mut |line| {
                lines.push((line.number, line.text.to_vec(), line.ended));
                Ok(ControlFlow::Continue(()))
            });
            assert_eq!(lines[0], (1, b"step,loss".to_vec(), true));
            assert_eq!(lines[2], (3, b"2".to_vec(), false));
        }
    }
}
