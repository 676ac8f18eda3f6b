//! What the texts in tables mean: a number, a gap, or a word.

use lodecast_sweep_file::Cell;

/// What a cell of a table says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Meaning<'a> {
    /// Nothing was measured.
    Gap,
    /// A number, NaN and infinities included.
    Number(f64),
    /// Something else.
    Word(&'a str),
}

/// What a text says. Keras writes `NA` where nothing was measured, others `None` or `null`.
pub(crate) fn meaning(text: &str) -> Meaning<'_> {
    let text = text.trim();
    match text {
        "" | "NA" | "N/A" | "None" | "null" | "-" => Meaning::Gap,
        _ => text.parse().map_or(Meaning::Word(text), Meaning::Number),
    }
}

/// What a cell says.
pub(crate) fn meaning_of<'a>(cell: &Cell<'a>) -> Meaning<'a> {
    match *cell {
        Cell::Text(text) => meaning(text),
        Cell::Absent | Cell::Other(_) => Meaning::Gap,
        Cell::Unsigned(value) => Meaning::Number(value as f64),
        Cell::Negative(value) => Meaning::Number(value as f64),
        Cell::Float(value) => Meaning::Number(value),
    }
}
