//! Entries as rows. Numbers are kept by their bits: SQLite has none that are not finite.

use lodecast::Point;
use rusqlite::{Row, Statement, params};

use crate::serve::entry::Entry;

const POINT: i64 = 0;
const EXTENDED: i64 = 1;
const RESUMED: i64 = 2;

/// The entry in a row of kind, step and three numbers.
pub(super) fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let step = row.get::<_, i64>(1)?.cast_unsigned();
    let number = |column: usize| -> rusqlite::Result<Option<f64>> {
        Ok(row.get::<_, Option<i64>>(column)?.map(|bits| f64::from_bits(bits.cast_unsigned())))
    };
    Ok(match row.get::<_, i64>(0)? {
        EXTENDED => Entry::Extended(step),
        RESUMED => Entry::Resumed(step),
        _ => Entry::Point(Point { step, train_loss: number(2)?, learning_rate: number(3)?, validation: number(4)? }),
    })
}

/// Inserts an entry by a statement of run, number, kind, step and three numbers.
pub(super) fn insert(statement: &mut Statement<'_>, run: i64, number: u64, entry: &Entry) -> rusqlite::Result<()> {
    let bits = |value: Option<f64>| value.map(|value| value.to_bits().cast_signed());
    let number = number.cast_signed();
    match entry {
        Entry::Point(Point { step, train_loss, learning_rate, validation }) => statement.execute(params![
            run,
            number,
            POINT,
            step.cast_signed(),
            bits(*train_loss),
            bits(*learning_rate),
            bits(*validation)
        ]),
        Entry::Extended(steps) => statement.execute(params![
            run,
            number,
            EXTENDED,
            steps.cast_signed(),
            None::<i64>,
            None::<i64>,
            None::<i64>
        ]),
        Entry::Resumed(step) => {
            statement.execute(params![run, number, RESUMED, step.cast_signed(), None::<i64>, None::<i64>, None::<i64>])
        }
    }?;
    Ok(())
}
