//! [`Origin`]: where rows come from, and the errors that name it.

use std::path::{Path, PathBuf};

use crate::cell::Cell;
use crate::error::{Error, Place, Unit};

/// Where rows come from, for errors.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) path: PathBuf,
    pub(crate) unit: Unit,
}

impl Origin {
    pub(crate) fn new(path: &Path, unit: Unit) -> Self {
        Self { path: path.to_owned(), unit }
    }

    /// The place of line or row `number`.
    pub(crate) fn at(&self, number: u64) -> Place {
        Place { path: self.path.clone(), unit: self.unit, number }
    }

    /// The error of a number, loss or metric that is none.
    pub(crate) fn not_a_number(&self, number: u64, column: &str, cell: Cell<'_>) -> Error {
        Error::Value {
            place: self.at(number),
            column: column.to_owned(),
            value: cell.describe().into(),
            expected: "a number",
            remedy: "leave it empty where nothing was measured; NaN and inf are numbers",
        }
    }

    /// The error of a step that is none.
    pub(crate) fn not_a_step(&self, number: u64, column: &str, cell: Cell<'_>) -> Error {
        Error::Value {
            place: self.at(number),
            column: column.to_owned(),
            value: cell.describe().into(),
            expected: "an optimizer step",
            remedy: "steps are whole numbers from 0 on",
        }
    }

    /// The error of a run id that is none.
    pub(crate) fn not_an_id(&self, number: u64, column: &str, cell: Cell<'_>) -> Error {
        Error::Value {
            place: self.at(number),
            column: column.to_owned(),
            value: cell.describe().into(),
            expected: "a run id",
            remedy: "a run id is a text or a number",
        }
    }
}
