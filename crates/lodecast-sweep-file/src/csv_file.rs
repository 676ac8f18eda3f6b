//! CSV: one metric point a line, under a line of column names.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder, StringRecord, Writer, WriterBuilder};
use lodecast::{Attributes, Metric, Run, Sweep};

use crate::assemble::Assembly;
use crate::cell::Cell;
use crate::error::{Error, Result, Unit};
use crate::layout::{Layout, Runs};
use crate::line_ends::LineEnds;
use crate::options::{ReadOptions, ReadReport};
use crate::origin::Origin;
use crate::role::{Attribute, Fixed, Role};
use crate::row::Row;
use crate::text_attribute::spell;

/// Reads a sweep from CSV; `path` is named in errors.
pub(crate) fn read(source: impl Read, path: &Path, runs: Runs, options: &ReadOptions) -> Result<(Sweep, ReadReport)> {
    let origin = Origin::new(path, Unit::Line);
    let mut source = BufReader::with_capacity(1 << 16, source);
    // What cannot be read is told by the reader.
    let lines = LineEnds::of(source.fill_buf().unwrap_or_default());
    let mut reader = ReaderBuilder::new().from_reader(source);
    let header = reader.headers().map_err(|error| damaged(&origin, 1, lines, error))?;
    let names: Vec<String> = header.iter().map(column_name).collect();
    let mut layout = Layout::new(path, runs, options, &[])?;
    let roles = layout.name_columns(&names, true)?;
    // Every value has its comma here, so the file is as large as what is read from it.
    let mut assembly = Assembly::new(origin.clone(), layout.metrics(), u64::MAX);
    let run_column = roles.iter().position(|role| *role == Role::Fixed(Fixed::RunId));
    let single = crate::run_id_of(path);

    // Of the columns nobody claimed: has there been a number, and nothing but numbers?
    let mut numeric: Vec<(bool, bool)> = vec![(false, true); names.len()];
    let mut row = Row::new(layout.metrics().len());
    let mut record = StringRecord::new();
    loop {
        let before = line_of(reader.position(), lines);
        if !reader.read_record(&mut record).map_err(|error| damaged(&origin, before, lines, error))? {
            break;
        }
        let line = record.position().map_or(before, |position| line_of(position, lines));
        row.clear();
        let run = match run_column {
            None => assembly.run(&single)?,
            Some(column) => match &record[column] {
                "" => return Err(Error::MissingRunId { place: origin.at(line) }),
                id => assembly.run(id)?,
            },
        };
        for (column, text) in record.iter().enumerate() {
            if text.is_empty() {
                continue;
            }
            let cell = Cell::Text(text);
            let number = || cell.number().map_err(|_| origin.not_a_number(line, &names[column], cell));
            match &roles[column] {
                Role::Fixed(Fixed::RunId) => {}
                Role::Fixed(Fixed::Step) => {
                    row.step = cell.count().map_err(|_| origin.not_a_step(line, &names[column], cell))?;
                }
                Role::Fixed(Fixed::TrainLoss) => row.train_loss = number()?,
                Role::Fixed(Fixed::LearningRate) => row.learning_rate = number()?,
                Role::Metric(metric) => row.validation[*metric] = number()?,
                Role::LossAndMetric(metric) => row.loss_and_metric(*metric, number()?),
                Role::Attribute(attribute) => assembly.attribute(run, line, attribute, cell)?,
                Role::Ignored => {
                    let (any, only) = &mut numeric[column];
                    if *only {
                        (*any, *only) = (true, cell.number().is_ok());
                    }
                }
            }
        }
        assembly.add(run, line, &row)?;
    }
    let ignored = layout.ignored(|column| numeric[column] == (true, true))?;
    assembly.finish(ignored)
}

/// Writes `sweep` as CSV.
///
/// A metric's column carries its direction (`val_accuracy:max`). Attributes stand on the first line of their run only.
pub(crate) fn write(sweep: &Sweep, sink: impl Write) -> std::io::Result<()> {
    let columns = attribute_columns(&sweep.runs.iter().map(|run| &run.attributes));
    let mut writer = writer(sink);
    write_header(&sweep.metrics, &columns, &mut writer)?;
    for run in &sweep.runs {
        write_run(run, &columns, &mut writer)?;
    }
    writer.flush()
}

/// A writer of CSV.
pub(crate) fn writer<W: Write>(sink: W) -> Writer<W> {
    WriterBuilder::new().buffer_capacity(1 << 16).from_writer(sink)
}

/// Writes the line of column names.
pub(crate) fn write_header<W: Write>(
    metrics: &[Metric],
    columns: &[Attribute],
    writer: &mut Writer<W>,
) -> std::io::Result<()> {
    for fixed in Fixed::ALL {
        writer.write_field(fixed.name())?;
    }
    for metric in metrics {
        writer.write_field(metric.to_string())?;
    }
    for attribute in columns {
        writer.write_field(attribute.column())?;
    }
    Ok(writer.write_record(None::<&[u8]>)?)
}

/// Writes the lines of a run, with the attributes that have a column.
pub(crate) fn write_run<W: Write>(run: &Run, columns: &[Attribute], writer: &mut Writer<W>) -> std::io::Result<()> {
    let mut number = ryu::Buffer::new();
    for point in 0..lines_of(run) {
        writer.write_field(&run.id)?;
        match run.steps().get(point) {
            Some(step) => writer.write_field(step.to_string())?,
            None => writer.write_field("")?,
        }
        for column in [run.train_loss(), run.learning_rate()].into_iter().chain(run.validations()) {
            match column.get(point).copied().flatten() {
                Some(value) => writer.write_field(number.format(value))?,
                None => writer.write_field("")?,
            }
        }
        for attribute in columns {
            let text = if point == 0 { attribute_text(&run.attributes, attribute) } else { None };
            writer.write_field(text.unwrap_or_default())?;
        }
        writer.write_record(None::<&[u8]>)?;
    }
    Ok(())
}

/// Lines that a run takes: one without points still has its line.
pub(crate) fn lines_of(run: &Run) -> usize {
    run.len().max(1)
}

/// Writes a whole file from `body`, a file without attributes, in which each run takes the number of lines given with its
/// attributes.
pub(crate) fn write_from_body(
    metrics: &[Metric],
    runs: &[(usize, &Attributes)],
    body: impl Read,
    sink: impl Write,
) -> std::io::Result<()> {
    let columns = attribute_columns(&runs.iter().map(|&(_, attributes)| attributes));
    let mut writer = writer(sink);
    write_header(metrics, &columns, &mut writer)?;
    let mut reader = ReaderBuilder::new().buffer_capacity(1 << 16).from_reader(body);
    let mut record = ByteRecord::new();
    for &(lines, attributes) in runs {
        for line in 0..lines {
            if !reader.read_byte_record(&mut record)? {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            for field in &record {
                writer.write_field(field)?;
            }
            for column in &columns {
                let text = if line == 0 { attribute_text(attributes, column) } else { None };
                writer.write_field(text.unwrap_or_default())?;
            }
            writer.write_record(None::<&[u8]>)?;
        }
    }
    writer.flush()
}

/// The columns needed to hold every attribute of every run.
fn attribute_columns<'a>(runs: &(impl Iterator<Item = &'a Attributes> + Clone)) -> Vec<Attribute> {
    let known = |attribute: &Attribute| runs.clone().any(|run| attribute_text(run, attribute).is_some());
    let others: BTreeSet<&String> = runs.clone().flat_map(|run| run.other.keys()).collect();
    let others = others.into_iter().map(|name| Attribute::Other(name.clone()));
    Attribute::NAMED.into_iter().filter(known).chain(others).collect()
}

fn attribute_text(attributes: &Attributes, attribute: &Attribute) -> Option<String> {
    let text = |value: &Option<String>| value.as_deref().map(|text| spell(text).into_owned());
    match attribute {
        Attribute::Schedule => text(&attributes.schedule),
        Attribute::Optimizer => text(&attributes.optimizer),
        Attribute::Source => text(&attributes.source),
        Attribute::PeakLr => attributes.peak_lr.map(|value| ryu::Buffer::new().format(value).to_owned()),
        Attribute::Seed => attributes.seed.map(|value| value.to_string()),
        Attribute::TotalSteps => attributes.total_steps.map(|value| value.to_string()),
        Attribute::Other(name) => attributes.other.get(name).map(|text| spell(text).into_owned()),
    }
}

/// A column's name without the spaces of hand-made files; an attribute's name is kept as it is.
fn column_name(text: &str) -> String {
    if text.starts_with(Attribute::PREFIX) { text.to_owned() } else { text.trim().to_owned() }
}

fn line_of(position: &csv::Position, lines: LineEnds) -> u64 {
    lines.number(position.line(), position.byte())
}

fn damaged(origin: &Origin, line: u64, lines: LineEnds, error: csv::Error) -> Error {
    let line = error.position().map_or(line, |position| line_of(position, lines));
    match error.into_kind() {
        csv::ErrorKind::Io(source) => Error::File { path: origin.path.clone(), source },
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => Error::Syntax {
            place: origin.at(line),
            reason: format!("{len} fields where the first line has {expected_len}"),
        },
        csv::ErrorKind::Utf8 { err, .. } => {
            Error::Syntax { place: origin.at(line), reason: format!("field {} is not UTF-8", err.field() + 1) }
        }
        other => Error::Syntax { place: origin.at(line), reason: format!("{other:?}") },
    }
}
