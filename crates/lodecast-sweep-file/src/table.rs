//! Any Parquet table by its columns, for readers of what other tools wrote.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::ChunkReader;

use crate::cell::Cell;
use crate::error::{Error, Place, Result, Unit};
use crate::parquet_columns::Kind;
use crate::parquet_read::{columns, for_each_row, guarded, metadata};

/// A Parquet file of which chosen columns are read row by row.
pub struct ParquetTable<R = File> {
    source: Arc<R>,
    path: PathBuf,
    metadata: ParquetMetaData,
    names: Vec<String>,
    kinds: Vec<Result<Kind, String>>,
    /// The kind of the numbers in each column that holds lists of them.
    elements: Vec<Option<Kind>>,
}

/// What a row has in a column that may hold lists.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry<'a> {
    /// A value.
    One(Cell<'a>),
    /// A list of numbers, and of nothing where one was not measured.
    List(Vec<Option<f64>>),
}

impl ParquetTable {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// If it cannot be read, is no Parquet file or is damaged.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
        Self::from_reader(file, path)
    }
}

impl<R: ChunkReader + 'static> ParquetTable<R> {
    /// Opens a file that is in memory or behind another reader; `path` stands for its name in errors.
    ///
    /// # Errors
    /// If it is no Parquet file or is damaged.
    pub fn from_reader(source: R, path: impl AsRef<Path>) -> Result<Self> {
        let (source, path) = (Arc::new(source), path.as_ref().to_owned());
        let metadata = guarded(&path, || metadata(&source, &path))?;
        let (names, kinds) = columns(&metadata);
        let elements = metadata.file_metadata().schema_descr().columns().iter().map(Kind::of_elements).collect();
        Ok(Self { source, path, metadata, names, kinds, elements })
    }

    /// Names of the columns; the parts of a nested one are joined by `.`.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Does column `index` hold numbers?
    pub fn is_number(&self, index: usize) -> bool {
        self.kinds[index].as_ref().is_ok_and(|kind| kind.is_number())
    }

    /// Does column `index` hold texts?
    pub fn is_text(&self, index: usize) -> bool {
        self.kinds[index].as_ref().is_ok_and(|kind| !kind.is_number())
    }

    /// The name of column `index` if it holds lists of numbers: without what the writer calls their elements.
    pub fn list(&self, index: usize) -> Option<&str> {
        const ELEMENTS: [&str; 5] = [".list.element", ".list.item", ".bag.array_element", ".array", ".element"];
        let name = self.elements[index].map(|_| self.names[index].as_str())?;
        Some(ELEMENTS.iter().find_map(|of| name.strip_suffix(of)).unwrap_or(name))
    }

    /// Number of rows.
    pub fn rows(&self) -> u64 {
        self.metadata.row_groups().iter().map(|group| u64::try_from(group.num_rows()).unwrap_or(0)).sum()
    }

    /// What column `index` holds, where that is neither numbers nor texts.
    pub fn unreadable(&self, index: usize) -> Option<&str> {
        self.kinds[index].as_ref().err().map(String::as_str)
    }

    /// Hands the number of each row, from 0, and its cells in the columns `chosen`, in that order, to `take`, until that
    /// breaks off. Only these columns are read.
    ///
    /// # Errors
    /// If a column holds neither numbers nor texts, or the file is damaged.
    pub fn read(&self, chosen: &[usize], mut take: impl FnMut(u64, &[Cell<'_>]) -> ControlFlow<()>) -> Result<()> {
        let used = self.used(chosen, |index| self.kinds[index].as_ref().ok().copied())?;
        guarded(&self.path, || {
            for_each_row(&self.source, &self.path, &self.metadata, &self.names, &used, |row, columns| {
                let mut cells = Vec::with_capacity(columns.len());
                for (index, column) in columns {
                    cells.push(column.next().ok_or_else(|| self.no_text(row, *index))?);
                }
                Ok(take(row, &cells))
            })
        })
    }

    /// The same of columns that may hold [lists](Self::list).
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_lists(
        &self,
        chosen: &[usize],
        mut take: impl FnMut(u64, &[Entry<'_>]) -> ControlFlow<()>,
    ) -> Result<()> {
        let used = self.used(chosen, |index| self.elements[index].or(self.kinds[index].as_ref().ok().copied()))?;
        guarded(&self.path, || {
            for_each_row(&self.source, &self.path, &self.metadata, &self.names, &used, |row, columns| {
                let mut entries = Vec::with_capacity(columns.len());
                for (index, column) in columns {
                    entries.push(match self.elements[*index] {
                        Some(_) => Entry::List(column.next_list()),
                        None => Entry::One(column.next().ok_or_else(|| self.no_text(row, *index))?),
                    });
                }
                Ok(take(row, &entries))
            })
        })
    }

    fn used(&self, chosen: &[usize], kind: impl Fn(usize) -> Option<Kind>) -> Result<Vec<(usize, Kind)>> {
        let known = |&index: &usize| {
            kind(index).map(|kind| (index, kind)).ok_or_else(|| Error::ColumnType {
                path: self.path.clone(),
                column: self.names[index].clone(),
                found: self.unreadable(index).unwrap_or_default().to_owned(),
            })
        };
        chosen.iter().map(known).collect()
    }

    fn no_text(&self, row: u64, index: usize) -> Error {
        Error::Value {
            place: Place { path: self.path.clone(), unit: Unit::Row, number: row },
            column: self.names[index].clone(),
            value: "bytes".into(),
            expected: "a text",
            remedy: "texts are UTF-8",
        }
    }
}
