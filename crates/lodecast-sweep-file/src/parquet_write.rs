//! Parquet, written: whole runs in row groups, with the `lodecast_sweep` record in the metadata.

use std::io::{self, Write};
use std::ops::Range;
use std::sync::Arc;

use lodecast::{Run, Sweep};
use parquet::basic::{Compression, ConvertedType, Encoding, LogicalType, Repetition, Type as PhysicalType, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{ColumnPath, Type};

use crate::header::{HeaderOf, KEY};
use crate::layout::Fixed;

/// Rows of a row group: what a reader of ours or others' holds at a time.
const GROUP: usize = 1 << 18;

/// Writes `sweep` as Parquet.
pub(crate) fn write(sweep: &Sweep, sink: impl Write + Send) -> io::Result<()> {
    write_parquet(sweep, sink).map_err(|error| match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    })
}

fn write_parquet(sweep: &Sweep, sink: impl Write + Send) -> Result<()> {
    let record = serde_json::to_string(&HeaderOf(sweep)).map_err(|error| ParquetError::External(Box::new(error)))?;
    let step = ColumnPath::from(Fixed::Step.name());
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        // Steps rise evenly: their differences take next to no space.
        .set_column_dictionary_enabled(step.clone(), false)
        .set_column_encoding(step, Encoding::DELTA_BINARY_PACKED)
        .set_key_value_metadata(Some(vec![KeyValue::new(KEY.to_owned(), record)]))
        .build();
    let mut writer = SerializedFileWriter::new(sink, Arc::new(schema(sweep)?), Arc::new(properties))?;
    for group in groups(&sweep.runs) {
        let mut rows = writer.next_row_group()?;
        write_group(sweep, &group, &mut rows)?;
        rows.close()?;
    }
    writer.close()?;
    Ok(())
}

fn schema(sweep: &Sweep) -> Result<Type> {
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
    let huge = sweep.runs.iter().any(|run| run.steps.last().is_some_and(|&step| i64::try_from(step).is_err()));
    let step = if huge { step.with_logical_type(Some(LogicalType::integer(64, false))) } else { step };
    let mut fields = vec![Arc::new(id.build()?), Arc::new(step.build()?)];
    fields.push(number(Fixed::TrainLoss.name())?);
    fields.push(number(Fixed::LearningRate.name())?);
    for metric in &sweep.metrics {
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
    sweep: &Sweep,
    group: &[(usize, Range<usize>)],
    rows: &mut SerializedRowGroupWriter<'_, W>,
) -> Result<()> {
    let missing = || ParquetError::General("the schema has fewer columns than the sweep".to_owned());
    let pieces = || group.iter().map(|(index, range)| (&sweep.runs[*index], range.clone()));

    let mut column = rows.next_column()?.ok_or_else(missing)?;
    for (run, range) in pieces() {
        let ids = vec![ByteArray::from(run.id.as_str()); range.len()];
        column.typed::<ByteArrayType>().write_batch(&ids, None, None)?;
    }
    column.close()?;

    let mut column = rows.next_column()?.ok_or_else(missing)?;
    for (run, range) in pieces() {
        let steps: Vec<i64> = run.steps[range].iter().map(|&step| step.cast_signed()).collect();
        column.typed::<Int64Type>().write_batch(&steps, None, None)?;
    }
    column.close()?;

    let (mut values, mut levels) = (Vec::new(), Vec::new());
    for index in 0..2 + sweep.metrics.len() {
        let mut column = rows.next_column()?.ok_or_else(missing)?;
        for (run, range) in pieces() {
            let cells = match index {
                0 => &run.train_loss,
                1 => &run.learning_rate,
                metric => &run.validation[metric - 2],
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
