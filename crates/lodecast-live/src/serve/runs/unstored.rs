//! The answer where the disk did not take something.

use axum::http::StatusCode;

use crate::http::problem::Problem;

/// The disk did not take something.
pub(crate) fn not_stored(mut reason: String) -> Problem {
    reason.insert_str(0, "not stored: ");
    let remedy = "nothing of it was stored: send it again; if the disk is full, make room on it";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, reason, remedy)
}
