//! Sweeps written run by run, so that memory does not grow with their points.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use lodecast::{Attributes, Metric, Run};

use crate::check;
use crate::error::{Error, Result, shorten};
use crate::format::Format;
use crate::header::HeaderOf;
use crate::parquet_write::{GROUP, GroupWriter, is_huge};
use crate::replace::Replacement;
use crate::{csv_file, json_lines};

/// A sweep file in the making. Points go to a temporary file as they come; only the attributes of the runs are kept, since
/// they stand at one place of the file. [`finish`](Self::finish) puts the file in its place; without it nothing is left behind.
///
/// ```
/// use lodecast::{Direction, Metric, Run};
/// use lodecast_sweep_file::{ReadOptions, SweepWriter, read};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("sweep.parquet");
/// let mut writer = SweepWriter::create(&path, vec![Metric::new("val_accuracy", Direction::Max)])?;
/// let mut run = Run::new("a", 1);
/// run.push(10, Some(1.9), Some(3e-3), &[Some(0.31)])?;
/// writer.push(run)?;
/// writer.finish(|_, attributes| attributes.seed = Some(0))?;
/// assert_eq!(read(&path, &ReadOptions::default())?.runs[0].attributes.seed, Some(0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SweepWriter {
    path: PathBuf,
    replacement: Replacement,
    metrics: Vec<Metric>,
    runs: Vec<Written>,
    ids: HashSet<String>,
    body: Body,
}

/// A run whose points are written.
struct Written {
    id: String,
    attributes: Attributes,
    lines: usize,
}

/// The points, in the form of their format.
enum Body {
    Parquet { file: GroupWriter<File>, pending: Vec<Run>, rows: usize },
    // The attributes stand before the points or among them, and are known last: the points wait in a file of their own.
    Csv(csv::Writer<File>),
    JsonLines { lines: BufWriter<File>, keys: Vec<String> },
}

impl SweepWriter {
    /// Starts the file at `path`, in the format of its ending, for runs that record `metrics`.
    ///
    /// # Errors
    /// If the format is unknown, a metric's name is impossible, or the folder cannot be written to.
    pub fn create(path: impl AsRef<Path>, metrics: Vec<Metric>) -> Result<Self> {
        let path = path.as_ref().to_owned();
        let format = Format::of(&path)?;
        check::check_metrics(&metrics)?;
        let start = || -> io::Result<(Replacement, Body)> {
            let replacement = Replacement::begin(&path)?;
            let body = match format {
                Format::Parquet => {
                    let file = GroupWriter::new(replacement.file().try_clone()?, &metrics, false)?;
                    Body::Parquet { file, pending: Vec::new(), rows: 0 }
                }
                Format::Csv => {
                    let mut lines = csv_file::writer(replacement.scratch()?);
                    csv_file::write_header(&metrics, &[], &mut lines)?;
                    Body::Csv(lines)
                }
                Format::JsonLines => Body::JsonLines {
                    lines: BufWriter::with_capacity(1 << 16, replacement.scratch()?),
                    keys: json_lines::keys(&metrics),
                },
            };
            Ok((replacement, body))
        };
        let (replacement, body) = start().map_err(|source| Error::File { path: path.clone(), source })?;
        Ok(Self { path, replacement, metrics, runs: Vec::new(), ids: HashSet::new(), body })
    }

    /// Appends a run.
    ///
    /// # Errors
    /// If the run would not read back equal, its id is that of an earlier one, or the file cannot be written.
    pub fn push(&mut self, mut run: Run) -> Result<()> {
        check::check_run(&run, self.metrics.len())?;
        if !self.ids.insert(run.id.clone()) {
            return Err(check::repeated(&run.id));
        }
        if let (Body::Parquet { .. }, Some(&step)) = (&self.body, run.steps().last())
            && is_huge(step)
        {
            return Err(Error::Unwritable {
                reason: format!("run '{}' has step {step}, beyond 2^63; write CSV or JSON lines", shorten(&run.id)),
            });
        }
        let attributes = std::mem::take(&mut run.attributes);
        self.runs.push(Written { id: run.id.clone(), attributes, lines: csv_file::lines_of(&run) });
        self.body.push(run).map_err(|source| Error::File { path: self.path.clone(), source })
    }

    /// Number of runs appended so far.
    pub fn len(&self) -> usize {
        self.runs.len()
    }

    /// Has nothing been appended?
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Completes the attributes of each run, given with its number in the order of appending, and puts the file in its place.
    ///
    /// # Errors
    /// If the file cannot be written. What was at its path is then as it was.
    pub fn finish(mut self, mut complete: impl FnMut(usize, &mut Attributes)) -> Result<()> {
        for (index, run) in self.runs.iter_mut().enumerate() {
            complete(index, &mut run.attributes);
        }
        let path = self.path.clone();
        self.write_and_commit().map_err(|source| Error::File { path, source })
    }

    fn write_and_commit(self) -> io::Result<()> {
        let header = HeaderOf {
            metrics: &self.metrics,
            runs: self.runs.iter().map(|run| (run.id.as_str(), &run.attributes)).collect(),
        };
        match self.body {
            Body::Parquet { mut file, pending, .. } => {
                file.write(&pending)?;
                file.finish(&header)?;
            }
            Body::Csv(lines) => {
                let mut body = lines.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
                body.rewind()?;
                let runs: Vec<_> = self.runs.iter().map(|run| (run.lines, &run.attributes)).collect();
                csv_file::write_from_body(&self.metrics, &runs, body, self.replacement.file())?;
            }
            Body::JsonLines { lines, .. } => {
                let mut body = lines.into_inner().map_err(io::IntoInnerError::into_error)?;
                body.rewind()?;
                let mut sink = BufWriter::with_capacity(1 << 16, self.replacement.file());
                json_lines::write_header(&header, &mut sink)?;
                io::copy(&mut BufReader::new(body), &mut sink)?;
                sink.flush()?;
            }
        }
        self.replacement.commit()
    }
}

impl Body {
    fn push(&mut self, run: Run) -> io::Result<()> {
        match self {
            Self::Parquet { file, pending, rows } => {
                *rows += run.len();
                pending.push(run);
                if *rows >= GROUP {
                    file.write(pending)?;
                    pending.clear();
                    *rows = 0;
                }
                Ok(())
            }
            Self::Csv(lines) => csv_file::write_run(&run, &[], lines),
            Self::JsonLines { lines, keys } => json_lines::write_run(&run, keys, lines),
        }
    }
}
