//! JSON lines: one metric point a line, after a line with the `lodecast_sweep` record.

use std::io::{BufRead, Write};
use std::path::Path;

use lodecast::{Metric, Run, Sweep};

use crate::assemble::Assembly;
use crate::error::{Error, Result, Unit};
use crate::header::{Header, HeaderOf, KEY};
use crate::json_point::PointReader;
use crate::layout::{Layout, Runs};
use crate::options::{ReadOptions, ReadReport};
use crate::origin::Origin;
use crate::role::Fixed;

/// Reads a sweep from JSON lines of `size` bytes; `path` is named in errors.
pub(crate) fn read(
    source: impl BufRead,
    size: u64,
    path: &Path,
    runs: Runs,
    options: &ReadOptions,
) -> Result<(Sweep, ReadReport)> {
    let origin = Origin::new(path, Unit::Line);
    let mut lines = Lines { source, bytes: Vec::new(), number: 0 };
    let mut more = lines.advance(&origin)?;
    let header = if more { header(&origin, lines.text(&origin)?)? } else { None };
    let has_header = header.is_some();
    let header = header.unwrap_or_default();
    let layout = Layout::new(path, runs, options, &header.metrics)?;
    let mut assembly = Assembly::new(origin.clone(), layout.metrics(), size);
    for (id, attributes) in header.runs {
        if id.is_empty() {
            return Err(Error::Header { place: origin.at(1), reason: "a run has an empty id".to_owned() });
        }
        if !assembly.announce(&id, attributes)? {
            return Err(Error::Header { place: origin.at(1), reason: format!("the run '{id}' occurs twice") });
        }
    }
    if has_header {
        more = lines.advance(&origin)?;
    }

    let single = (runs == Runs::One).then(|| crate::run_id_of(path));
    let mut points = PointReader::new(origin.clone(), layout, single);
    while more {
        let text = lines.text(&origin)?;
        if !text.trim_ascii().is_empty() {
            points.read(lines.number, text, &mut assembly)?;
        }
        more = lines.advance(&origin)?;
    }
    let ignored = points.finish(has_header)?;
    assembly.finish(ignored)
}

/// The lines of a file, with their numbers.
struct Lines<R> {
    source: R,
    bytes: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// Goes to the next line; false at the end of the file.
    fn advance(&mut self, origin: &Origin) -> Result<bool> {
        self.bytes.clear();
        self.number += 1;
        let read = self.source.read_until(b'\n', &mut self.bytes);
        read.map_err(|source| Error::File { path: origin.path.clone(), source })?;
        Ok(!self.bytes.is_empty())
    }

    fn text(&self, origin: &Origin) -> Result<&str> {
        match std::str::from_utf8(&self.bytes) {
            Ok(text) if self.number == 1 => Ok(text.strip_prefix('\u{feff}').unwrap_or(text)),
            Ok(text) => Ok(text),
            Err(error) => Err(Error::Syntax {
                place: origin.at(self.number),
                reason: format!("byte {} of the line is not UTF-8", error.valid_up_to() + 1),
            }),
        }
    }
}

/// The record of metrics and attributes, if the first line is one.
fn header(origin: &Origin, line: &str) -> Result<Option<Header>> {
    let start = line.trim_ascii_start().strip_prefix('{').map(str::trim_ascii_start);
    let key = start.and_then(|start| start.strip_prefix('"')).and_then(|start| start.strip_prefix(KEY));
    if !key.is_some_and(|rest| rest.starts_with('"')) {
        return Ok(None);
    }
    Header::parse(line).map(Some).map_err(|reason| Error::Header { place: origin.at(1), reason })
}

/// Writes `sweep` as JSON lines. What was not measured is left out of its line.
pub(crate) fn write(sweep: &Sweep, mut sink: impl Write) -> std::io::Result<()> {
    write_header(&HeaderOf::sweep(sweep), &mut sink)?;
    let keys = keys(&sweep.metrics);
    sweep.runs.iter().try_for_each(|run| write_run(run, &keys, &mut sink))
}

/// Writes the first line.
pub(crate) fn write_header(header: &HeaderOf<'_>, mut sink: impl Write) -> std::io::Result<()> {
    serde_json::to_writer(&mut sink, header)?;
    sink.write_all(b"\n")
}

/// What stands before the values of a line.
pub(crate) fn keys(metrics: &[Metric]) -> Vec<String> {
    [Fixed::TrainLoss.name(), Fixed::LearningRate.name()]
        .into_iter()
        .chain(metrics.iter().map(|metric| metric.name.as_str()))
        .map(|name| format!(",{}:", serde_json::Value::from(name)))
        .collect()
}

/// Writes the lines of a run's points.
pub(crate) fn write_run(run: &Run, keys: &[String], mut sink: impl Write) -> std::io::Result<()> {
    let mut number = ryu::Buffer::new();
    let start = format!(
        "{{\"{}\":{},\"{}\":",
        Fixed::RunId.name(),
        serde_json::Value::from(run.id.as_str()),
        Fixed::Step.name()
    );
    for (point, step) in run.steps().iter().enumerate() {
        write!(sink, "{start}{step}")?;
        let columns = [run.train_loss(), run.learning_rate()].into_iter().chain(run.validations());
        for (column, key) in columns.zip(keys) {
            let Some(value) = column[point] else { continue };
            sink.write_all(key.as_bytes())?;
            if value.is_finite() {
                sink.write_all(number.format_finite(value).as_bytes())?;
            } else {
                write!(sink, "\"{}\"", number.format(value))?;
            }
        }
        sink.write_all(b"}\n")?;
    }
    Ok(())
}
