//! The files of the page of a run, built in.

/// The page of one run.
pub(crate) const RUN: &str = include_str!("index.html");
/// What it does.
pub(crate) const SCRIPT: &str = include_str!("page.js");
/// The tables in it.
pub(crate) const TABLES: &str = include_str!("tables.js");
/// The pictures in it.
pub(crate) const PLOT: &str = include_str!("plot.js");
/// How all pages look.
pub(crate) const STYLE: &str = include_str!("page.css");
