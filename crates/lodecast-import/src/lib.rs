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
//! assert_eq!(runs[0].validation[0], [None, Some(0.4)]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod assemble;
mod attributes;
mod axes;
mod collection;
mod columns;
mod database;
mod delimited;
mod error;
mod files;
mod flatten;
mod format;
mod formats;
mod framing;
mod gaps;
mod import;
mod json_rows;
mod limits;
mod lines;
mod mlflow;
mod options;
mod optuna;
mod rate;
mod recorder;
mod recording;
mod registry;
mod restarts;
mod role;
mod run_columns;
mod settings;
mod source;
mod stop;
mod survey;
mod table;
mod tensorboard;
mod text_number;
mod usual_names;
mod wandb;
mod wire;

pub use attributes::AttributeNames;
pub use columns::{Columns, Rate, ValidationChoice};
pub use error::{Error, Result};
pub use format::{Format, Outcome, Skipped, Visit, Wanted};
pub use import::{ImportReport, RunReport, import};
pub use limits::Limits;
pub use options::ImportOptions;
pub use rate::RateSchedule;
pub use recording::{Recording, Series};
pub use registry::{FORMATS, format_named, recognise};
pub use restarts::Restarts;
pub use role::Role;
pub use source::{Source, Tree};
pub use stop::Stop;
pub use survey::Survey;
