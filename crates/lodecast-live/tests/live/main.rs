//! Runs under way, followed in logs that a training writes slowly, truncates, rotates and writes anew.

mod decisions;
#[cfg(feature = "page")]
mod http;
mod logs;
#[cfg(feature = "page")]
mod page;
mod restarts;
#[cfg(feature = "serve")]
mod serve;
mod toy;
