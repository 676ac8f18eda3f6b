//! A sweep from columns in memory: data frames and arrays of others, read where they lie.

use std::path::Path;

use lodecast::Sweep;

use crate::assemble::Assembly;
use crate::cell::Cell;
use crate::error::{Error, Result, Unit};
use crate::layout::{Layout, Runs};
use crate::options::{ReadOptions, ReadReport};
use crate::origin::Origin;
use crate::role::{Fixed, Role};
use crate::row_reader::RowReader;

/// The values of a column.
#[derive(Clone, Copy, Debug)]
pub enum Values<'a> {
    /// Numbers.
    Float(&'a [f64]),
    /// Numbers of single precision.
    Single(&'a [f32]),
    /// Integers.
    Signed(&'a [i64]),
    /// Integers that are not negative.
    Unsigned(&'a [u64]),
    /// Texts.
    Text(&'a [Option<String>]),
}

impl<'a> Values<'a> {
    fn len(self) -> usize {
        match self {
            Self::Float(values) => values.len(),
            Self::Single(values) => values.len(),
            Self::Signed(values) => values.len(),
            Self::Unsigned(values) => values.len(),
            Self::Text(values) => values.len(),
        }
    }

    fn cell(self, row: usize) -> Cell<'a> {
        match self {
            Self::Float(values) => Cell::Float(values[row]),
            Self::Single(values) => Cell::Float(f64::from(values[row])),
            Self::Signed(values) => u64::try_from(values[row]).map_or(Cell::Negative(values[row]), Cell::Unsigned),
            Self::Unsigned(values) => Cell::Unsigned(values[row]),
            Self::Text(values) => values[row].as_deref().map_or(Cell::Absent, Cell::Text),
        }
    }
}

/// A column of a table in memory.
#[derive(Clone, Debug)]
pub struct Column<'a> {
    /// Its name; a metric's may carry the direction, as in `val_accuracy:max`.
    pub name: String,
    /// Its values.
    pub values: Values<'a>,
    /// Where nothing was measured, as far as the values cannot say it.
    pub missing: Option<&'a [bool]>,
    /// Does NaN mean that nothing was measured? Otherwise it is a value, that of a run which diverged.
    pub nan_is_missing: bool,
}

impl<'a> Column<'a> {
    fn cell(&self, row: usize) -> Cell<'a> {
        if self.missing.is_some_and(|missing| missing[row]) {
            return Cell::Absent;
        }
        match self.values.cell(row) {
            Cell::Float(value) if self.nan_is_missing && value.is_nan() => Cell::Absent,
            cell => cell,
        }
    }
}

/// Reads a sweep from columns of equal length, one metric point a row. `name` stands for the file's name in errors.
///
/// ```
/// use lodecast_sweep_file::{Column, ReadOptions, Values, read_columns};
/// let column = |name: &str, values| Column { name: name.to_owned(), values, missing: None, nan_is_missing: true };
/// let columns = [
///     column("run_id", Values::Signed(&[1, 1, 2])),
///     column("step", Values::Unsigned(&[10, 20, 10])),
///     column("train_loss", Values::Float(&[1.0, 0.5, 2.0])),
///     column("learning_rate", Values::Single(&[0.5, 0.25, 0.5])),
///     column("accuracy:max", Values::Float(&[f64::NAN, 0.7, 0.4])),
/// ];
/// let (sweep, _) = read_columns(&columns, "the table", &ReadOptions::default())?;
/// assert_eq!(sweep.runs.len(), 2);
/// assert_eq!(sweep.runs[0].validation(0), [None, Some(0.7)]);
/// # Ok::<(), lodecast_sweep_file::Error>(())
/// ```
///
/// # Errors
/// As [`read`](crate::read), and if the columns differ in length.
pub fn read_columns(
    columns: &[Column<'_>],
    name: impl AsRef<Path>,
    options: &ReadOptions,
) -> Result<(Sweep, ReadReport)> {
    let path = name.as_ref();
    let rows = columns.first().map_or(0, |column| column.values.len());
    for column in columns {
        let lengths = [Some(column.values.len()), column.missing.map(<[bool]>::len)];
        if let Some(found) = lengths.into_iter().flatten().find(|&length| length != rows) {
            let column = column.name.clone();
            return Err(Error::ColumnLength { path: path.to_owned(), column, found, expected: rows });
        }
    }
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    let mut layout = Layout::new(path, Runs::Many, options, &[])?;
    let roles = layout.name_columns(&names, true)?;
    let origin = Origin::new(path, Unit::Row);
    // The values are in memory already: there is no file that could announce more than it holds.
    let mut assembly = Assembly::new(origin.clone(), layout.metrics(), u64::MAX);
    let mut used: Vec<usize> = (0..columns.len()).filter(|&column| roles[column] != Role::Ignored).collect();
    used.sort_by_key(|&column| roles[column] != Role::Fixed(Fixed::RunId));
    let mut reader = RowReader::new(origin, &names, &roles, layout.metrics().len(), None);
    for row in 0..rows {
        let cells = used.iter().map(|&column| (column, Some(columns[column].cell(row))));
        reader.read(row as u64, cells, &mut assembly)?;
    }
    assembly.finish(layout.ignored(|column| !matches!(columns[column].values, Values::Text(_)))?)
}
