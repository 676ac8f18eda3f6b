//! What is said where a database refuses.

use crate::error::Error;

/// What the server said, for `postgres::Error` itself says only where.
pub(super) fn explain(error: &postgres::Error) -> String {
    match error.as_db_error() {
        Some(server) => server.message().to_owned(),
        None => match std::error::Error::source(error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    }
}

pub(super) fn failed(database: &str, reason: String) -> Error {
    Error::Remote {
        address: database.to_owned(),
        reason,
        remedy: "check that it can be read and is not damaged; a copy of the file may serve".to_owned(),
    }
}
