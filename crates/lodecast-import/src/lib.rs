//! Reads the runs that experiment trackers and training frameworks recorded, and makes sweeps of them.
//!
//! A [`Format`] finds its runs under a [`Source`] and hands over one [`Recording`] at a time: every series under the name the
//! tracker gave it. What follows is the same for all formats: a [`Survey`] of the first runs, the choice of the
//! [`Columns`] that are the train loss, the learning rate and the validation metrics, and the [`import`] that
//! makes a [`lodecast::Run`] of each recording.
//!
//! ```
//! use std::ops::ControlFlow;
//! use lodecast_import::{Columns, ImportOptions, Limits, Source, Survey, import, recognise};
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("log.csv");
//! std::fs::write(&path, "step,loss,lr,val_acc\n10,2.1,0.1,\n20,1.8,0.1,0.4\n")?;
//!
//! let source = Source::open(path.to_str().unwrap(), &Limits::default())?;
//! let format = recognise(&source)?[0];
//! assert_eq!(format.name(), "csv");
//! let sources = [(source, format)];
//! let options = ImportOptions::default();
//! let columns = Columns::choose(&Survey::of(&sources, &options)?, &options)?;
//! let mut runs = Vec::new();
//! import(&sources, &columns, &options, &mut |run, _| {
//!     runs.push(run);
//!     Ok(ControlFlow::Continue(()))
//! })?;
//! assert_eq!(runs[0].validation(0), [None, Some(0.4)]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod assemble;
mod choose;
mod decode;
mod error;
mod follow;
mod format;
mod formats;
mod import;
mod limits;
mod names;
mod recording;
mod role;
mod scales;
mod since;
mod source;
mod stop;

pub use choose::columns::{Columns, Rate};
pub use choose::options::{AttributeNames, ImportOptions, Restarts, ValidationChoice};
pub use choose::rate_schedule::RateSchedule;
pub use choose::survey::Survey;
pub use error::{Error, Result};
pub use follow::{Follow, News};
pub use format::{Format, Outcome, Skipped, Visit, Wanted};
pub use formats::mlflow::MlflowRun;
pub use formats::registry::{FORMATS, format_named, recognise, warning};
pub use import::{ImportReport, RunReport, import};
pub use limits::Limits;
pub use recording::{Recording, Series, Session};
pub use role::Role;
pub use since::{Cursor, Since};
pub use source::{Source, Tree};
pub use stop::Stop;
