//! Runs under way: a run is followed in the log that its training writes, and the learning rate of the rest of it is decided upon.
//!
//! [`Follower`] does all of it: it looks at the log ([`Watch`]), decides ([`LiveRun`]), and keeps a file of rates up to date.
//! A training reads that file with [`Rates`], or with `lodecast.Follow` in Python. Nothing here needs a server or a port.
//!
//! ```
//! use lodecast_live::{Rates, RatesFile};
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("rates.json");
//! # let knot = |progress, learning_rate| lodecast::Knot { progress, learning_rate };
//! # let file = RatesFile { total_steps: 1000, knots: vec![knot(0.0, 0.1), knot(1.0, 0.01)], ..RatesFile::example() };
//! # file.write(&path)?;
//! let mut rates = Rates::open(&path)?;
//! for step in 0..rates.total_steps() {
//!     let learning_rate = rates.learning_rate(step);
//!     # assert!((learning_rate - 0.1 + 0.09 * step as f64 / 1000.0).abs() < 1e-12);
//!     // ... train with it ...
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod adherence;
mod alerts;
#[cfg(feature = "serve")]
mod client;
mod columns;
mod decision;
mod error;
mod event;
mod follower;
mod history;
#[cfg(feature = "page")]
mod http;
mod json_file;
mod knots;
mod live_run;
mod lock;
mod log_back;
mod page;
mod points;
mod rates;
mod rates_file;
#[cfg(feature = "serve")]
mod serve;
mod state;
mod subject;
mod watch;
mod words;

pub use adherence::Departure;
pub use alerts::{Alert, alerts};
#[cfg(feature = "serve")]
pub use client::served_runs;
pub use decision::{Decision, MadeForecast};
pub use error::{Error, Result};
pub use event::Event;
pub use follower::{Follower, FollowerOptions, Looked, STATE, beside};
#[cfg(feature = "page")]
pub use http::listener::Address;
pub use live_run::{LiveRun, LiveRunSettings};
pub use log_back::{JsonLinesLog, LogBack, LogBackEntry, MlflowLog, TensorBoardLog};
#[cfg(feature = "page")]
pub use page::Page;
pub use page::PlannedRun;
pub use rates::Rates;
pub use rates_file::RatesFile;
#[cfg(feature = "serve")]
pub use serve::{Server, ServerOptions};
pub use state::LiveRunState;
pub use watch::{Observed, Sight, Watch, WatchOptions};
pub use words::{interval_in_words, sentence};
