//! What a failed command says: the error, its causes, a hint what to do, and its exit code.
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | failed |
//! | 2 | the command line was not understood |
//! | 130 | interrupted; what was finished is saved |

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Error;

use crate::{interrupt, output};

/// What to do about an error, as [`failure`] attaches it.
#[derive(Debug)]
struct Advice {
    /// What failed.
    what: String,
    /// What to do.
    hint: String,
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Advice {}

/// An error that says what failed and what to do about it.
pub(crate) fn failure(what: impl Into<String>, hint: impl Into<String>) -> Error {
    Error::new(Advice { what: what.into(), hint: hint.into() })
}

/// Prints the error and gives the exit code that belongs to it.
pub(crate) fn report(error: &Error) -> ExitCode {
    if output::is_broken_pipe(error) {
        return ExitCode::SUCCESS;
    }
    let mut stderr = io::stderr().lock();
    // With standard error gone there is nobody left to tell.
    let _ = stderr.write_all(message(error).as_bytes());
    if is_interruption(error) { ExitCode::from(interrupt::EXIT_CODE) } else { ExitCode::FAILURE }
}

/// The error with its causes, and the hint, as printed.
fn message(error: &Error) -> String {
    let mut lines = vec![format!("error: {error}")];
    let mut said = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        // Many errors already carry their cause in their own words.
        if !said.contains(&cause) {
            lines.push(format!("  caused by: {cause}"));
            said += &cause;
        }
    }
    lines.extend(hint(error).map(|hint| format!("hint: {hint}")));
    lines.join("\n") + "\n"
}

fn is_interruption(error: &Error) -> bool {
    error.chain().any(|cause| {
        matches!(cause.downcast_ref(), Some(lodecast::Error::Interrupted))
            || matches!(cause.downcast_ref(), Some(lodecast_import::Error::Interrupted))
            || matches!(cause.downcast_ref(), Some(lodecast_lab::Error::Cancelled { .. }))
    })
}

/// What to do about the error, if anybody knows.
fn hint(error: &Error) -> Option<String> {
    error.chain().find_map(|cause| {
        if let Some(advice) = cause.downcast_ref::<Advice>() {
            return Some(advice.hint.clone());
        }
        if let Some(error) = cause.downcast_ref::<lodecast_import::Error>() {
            return match error {
                lodecast_import::Error::File { source, .. } => missing_file(source),
                lodecast_import::Error::Interrupted => {
                    Some("nothing was written; run the same command again".to_owned())
                }
                lodecast_import::Error::SweepFile(error) => sweep_file_hint(error),
                lodecast_import::Error::Engine(error) => engine_hint(error),
                _ => None,
            };
        }
        if let Some(error) = cause.downcast_ref::<lodecast_sweep_file::Error>() {
            return sweep_file_hint(error);
        }
        if let Some(error) = cause.downcast_ref::<lodecast::Error>() {
            return engine_hint(error);
        }
        cause.downcast_ref::<lodecast_lab::Error>().and_then(lab_hint)
    })
}

fn missing_file(source: &io::Error) -> Option<String> {
    match source.kind() {
        io::ErrorKind::NotFound => Some("check the path; nothing is there".to_owned()),
        io::ErrorKind::PermissionDenied => Some("check the permissions of the file and of its folder".to_owned()),
        io::ErrorKind::IsADirectory => Some("give a file, not a folder".to_owned()),
        _ => None,
    }
}

fn sweep_file_hint(error: &lodecast_sweep_file::Error) -> Option<String> {
    use lodecast_sweep_file::Error;
    match error {
        Error::File { source, .. } if source.kind() == io::ErrorKind::NotFound => Some(
            "check the path; to make a sweep to try things with, run 'lodecast lab sweep -o sweep.parquet'".to_owned(),
        ),
        Error::File { source, .. } => missing_file(source),
        Error::MetricDirection { candidates, .. } => candidates
            .iter()
            .find(|name| name.contains("val") || name.contains("acc"))
            .or_else(|| candidates.first())
            .map(|name| format!("for example --val {name}:max, if more of it is better")),
        _ => None,
    }
}

fn engine_hint(error: &lodecast::Error) -> Option<String> {
    use lodecast::Error;
    match error {
        Error::File { source, .. } => missing_file(source),
        Error::UnknownMetric { .. } => Some("'lodecast runs FILE' lists the metrics with their directions".to_owned()),
        Error::MetricDirection { .. } => {
            Some("max: more is better (accuracy); min: less is better (a loss)".to_owned())
        }
        Error::Sweep { .. } => Some("'lodecast runs FILE' shows what is in the sweep".to_owned()),
        Error::ModelFile { .. } => Some("models are written by 'lodecast fit' and 'lodecast import-model'".to_owned()),
        Error::Interrupted => Some("run the same command with --resume to go on from where it was".to_owned()),
        _ => None,
    }
}

fn lab_hint(error: &lodecast_lab::Error) -> Option<String> {
    use lodecast_lab::Error;
    match error {
        Error::File { source, .. } => missing_file(source),
        Error::Cancelled { .. } => Some("run the same command again to go on: finished runs are kept".to_owned()),
        Error::Engine(error) => engine_hint(error),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn causes_are_said_once() {
        let source = io::Error::from(io::ErrorKind::NotFound);
        let cause = lodecast::Error::File { path: "a.lode".into(), source };
        let error = Err::<(), _>(cause).context("cannot plan").unwrap_err();
        assert_eq!(
            message(&error),
            "error: cannot plan\n  caused by: a.lode: entity not found\nhint: check the path; nothing is there\n"
        );
    }

    #[test]
    fn an_interruption_is_told_from_a_failure() {
        assert!(is_interruption(&Error::new(lodecast::Error::Interrupted).context("while fitting")));
        assert!(is_interruption(&Error::new(lodecast_lab::Error::Cancelled { finished: 1, total: 2 })));
        assert!(!is_interruption(&failure("a", "b")));
    }
}
