//! Parquet, written: whole runs in row groups, with the `lodecast_sweep` record in the metadata.

use std::io::{self, Write};
use std::ops::Range;
use std::sync::Arc;

use lodecast::{Metric, Run, Sweep};
use parquet::basic::{Compression, ConvertedType, Encoding, LogicalType, Repetition, Type as PhysicalType, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{ColumnPath, Type};

use crate::header::{HeaderOf, KEY};
use crate::role::Fixed;

/// Rows of a row group: what a reader of ours or others' holds at a time.
pub(crate) const GROUP: usize = 1 << 18;

/// Writes `sweep` as Parquet.
pub(crate) fn write(sweep: &Sweep, sink: impl Write + Send) -> io::Result<()> {
    let huge = sweep.runs.iter().any(|run| run.steps().last().is_some_and(|&step| is_huge(step)));
    let mut file = GroupWriter::new(sink, &sweep.metrics, huge)?;
    file.write(&sweep.runs)?;
    file.finish(&HeaderOf::sweep(sweep))
}

/// A Parquet file in the making, row group by row group.
pub(crate) struct GroupWriter<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    metrics: usize,
}

impl<W: Write + Send> GroupWriter<W> {
    /// Starts a file; `huge` says whether there are steps that only an unsigned number can hold.
    pub(crate) fn new(sink: W, metrics: &[Metric], huge: bool) -> io::Result<Self> {
        let start = || -> Result<SerializedFileWriter<W>> {
            let step = ColumnPath::from(Fixed::Step.name());
            let properties = WriterProperties::builder()
                .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
                // Steps rise evenly: their differences take next to no space.
                .set_column_dictionary_enabled(step.clone(), false)
                .set_column_encoding(step, Encoding::DELTA_BINARY_PACKED)
                .build();
            SerializedFileWriter::new(sink, Arc::new(schema(metrics, huge)?), Arc::new(properties))
        };
        Ok(Self { writer: start().map_err(plain)?, metrics: metrics.len() })
    }

    /// Writes whole runs.
    pub(crate) fn write(&mut self, runs: &[Run]) -> io::Result<()> {
        let write = |group: &[(usize, Range<usize>)], writer: &mut SerializedFileWriter<W>| -> Result<()> {
            let mut rows = writer.next_row_group()?;
            write_group(runs, self.metrics, group, &mut rows)?;
            rows.close().map(|_| ())
        };
        groups(runs).iter().try_for_each(|group| write(group, &mut self.writer)).map_err(plain)
    }

    /// Ends the file with the record of its runs.
    pub(crate) fn finish(mut self, header: &HeaderOf<'_>) -> io::Result<()> {
        let record = serde_json::to_string(header)?;
        self.writer.append_key_value_metadata(KeyValue::new(KEY.to_owned(), record));
        self.writer.close().map(|_| ()).map_err(plain)
    }
}

/// Is a step beyond what a signed number can hold?
pub(crate) fn is_huge(step: u64) -> bool {
    i64::try_from(step).is_err()
}

/// The error of the operating system, where it is one.
fn plain(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    }
}

fn schema(metrics: &[Metric], huge: bool) -> Result<Type> {
    let number = |name: &str| {
        let field = Type::primitive_type_builder(name, PhysicalType::DOUBLE).with_repetition(Repetition::OPTIONAL);
        field.build().map(Arc::new)
    };
    let id = Type::primitive_type_builder(Fixed::RunId.name(), PhysicalType::BYTE_ARRAY)
        .with_repetition(Repetition::REQUIRED)
        .with_logical_type(Some(LogicalType::String))
        .with_converted_type(ConvertedType::UTF8);
    let step =
        Type::primitive_type_builder(Fixed::Step.name(), PhysicalType::INT64).with_repetition(Repetition::REQUIRED);
    // Signed is friendlier to whoever subtracts steps in a data frame.
    let step = if huge { step.with_logical_type(Some(LogicalType::integer(64, false))) } else { step };
    let mut fields = vec![Arc::new(id.build()?), Arc::new(step.build()?)];
    fields.push(number(Fixed::TrainLoss.name())?);
    fields.push(number(Fixed::LearningRate.name())?);
    for metric in metrics {
        fields.push(number(&metric.name)?);
    }
    Type::group_type_builder("sweep").with_fields(fields).build()
}

/// The points of the runs cut into row groups: of each run a range of its points.
fn groups(runs: &[Run]) -> Vec<Vec<(usize, Range<usize>)>> {
    let mut groups = Vec::new();
    let mut group = Vec::new();
    let mut free = GROUP;
    for (index, run) in runs.iter().enumerate() {
        let mut start = 0;
        while start < run.len() {
            let end = run.len().min(start + free);
            group.push((index, start..end));
            free -= end - start;
            start = end;
            if free == 0 {
                groups.push(std::mem::take(&mut group));
                free = GROUP;
            }
        }
    }
    if !group.is_empty() {
        groups.push(group);
    }
    groups
}

fn write_group<W: Write + Send>(
    runs: &[Run],
    metrics: usize,
    group: &[(usize, Range<usize>)],
    rows: &mut SerializedRowGroupWriter<'_, W>,
) -> Result<()> {
    let missing = || ParquetError::General("the schema has fewer columns than the sweep".to_owned());
    let pieces = || group.iter().map(|(index, range)| (&runs[*index], range.clone()));

    let mut column = rows.next_column()?.ok_or_else(missing)?;
    for (run, range) in pieces() {
        let ids = vec![ByteArray::from(run.id.as_str()); range.len()];
        column.typed::<ByteArrayType>().write_batch(&ids, None, None)?;
    }
    column.close()?;

    let mut column = rows.next_column()?.ok_or_else(missing)?;
    for (run, range) in pieces() {
        let steps: Vec<i64> = run.steps()[range].iter().map(|&step| step.cast_signed()).collect();
        column.typed::<Int64Type>().write_batch(&steps, None, None)?;
    }
    column.close()?;

    let (mut values, mut levels) = (Vec::new(), Vec::new());
    for index in 0..2 + metrics {
        let mut column = rows.next_column()?.ok_or_else(missing)?;
        for (run, range) in pieces() {
            let cells = match index {
                0 => run.train_loss(),
                1 => run.learning_rate(),
                metric => run.validation(metric - 2),
            };
            values.clear();
            values.extend(cells[range.clone()].iter().flatten());
            levels.clear();
            levels.extend(cells[range].iter().map(|cell| i16::from(cell.is_some())));
            column.typed::<DoubleType>().write_batch(&values, Some(&levels), None)?;
        }
        column.close()?;
    }
    Ok(())
}
