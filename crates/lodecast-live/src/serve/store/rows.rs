//! Entries as rows. Numbers are kept by their bits: SQLite has none that are not finite.

use lodecast::Point;
use rusqlite::types::Type;
use rusqlite::{Error, Row, Statement, params};

use crate::decision::Choice;
use crate::serve::entry::Entry;

const POINT: i64 = 0;
const EXTENDED: i64 = 1;
const RESUMED: i64 = 2;
const CHOSEN: i64 = 3;
const HANDED_BACK: i64 = 4;
const BEGAN_AGAIN: i64 = 5;

/// The entry in a row of kind, step, three numbers, and the knots of a schedule.
pub(super) fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let step = row.get::<_, i64>(1)?.cast_unsigned();
    let number = |column: usize| -> rusqlite::Result<Option<f64>> {
        Ok(row.get::<_, Option<i64>>(column)?.map(|bits| f64::from_bits(bits.cast_unsigned())))
    };
    Ok(match row.get::<_, i64>(0)? {
        EXTENDED => Entry::Extended(step),
        RESUMED => Entry::Resumed(step),
        CHOSEN => {
            let damaged = |error| Error::FromSqlConversionFailure(5, Type::Text, Box::new(error));
            let knots = serde_json::from_str(&row.get::<_, String>(5)?).map_err(damaged)?;
            Entry::Chosen(Choice { from_step: step, knots })
        }
        HANDED_BACK => Entry::HandedBack,
        BEGAN_AGAIN => Entry::BeganAgain,
        _ => Entry::Point(Point { step, train_loss: number(2)?, learning_rate: number(3)?, validation: number(4)? }),
    })
}

/// Inserts an entry by a statement of run, number, kind, step, three numbers, and the knots of a schedule.
pub(super) fn insert(statement: &mut Statement<'_>, run: i64, number: u64, entry: &Entry) -> rusqlite::Result<()> {
    let (kind, step, numbers, knots) = match entry {
        Entry::Point(Point { step, train_loss, learning_rate, validation }) => {
            (POINT, *step, [*train_loss, *learning_rate, *validation], None)
        }
        Entry::Extended(steps) => (EXTENDED, *steps, [None; 3], None),
        Entry::Resumed(step) => (RESUMED, *step, [None; 3], None),
        Entry::Chosen(Choice { from_step, knots }) => {
            let text = serde_json::to_string(knots).map_err(|error| Error::ToSqlConversionFailure(Box::new(error)))?;
            (CHOSEN, *from_step, [None; 3], Some(text))
        }
        Entry::HandedBack => (HANDED_BACK, 0, [None; 3], None),
        Entry::BeganAgain => (BEGAN_AGAIN, 0, [None; 3], None),
    };
    let [train_loss, learning_rate, validation] =
        numbers.map(|value: Option<f64>| value.map(|value| value.to_bits().cast_signed()));
    let (number, step) = (number.cast_signed(), step.cast_signed());
    statement.execute(params![run, number, kind, step, train_loss, learning_rate, validation, knots])?;
    Ok(())
}
