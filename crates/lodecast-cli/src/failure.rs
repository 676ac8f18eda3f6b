//! What a failed command says: the error, its causes, a hint what to do, and its exit code.
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | failed |
//! | 2 | the command line was not understood, or a setting in it is out of its range |
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
    /// Was the command line at fault?
    usage: bool,
    /// What lies behind it.
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Advice {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// An error that says what failed and what to do about it.
pub(crate) fn failure(what: impl Into<String>, hint: impl Into<String>) -> Error {
    Error::new(Advice { what: what.into(), hint: hint.into(), usage: false, source: None })
}

/// An error in the command line itself, whatever files and machines hold.
pub(crate) fn misuse(what: impl Into<String>, hint: impl Into<String>) -> Error {
    Error::new(Advice { what: what.into(), hint: hint.into(), usage: true, source: None })
}

/// An error with advice that suits the place better than what would be said about it elsewhere.
#[cfg(feature = "lab")]
pub(crate) fn advised(error: impl std::error::Error + Send + Sync + 'static, hint: impl Into<String>) -> Error {
    Error::new(Advice { what: error.to_string(), hint: hint.into(), usage: false, source: Some(Box::new(error)) })
}

/// Prints the error and gives the exit code that belongs to it.
pub(crate) fn report(error: &Error) -> ExitCode {
    if output::is_broken_pipe(error) {
        return ExitCode::SUCCESS;
    }
    let mut stderr = io::stderr().lock();
    // With standard error gone there is nobody left to tell.
    let _ = stderr.write_all(message(error).as_bytes());
    ExitCode::from(exit_code(error))
}

fn exit_code(error: &Error) -> u8 {
    const FAILED: u8 = 1;
    const MISUSED: u8 = 2;
    if is_interruption(error) {
        interrupt::EXIT_CODE
    } else if error.chain().any(is_misuse) {
        MISUSED
    } else {
        FAILED
    }
}

/// Settings come from the command line, also those that only the library below can judge.
fn is_misuse(cause: &(dyn std::error::Error + 'static)) -> bool {
    cause.downcast_ref::<Advice>().is_some_and(|advice| advice.usage)
        || matches!(cause.downcast_ref(), Some(lodecast::Error::Setting { .. } | lodecast::Error::Schedule { .. }))
        || is_lab_setting(cause)
        || is_live_setting(cause)
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
            || is_interrupted_import(cause)
            || is_interrupted_follow(cause)
            || is_cancelled_training(cause)
    })
}

#[cfg(feature = "lab")]
fn is_cancelled_training(cause: &(dyn std::error::Error + 'static)) -> bool {
    matches!(cause.downcast_ref(), Some(lodecast_lab::Error::Cancelled { .. }))
}

#[cfg(feature = "lab")]
fn is_lab_setting(cause: &(dyn std::error::Error + 'static)) -> bool {
    matches!(cause.downcast_ref(), Some(lodecast_lab::Error::Setting { .. }))
}

#[cfg(not(feature = "lab"))]
fn is_lab_setting(_: &(dyn std::error::Error + 'static)) -> bool {
    false
}

#[cfg(not(feature = "lab"))]
fn is_cancelled_training(_: &(dyn std::error::Error + 'static)) -> bool {
    false
}

/// What to do about the error, if anybody knows.
fn hint(error: &Error) -> Option<String> {
    error.chain().find_map(|cause| {
        if let Some(advice) = cause.downcast_ref::<Advice>() {
            return Some(advice.hint.clone());
        }
        if let Some(hint) = import_hint(cause) {
            return Some(hint);
        }
        if let Some(hint) = live_hint(cause) {
            return Some(hint);
        }
        if let Some(error) = cause.downcast_ref::<lodecast_sweep_file::Error>() {
            return sweep_file_hint(error);
        }
        if let Some(error) = cause.downcast_ref::<lodecast::Error>() {
            return engine_hint(error);
        }
        lab_hint(cause)
    })
}

#[cfg(feature = "import")]
fn is_interrupted_import(cause: &(dyn std::error::Error + 'static)) -> bool {
    matches!(cause.downcast_ref(), Some(lodecast_import::Error::Interrupted))
}

#[cfg(not(feature = "import"))]
fn is_interrupted_import(_: &(dyn std::error::Error + 'static)) -> bool {
    false
}

#[cfg(feature = "import")]
fn import_hint(cause: &(dyn std::error::Error + 'static)) -> Option<String> {
    use lodecast_import::Error;
    match cause.downcast_ref::<Error>()? {
        Error::File { source, .. } => missing_file(source),
        Error::Interrupted => Some("nothing was written; run the same command again".to_owned()),
        Error::SweepFile(error) => sweep_file_hint(error),
        Error::Engine(error) => engine_hint(error),
        _ => None,
    }
}

#[cfg(not(feature = "import"))]
fn import_hint(_: &(dyn std::error::Error + 'static)) -> Option<String> {
    None
}

#[cfg(feature = "live")]
fn is_interrupted_follow(cause: &(dyn std::error::Error + 'static)) -> bool {
    matches!(cause.downcast_ref(), Some(lodecast_live::Error::Interrupted))
}

#[cfg(not(feature = "live"))]
fn is_interrupted_follow(_: &(dyn std::error::Error + 'static)) -> bool {
    false
}

#[cfg(feature = "live")]
fn is_live_setting(cause: &(dyn std::error::Error + 'static)) -> bool {
    use lodecast_live::Error;
    matches!(
        cause.downcast_ref(),
        Some(Error::Engine(lodecast::Error::Setting { .. } | lodecast::Error::Schedule { .. }))
    )
}

#[cfg(not(feature = "live"))]
fn is_live_setting(_: &(dyn std::error::Error + 'static)) -> bool {
    false
}

#[cfg(feature = "live")]
fn live_hint(cause: &(dyn std::error::Error + 'static)) -> Option<String> {
    use lodecast_live::Error;
    match cause.downcast_ref::<Error>()? {
        Error::Interrupted => Some("what was decided is kept; the same command goes on from here".to_owned()),
        Error::File { source, .. } => missing_file(source),
        Error::Engine(error) => engine_hint(error),
        _ => None,
    }
}

#[cfg(not(feature = "live"))]
fn live_hint(_: &(dyn std::error::Error + 'static)) -> Option<String> {
    None
}

fn missing_file(source: &io::Error) -> Option<String> {
    match source.kind() {
        // It says itself what to do.
        _ if lacks_folder(source) => None,
        io::ErrorKind::NotFound => Some("check the path; nothing is there".to_owned()),
        io::ErrorKind::PermissionDenied => Some("check the permissions of the file and of its folder".to_owned()),
        io::ErrorKind::IsADirectory => Some("give a file, not a folder".to_owned()),
        _ => None,
    }
}

fn lacks_folder(source: &io::Error) -> bool {
    matches!(source.get_ref(), Some(cause) if cause.is::<lodecast::MissingFolder>())
}

fn sweep_file_hint(error: &lodecast_sweep_file::Error) -> Option<String> {
    use lodecast_sweep_file::Error;
    match error {
        Error::File { source, .. } if source.kind() == io::ErrorKind::NotFound && !lacks_folder(source) => Some(
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

#[cfg(feature = "lab")]
fn lab_hint(cause: &(dyn std::error::Error + 'static)) -> Option<String> {
    use lodecast_lab::Error;
    match cause.downcast_ref::<Error>()? {
        Error::File { source, .. } => missing_file(source),
        Error::Cancelled { .. } => Some("run the same command again to go on: finished runs are kept".to_owned()),
        Error::NotBuilt { feature, .. } => {
            Some(format!("install it with: cargo install lodecast-cli --features {feature}"))
        }
        Error::Engine(error) => engine_hint(error),
        _ => None,
    }
}

#[cfg(not(feature = "lab"))]
fn lab_hint(_: &(dyn std::error::Error + 'static)) -> Option<String> {
    None
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
        #[cfg(feature = "lab")]
        assert!(is_interruption(&Error::new(lodecast_lab::Error::Cancelled { finished: 1, total: 2 })));
        assert!(!is_interruption(&failure("a", "b")));
        #[cfg(feature = "lab")]
        {
            let advised = advised(lodecast::Error::Interrupted, "once more");
            assert!(is_interruption(&advised));
            assert_eq!(message(&advised), "error: interrupted\nhint: once more\n");
        }
    }

    #[test]
    fn exit_codes_say_whose_fault_it_was() {
        assert_eq!(exit_code(&failure("a", "b")), 1);
        assert_eq!(exit_code(&misuse("a", "b").context("while reading")), 2);
        let setting =
            lodecast::Error::Setting { name: "members", value: "0".to_owned(), remedy: "choose from 1 to 64" };
        assert_eq!(exit_code(&Error::new(setting).context("cannot fit")), 2);
        assert_eq!(exit_code(&Error::new(lodecast::Error::Interrupted)), 130);
    }
}
