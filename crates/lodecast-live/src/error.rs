//! Everything that can go wrong with a run under way: where, what was found, and what to do about it.

use std::path::PathBuf;

/// A result about a run under way.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error about a run under way.
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
    /// A file of rates, or the state beside it, that is not what it should be.
    #[error("{}: {reason}; {remedy}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The operating system gives no thread to serve from.
    #[error("no thread to serve from: {source}; look at how many this user may have (ulimit -u)")]
    Thread {
        /// Why not.
        source: std::io::Error,
    },
    /// A choice that only the user can make.
    #[error("{place}: {question}; {remedy}")]
    Undecided {
        /// The source or the run.
        place: String,
        /// What is open.
        question: String,
        /// How to say it.
        remedy: String,
    },
    /// Another process keeps the same files.
    #[error("{}: another '{by}' writes it; {remedy}", path.display())]
    InUse {
        /// The file of rates, or the folder of a store.
        path: PathBuf,
        /// Which command that is.
        by: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// Another program cannot be asked.
    #[error("{place}: {reason}; {remedy}")]
    Remote {
        /// Which.
        place: String,
        /// Why not.
        reason: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A page or a server cannot be had at an address.
    #[error("{address}: {reason}; {remedy}")]
    Page {
        /// The address.
        address: std::net::SocketAddr,
        /// Why not.
        reason: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A server cannot be had at a Unix socket.
    #[error("{}: {reason}; {remedy}", path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// Why not.
        reason: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The following was ended on request; what was decided is kept.
    #[error("interrupted")]
    Interrupted,
    /// The log cannot be read.
    #[error(transparent)]
    Import(#[from] lodecast_import::Error),
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] lodecast::Error),
}
