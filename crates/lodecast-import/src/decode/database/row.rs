//! Rows of an answer, whichever database gave it.

/// A row of an answer.
pub(crate) enum Row<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a postgres::Row),
}

impl Row<'_> {
    /// The integer in a column; none if there is no such.
    pub(crate) fn integer(&self, column: usize) -> Option<i64> {
        match self {
            Row::Sqlite(row) => row.get_ref(column).ok()?.as_i64_or_null().ok()?,
            Row::Postgres(row) => row.try_get(column).ok()?,
        }
    }

    /// The number in a column; none if there is no such.
    pub(crate) fn number(&self, column: usize) -> Option<f64> {
        match self {
            Row::Sqlite(row) => row.get_ref(column).ok()?.as_f64_or_null().ok()?,
            Row::Postgres(row) => row.try_get(column).ok()?,
        }
    }

    /// The text in a column; none if there is no such.
    pub(crate) fn text(&self, column: usize) -> Option<&str> {
        match self {
            Row::Sqlite(row) => row.get_ref(column).ok()?.as_str_or_null().ok()?,
            Row::Postgres(row) => row.try_get(column).ok()?,
        }
    }
}
