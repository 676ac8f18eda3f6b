//! Lines of a text file, none longer than the limits allow.

use std::io::{BufRead, Read};
use std::ops::ControlFlow;
use std::path::Path;

use crate::error::{Error, Result};
use crate::limits::Limits;

/// Takes a line: its number, its text, and whether it is ended. Says whether to go on.
pub(crate) type EachLine<'a> = dyn FnMut(u64, &[u8], bool) -> Result<ControlFlow<()>> + 'a;

/// Hands each line of the file at `path`, with its number from 1 on and without its end, to `each`. The
/// last line may not be ended: it may still be in the writing. Says whether all lines were taken.
///
/// # Errors
/// If the file cannot be read or a line is too long, or what `each` returns.
pub(crate) fn each_line(
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
        if each(number, text.strip_suffix(b"\r").unwrap_or(text), ended)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}
