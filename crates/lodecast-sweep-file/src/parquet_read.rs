//! Parquet, read: row groups one after the other, their columns side by side.

use std::any::Any;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use lodecast::Sweep;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::reader::ChunkReader;

use crate::assemble::Assembly;
use crate::error::{Error, Result, Unit};
use crate::header::{Header, KEY};
use crate::layout::{Layout, Runs};
use crate::options::{ReadOptions, ReadReport};
use crate::origin::Origin;
use crate::parquet_columns::{Column, Kind};
use crate::parquet_pages::{CheckedPages, check_footer};
use crate::role::{Fixed, Role};
use crate::row_reader::RowReader;

/// Rows decoded at a time.
const BATCH: usize = 4096;

/// Rows that any file may have, and those that each of its bytes may stand for besides: run-length encoding would otherwise
/// let a file of a kilobyte fill the memory.
const ROWS: u64 = 1 << 20;
const ROWS_PER_BYTE: u64 = 16;

/// Reads a sweep from Parquet; `path` is named in errors.
pub(crate) fn read<R: ChunkReader + 'static>(
    source: R,
    path: &Path,
    runs: Runs,
    options: &ReadOptions,
) -> Result<(Sweep, ReadReport)> {
    guarded(path, || read_checked(&Arc::new(source), path, runs, options))
}

/// Turns a panic of the decoder, which asserts here and there what only holds for sound files (lengths of texts, offsets of
/// chunks), into an error. Nothing that outlives the call may be shared with `read`, or it may be left broken.
pub(crate) fn guarded<T>(path: &Path, read: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|panic| {
        Err(Error::Parquet { path: path.to_owned(), reason: format!("the decoder gave up: {}", message(&*panic)) })
    })
}

fn read_checked<R: ChunkReader + 'static>(
    source: &Arc<R>,
    path: &Path,
    runs: Runs,
    options: &ReadOptions,
) -> Result<(Sweep, ReadReport)> {
    let origin = Origin::new(path, Unit::Row);
    let metadata = metadata(source, path)?;

    let header = header(&metadata, &origin)?;
    let mut layout = Layout::new(path, runs, options, &header.metrics)?;
    let (names, kinds) = columns(&metadata);
    let roles = layout.name_columns(&names, false)?;
    let mut used = Vec::new();
    for (index, (role, kind)) in roles.iter().zip(&kinds).enumerate() {
        match kind {
            _ if *role == Role::Ignored => {}
            Ok(kind) => used.push((index, *kind)),
            Err(found) => {
                return Err(Error::ColumnType {
                    path: path.to_owned(),
                    column: names[index].clone(),
                    found: found.clone(),
                });
            }
        }
    }

    let mut assembly = Assembly::new(origin.clone(), layout.metrics(), source.len());
    for (id, attributes) in header.runs {
        if id.is_empty() || !assembly.announce(&id, attributes)? {
            let reason = format!("the run id '{}' is empty or occurs twice", crate::error::shorten(&id));
            return Err(Error::Header { place: origin.at(0), reason });
        }
    }
    // The run id first: attributes need it.
    used.sort_by_key(|&(index, _)| roles[index] != Role::Fixed(Fixed::RunId));
    let single = (runs == Runs::One).then(|| crate::run_id_of(path));
    let mut reader = RowReader::new(origin, &names, &roles, layout.metrics().len(), single);
    for_each_row(source, path, &metadata, &names, &used, |row, columns| {
        let cells = columns.iter_mut().map(|(index, column)| (*index, column.next()));
        reader.read(row, cells, &mut assembly).map(|()| ControlFlow::Continue(()))
    })?;
    let ignored = layout.ignored(|column| kinds[column].as_ref().is_ok_and(|kind| kind.is_number()))?;
    assembly.finish(ignored)
}

/// Opens a file's footer, and checks that it may be trusted to announce no more than there can be.
pub(crate) fn metadata<R: ChunkReader + 'static>(source: &Arc<R>, path: &Path) -> Result<ParquetMetaData> {
    check_footer(&**source).map_err(|error| damaged(path, "", error))?;
    let metadata =
        ParquetMetaDataReader::new().parse_and_finish(&**source).map_err(|error| damaged(path, "", error))?;
    check_rows(&metadata, path, source.len())?;
    Ok(metadata)
}

/// Names and kinds of a file's columns.
pub(crate) fn columns(metadata: &ParquetMetaData) -> (Vec<String>, Vec<Result<Kind, String>>) {
    let schema = metadata.file_metadata().schema_descr();
    let names = schema.columns().iter().map(|column| column.path().parts().join(".")).collect();
    (names, schema.columns().iter().map(Kind::of).collect())
}

/// Hands the number of each row and the columns `used`, set to it, to `take`, until that breaks off.
pub(crate) fn for_each_row<R: ChunkReader + 'static>(
    source: &Arc<R>,
    path: &Path,
    metadata: &ParquetMetaData,
    names: &[String],
    used: &[(usize, Kind)],
    mut take: impl FnMut(u64, &mut [(usize, Column)]) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let mut first_row = 0;
    for group in metadata.row_groups() {
        let mut columns = Vec::with_capacity(used.len());
        for &(index, kind) in used {
            columns.push((index, open(source, path, group, (index, kind), names, used.len())?));
        }
        let rows = group.num_rows() as u64;
        let mut read = 0;
        while read < rows {
            let batch = BATCH.min((rows - read) as usize);
            for (index, column) in &mut columns {
                column.fill(batch).map_err(|error| damaged(path, &names[*index], error))?;
            }
            for row in 0..batch as u64 {
                if take(first_row + read + row, &mut columns)?.is_break() {
                    return Ok(());
                }
            }
            read += batch as u64;
        }
        for (index, column) in &mut columns {
            column.check_end().map_err(|error| damaged(path, &names[*index], error))?;
        }
        first_row += rows;
    }
    Ok(())
}

fn open<R: ChunkReader + 'static>(
    source: &Arc<R>,
    path: &Path,
    group: &RowGroupMetaData,
    (index, kind): (usize, Kind),
    names: &[String],
    columns: usize,
) -> Result<Column> {
    let damaged = |error| damaged(path, &names[index], error);
    let missing = || ParquetError::General("a row group lacks the column".to_owned());
    let chunk = group.columns().get(index).ok_or_else(|| damaged(missing()))?;
    if let Compression::LZO | Compression::BROTLI(_) = chunk.compression() {
        return Err(Error::Unsupported {
            path: path.to_owned(),
            feature: format!("the compression of column '{}'", names[index]),
            remedy: "write the file with snappy, zstd, gzip or lz4",
        });
    }
    let pages = CheckedPages::new(source, path, chunk, columns).map_err(damaged)?;
    Ok(Column::new(kind, chunk.column_descr_ptr(), Box::new(pages)))
}

/// Checks that the rows announced are no more than a file of `size` bytes can mean.
fn check_rows(metadata: &ParquetMetaData, path: &Path, size: u64) -> Result<()> {
    let mut rows: u64 = 0;
    for group in metadata.row_groups() {
        let count = u64::try_from(group.num_rows()).map_err(|_| Error::Parquet {
            path: path.to_owned(),
            reason: format!("a row group has {} rows", group.num_rows()),
        })?;
        rows = rows.saturating_add(count);
    }
    let limit = ROWS.saturating_add(size.saturating_mul(ROWS_PER_BYTE));
    if rows > limit {
        return Err(Error::TooLarge {
            path: path.to_owned(),
            what: "the number of rows".to_owned(),
            found: rows,
            limit,
            remedy: "if it is true, convert the file to CSV",
        });
    }
    Ok(())
}

/// The record that lodecast leaves in a file's metadata.
fn header(metadata: &ParquetMetaData, origin: &Origin) -> Result<Header> {
    let entries = metadata.file_metadata().key_value_metadata().map_or(&[][..], Vec::as_slice);
    match entries.iter().find(|entry| entry.key == KEY).and_then(|entry| entry.value.as_deref()) {
        Some(text) => Header::parse(text).map_err(|reason| Error::Header { place: origin.at(0), reason }),
        None => Ok(Header::default()),
    }
}

fn damaged(path: &Path, column: &str, error: ParquetError) -> Error {
    let reason = match error {
        // Our own checks of pages, handed through the decoder.
        ParquetError::External(inner) => match inner.downcast::<Error>() {
            Ok(error) => return *error,
            Err(other) => match other.downcast::<std::io::Error>() {
                // The decompressors too speak of damage as an error of input.
                Ok(source) if source.raw_os_error().is_none() => source.to_string(),
                Ok(source) => return Error::File { path: path.to_owned(), source: *source },
                Err(other) => other.to_string(),
            },
        },
        ParquetError::General(text) | ParquetError::EOF(text) | ParquetError::NYI(text) => text,
        other => other.to_string(),
    };
    let reason = if column.is_empty() { reason } else { format!("column '{column}': {reason}") };
    Error::Parquet { path: path.to_owned(), reason }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no reason given".to_owned())
}
