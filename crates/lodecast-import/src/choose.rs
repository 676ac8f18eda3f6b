//! Which series of a recording is what: as the user says, and else by its name.

pub(crate) mod columns;
mod loss;
pub(crate) mod options;
pub(crate) mod rate_schedule;
pub(crate) mod rates;
pub(crate) mod run_columns;
pub(crate) mod survey;
