//! Reads the runs that experiment trackers and training frameworks recorded.
//!
//! A [`Format`] finds its runs under a [`Source`] and hands over one [`Recording`] at a time: every series under the name the
//! tracker gave it. Which series is the train loss, which the learning rate and which a validation metric is decided
//! afterwards, for all formats alike.

mod collection;
mod database;
mod error;
mod flatten;
mod format;
mod framing;
mod limits;
mod lines;
mod mlflow;
mod optuna;
mod recorder;
mod recording;
mod registry;
mod source;
mod tensorboard;
mod wandb;
mod wire;

pub use error::{Error, Result};
pub use format::{Format, Outcome, Skipped, Visit, Wanted};
pub use limits::Limits;
pub use recording::{Recording, Series};
pub use registry::{FORMATS, format_named, recognise};
pub use source::{Source, Tree};
