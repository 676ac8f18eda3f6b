//! Sweep files: Parquet, CSV and JSON lines, read and written.
//!
//! All three have the same columns in the same long form, one metric point a row: `run_id`, `step`, `train_loss`,
//! `learning_rate`, then one column a validation metric. The format follows the file's ending. What we write reads back equal.
//!
//! | | Parquet | CSV | JSON lines |
//! |---|---|---|---|
//! | not measured | null | empty field | key left out, or null |
//! | measured, not finite | NaN, inf | `NaN`, `inf`, `-inf` | `"NaN"`, `"inf"`, `"-inf"`; bare `NaN`, `Infinity` are read too |
//! | a metric's direction | metadata `lodecast_sweep` | in its column's name: `val_accuracy:max` | first line; without one, in its key as in CSV |
//! | run attributes | metadata `lodecast_sweep` | columns `schedule`, `peak_lr`, `seed`, `optimizer`, `total_steps`, `source`, and `attribute.NAME` for others; said on the first line of a run | first line |
//! | run without points | metadata `lodecast_sweep` | a line without step and values | first line |
//!
//! The metadata and the first line of JSON lines are one and the same record:
//!
//! ```json
//! {"lodecast_sweep": 1, "metrics": ["val_accuracy:max"], "runs": {"a": {"schedule": "cosine", "seed": 0}}}
//! ```
//!
//! Files of others need none of this. [`ReadOptions`] names the validation metrics with their direction, which is never
//! guessed, and the four columns where they are called neither as above nor by a usual alias (`loss`, `lr`, `global_step`,
//! ...; upper or lower case). Attribute columns may be in any format. Rows may come in any order; rows of the same run and
//! step are joined if they do not contradict each other. Columns that are not used are named in the [`ReadReport`].
//!
//! ```
//! use lodecast::{Direction, Metric, Run, Sweep};
//! use lodecast_sweep_file::{ReadOptions, read, write};
//!
//! let mut sweep = Sweep::new(vec![Metric::new("val_accuracy", Direction::Max)]);
//! let mut run = Run::new("cosine-3e-3-s0", 1);
//! run.push(10, Some(1.9), Some(3e-3), &[None])?;
//! run.push(20, Some(f64::NAN), Some(3e-3), &[Some(0.31)])?;
//! sweep.runs.push(run);
//!
//! let folder = tempfile::tempdir()?;
//! for name in ["sweep.parquet", "sweep.csv", "sweep.jsonl"] {
//!     let path = folder.path().join(name);
//!     write(&path, &sweep)?;
//!     let back = read(&path, &ReadOptions::default())?;
//!     assert_eq!(back.metrics, sweep.metrics);
//!     assert_eq!(back.runs[0].validation(0), sweep.runs[0].validation(0));
//!     assert!(back.runs[0].train_loss()[1].unwrap().is_nan());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod assemble;
mod bare_tokens;
mod cell;
mod check;
mod columns;
mod csv_file;
mod draft;
mod error;
mod folder;
mod format;
mod header;
mod json_lines;
mod json_point;
mod layout;
mod line_ends;
pub mod names;
mod options;
mod origin;
mod parquet_columns;
mod parquet_pages;
mod parquet_read;
mod parquet_write;
mod replace;
mod role;
mod row;
mod row_reader;
mod stream;
mod table;
mod text_attribute;
mod thrift;

use std::fs::{File, Metadata};
use std::io::{BufReader, Write};
use std::path::Path;

use bytes::Bytes;
use lodecast::{Run, Sweep};

pub use bare_tokens::quote_bare_tokens;
pub use cell::{Cell, Mismatch};
pub use columns::{Column, Values, read_columns};
pub use error::{Error, Place, Result, Unit};
pub use folder::{files_in, read_live};
pub use format::Format;
pub use line_ends::LineEnds;
pub use options::{ReadOptions, ReadReport};
pub use replace::replace;
pub use stream::SweepWriter;
pub use table::{Entry, ParquetTable};

use layout::Runs;

/// Reads the sweep in the file at `path`.
///
/// # Errors
/// If the file cannot be read or is damaged, a column is missing or ambiguous, a metric has no direction, a value is none, or
/// rows contradict each other.
pub fn read(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Sweep> {
    read_with_report(path, options).map(|(sweep, _)| sweep)
}

/// Reads the sweep in the file at `path`, and tells what was done with it besides.
///
/// # Errors
/// As [`read`].
pub fn read_with_report(path: impl AsRef<Path>, options: &ReadOptions) -> Result<(Sweep, ReadReport)> {
    read_file(path.as_ref(), Runs::Many, options)
}

/// Reads the single run in the file at `path`, which needs no column of run ids: the file's name is the run's then.
///
/// The run's validation columns are those of the metrics in `options`, in their order, or else those that the file declares.
///
/// # Errors
/// As [`read`], and if the file holds no run or several.
pub fn read_run(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Run> {
    let path = path.as_ref();
    let (mut sweep, _) = read_file(path, Runs::One, options)?;
    match sweep.runs.len() {
        0 => Err(Error::NoRun { path: path.to_owned() }),
        1 => Ok(sweep.runs.swap_remove(0)),
        count => Err(Error::SeveralRuns {
            path: path.to_owned(),
            count,
            first: sweep.runs.into_iter().take(3).map(|run| run.id).collect(),
        }),
    }
}

/// Reads a sweep that is in memory. `name` stands for the file's name in errors.
///
/// # Errors
/// As [`read`].
pub fn read_bytes(
    bytes: impl Into<Bytes>,
    format: Format,
    name: impl AsRef<Path>,
    options: &ReadOptions,
) -> Result<(Sweep, ReadReport)> {
    let (bytes, name) = (bytes.into(), name.as_ref());
    match format {
        Format::Parquet => parquet_read::read(bytes, name, Runs::Many, options),
        Format::Csv => csv_file::read(&bytes[..], name, Runs::Many, options),
        Format::JsonLines => json_lines::read(&bytes[..], bytes.len() as u64, name, Runs::Many, options),
    }
}

/// Writes `sweep` to the file at `path`, in the format of its ending. The file is replaced whole or not at all.
///
/// # Errors
/// If the file cannot be written, or the sweep would not read back equal: see [`Error::Unwritable`].
pub fn write(path: impl AsRef<Path>, sweep: &Sweep) -> Result<()> {
    let path = path.as_ref();
    let format = Format::of(path)?;
    check::check(sweep)?;
    replace(path, |sink| write_as(sweep, format, sink)).map_err(|source| Error::File { path: path.to_owned(), source })
}

/// Writes `sweep` to memory.
///
/// # Errors
/// If the sweep would not read back equal: see [`Error::Unwritable`].
pub fn write_bytes(sweep: &Sweep, format: Format) -> Result<Vec<u8>> {
    check::check(sweep)?;
    let mut bytes = Vec::new();
    write_as(sweep, format, &mut bytes).map_err(|error| Error::Unwritable { reason: error.to_string() })?;
    Ok(bytes)
}

fn read_file(path: &Path, runs: Runs, options: &ReadOptions) -> Result<(Sweep, ReadReport)> {
    // Of what is not there, its ending is not what is wrong.
    let file = File::open(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
    match Format::of(path)? {
        Format::Parquet => parquet_read::read(file, path, runs, options),
        Format::Csv => csv_file::read(file, path, runs, options),
        Format::JsonLines => {
            // A pipe has no size that could bound what comes.
            let size = file.metadata().ok().filter(Metadata::is_file).map_or(u64::MAX, |metadata| metadata.len());
            json_lines::read(BufReader::with_capacity(1 << 16, file), size, path, runs, options)
        }
    }
}

fn write_as(sweep: &Sweep, format: Format, sink: impl Write + Send) -> std::io::Result<()> {
    match format {
        Format::Parquet => parquet_write::write(sweep, sink),
        Format::Csv => csv_file::write(sweep, sink),
        Format::JsonLines => json_lines::write(sweep, sink),
    }
}

/// Id of the one run of a file that names none: the file's name without its ending.
fn run_id_of(path: &Path) -> String {
    path.file_stem().map_or_else(|| "run".to_owned(), |name| name.to_string_lossy().into_owned())
}
