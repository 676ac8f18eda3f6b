//! Tables of a report, in words.

use super::color::Color;

/// A table of text and numbers already put into words.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    /// What it shows.
    pub caption: String,
    /// Headings; a column of numbers is set flush right.
    pub columns: Vec<Column>,
    /// Cells, row by row.
    pub rows: Vec<Row>,
}

/// A column's heading.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    /// The words.
    pub heading: String,
    /// Numbers, or else text?
    pub numeric: bool,
}

/// A row of a table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// One cell a column.
    pub cells: Vec<String>,
    /// Set in bold?
    pub strong: bool,
    /// Colour of the mark before the first cell, where the row has a colour in the figures.
    pub color: Option<Color>,
}

impl Table {
    /// A table with these headings; one that starts with `#` is a column of numbers.
    pub(crate) fn new<'a>(caption: impl Into<String>, headings: impl IntoIterator<Item = &'a str>) -> Self {
        let columns = headings
            .into_iter()
            .map(|heading| match heading.strip_prefix('#') {
                Some(heading) => Column { heading: heading.to_owned(), numeric: true },
                None => Column { heading: heading.to_owned(), numeric: false },
            })
            .collect();
        Self { caption: caption.into(), columns, rows: Vec::new() }
    }

    /// Appends a row.
    pub(crate) fn push(&mut self, cells: impl IntoIterator<Item = String>) -> &mut Row {
        self.rows.push(Row { cells: cells.into_iter().collect(), strong: false, color: None });
        let last = self.rows.len() - 1;
        &mut self.rows[last]
    }
}
