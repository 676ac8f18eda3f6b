//! The lines of a journal, each an operation, and what is lost with one that is broken.

use std::ops::ControlFlow;
use std::path::Path;

use serde::de::DeserializeOwned;

use super::operation::Refusal;
use crate::decode::json::{Objects, each_object};
use crate::error::{Error, Result};
use crate::limits::Limits;

/// Broken lines of a journal that is still read.
const LOSSES: u32 = 1000;

/// An operation of which only a part is there, as where two wrote to a journal on a network file system.
pub(super) struct Loss {
    line: u64,
    /// What it was, as far as that can be told.
    op_code: Option<u8>,
    /// The trial it was about, counted over all studies.
    pub(super) trial: Option<usize>,
}

impl Loss {
    /// What is lost with `text`, unless what follows cannot be understood without it.
    fn of(text: &str, line: u64) -> Option<Self> {
        let number = |key: &str| {
            let (_, after) = text.split_once(key)?;
            let after = after.trim_start_matches([':', ' ']);
            let end = after.find(|character: char| !character.is_ascii_digit())?;
            after[..end].parse::<usize>().ok()
        };
        let op_code = number("\"op_code\"").and_then(|code| u8::try_from(code).ok());
        // Studies and trials are numbered by the operations that make them.
        let is_creation = op_code.is_some_and(|code| !matches!(code, 2 | 3 | 5..=10));
        (!is_creation).then(|| Self { line, op_code, trial: number("\"trial_id\"") })
    }

    pub(super) fn note(&self) -> String {
        let what = match self.op_code {
            Some(5) => "a parameter",
            Some(6) => "how a trial went on or ended",
            Some(7) => "a reported value",
            Some(_) => "an attribute",
            None => {
                return format!(
                    "line {} of the journal is broken, and what it said cannot be told: had it made a trial, those after it \
                     would be numbered one higher",
                    self.line
                );
            }
        };
        format!("line {} of the journal is broken: {what} is lost", self.line)
    }
}

/// Hands each line of the journal, understood as a `T`, to `each`.
pub(super) fn each_operation<T: DeserializeOwned>(
    path: &Path,
    limits: &Limits,
    lost: &mut dyn FnMut(Loss),
    each: &mut dyn FnMut(T) -> Result<ControlFlow<()>, Refusal>,
) -> Result<ControlFlow<()>> {
    let mut losses = 0;
    each_object(path, limits, &mut |objects: Objects<T>| {
        let damaged = |reason: String| Error::Damaged {
            place: format!("{}, line {}", path.display(), objects.line),
            reason,
            remedy: "what follows depends on it: restore the journal, or cut it off here",
        };
        for operation in objects.whole {
            let applied = each(operation).map_err(|found| match found {
                Refusal::Unknown(reason) => damaged(reason),
                Refusal::TooMany(what, limit) => Error::TooLarge {
                    place: path.display().to_string(),
                    what: format!("the number of its {what}"),
                    limit: limit as u64,
                    remedy: "split it by study",
                },
            })?;
            if applied.is_break() {
                return Ok(applied);
            }
        }
        match objects.broken {
            // A line that is still being written.
            Some(_) if !objects.ended => {}
            Some((text, reason)) => match Loss::of(&text, objects.line) {
                Some(loss) if losses < LOSSES => {
                    losses += 1;
                    lost(loss);
                }
                _ => return Err(damaged(reason)),
            },
            None => {}
        }
        Ok(ControlFlow::Continue(()))
    })
}
