//! Tables that hold one metric of one run: a step, a value, and when it was measured.

use std::path::Path;

use csv::StringRecord;
use lodecast_sweep_file::Cell;

use crate::decode::delimited::Rows;
use crate::decode::text::shorten;
use crate::decode::text_number::{Meaning, meaning};
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::recording::recorder::Recorder;

/// The columns of such a table.
pub(crate) struct MetricColumns {
    pub(crate) step: usize,
    pub(crate) value: usize,
    /// The time, if there is one.
    pub(crate) time: Option<usize>,
}

/// Reads the table at `path` into the series at `place`. `columns` finds them by the names in its first line, and `moment` reads a
/// time; rows of which none is known were measured in their order.
///
/// # Errors
/// If the file cannot be read, or a row has no step.
pub(crate) fn read(
    path: &Path,
    place: usize,
    limits: &Limits,
    recorder: &mut Recorder<'_>,
    columns: impl FnOnce(&[String]) -> MetricColumns,
    moment: impl Fn(&str) -> Option<u64>,
) -> Result<()> {
    let mut rows = Rows::open(path, limits)?;
    let mut row = StringRecord::new();
    rows.next(&mut row)?;
    let names: Vec<String> = row.iter().map(|name| name.trim().to_owned()).collect();
    let at = columns(&names);
    // The rows of different tables are not in one order.
    recorder.recording().is_out_of_time |= at.time.is_none();
    while let Some(line) = rows.next(&mut row)? {
        let (Some(step), Some(value)) = (row.get(at.step), row.get(at.value)) else {
            recorder.note(format!("line {line} of {} is cut off: left out", path.display()));
            continue;
        };
        let Ok(Some(step)) = Cell::Text(step.trim()).count() else {
            return Err(Error::Damaged {
                place: format!("{}, line {line}", path.display()),
                reason: format!("'{}' is not a step", shorten(step)),
                remedy: "correct or delete the line",
            });
        };
        if let Meaning::Number(value) = meaning(value) {
            let time = at.time.and_then(|column| moment(row.get(column)?.trim())).unwrap_or(line);
            recorder.push_at(place, i64::try_from(step).unwrap_or(i64::MAX), value, time)?;
        }
    }
    Ok(())
}
