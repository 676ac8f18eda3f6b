//! The forms a model takes.

pub(crate) mod law;
