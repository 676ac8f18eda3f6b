//! Everything that can go wrong with an import: where, what was found, and what to do about it.

use std::path::PathBuf;

/// A result of an import.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of an import.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file, a line or a record that is not what its format says.
    #[error("{place}: {reason}; {remedy}")]
    Damaged {
        /// File and line, record or byte.
        place: String,
        /// What was found.
        reason: String,
        /// What to do.
        remedy: &'static str,
    },
    /// Something larger than any tracker writes.
    #[error("{place}: {what} is beyond {limit}; {remedy}")]
    TooLarge {
        /// File and line, record or byte.
        place: String,
        /// What is too large.
        what: String,
        /// The largest size accepted.
        limit: u64,
        /// What to do.
        remedy: &'static str,
    },
    /// A server or database that cannot be read from.
    #[error("{address}: {reason}; {remedy}")]
    Remote {
        /// The address, without credentials.
        address: String,
        /// What it answered.
        reason: String,
        /// What to do.
        remedy: String,
    },
    /// An address, or the credentials for it, that no waiting makes right.
    #[error("{address}: {reason}; {remedy}")]
    Refused {
        /// The address, without credentials.
        address: String,
        /// What is wrong with it, or what its server answered.
        reason: String,
        /// What to do.
        remedy: String,
    },
    /// No format recognises the source.
    #[error("{place}: none of the known formats; name it ('lodecast import FORMAT {place}'), one of: {known}")]
    UnknownFormat {
        /// The source.
        place: String,
        /// The formats there are.
        known: String,
    },
    /// A format of a name nobody knows.
    #[error("no format '{name}'; choose one of: {known}")]
    NoSuchFormat {
        /// The name given.
        name: String,
        /// The formats there are.
        known: String,
    },
    /// The source holds no run of its format.
    #[error("{place}: no {format} run in it; {remedy}")]
    NoRuns {
        /// The source.
        place: String,
        /// The format.
        format: &'static str,
        /// What the format looks for.
        remedy: String,
    },
    /// A choice that only the user can make.
    #[error("{place}: {question}; {remedy}")]
    Undecided {
        /// The source.
        place: String,
        /// What is open, with the candidates.
        question: String,
        /// How to say it.
        remedy: String,
    },
    /// The reading was ended by [`Stop`](crate::Stop).
    #[error("interrupted")]
    Interrupted,
    /// The sweep file cannot be written.
    #[error(transparent)]
    SweepFile(#[from] lodecast_sweep_file::Error),
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] lodecast::Error),
}
