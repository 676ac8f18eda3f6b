//! Delimited text (CSV and its kin) read row by row.

mod rows;

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::path::Path;

use csv::StringRecord;
use lodecast_sweep_file::Cell;

use crate::decode::damaged_lines::DamagedLines;
use crate::decode::decimal::Decimal;
use crate::decode::layout::{Layout, Owner, Position, step_of};
use crate::decode::parts::Part;
use crate::decode::table::Table;
use crate::decode::text::shorten;
use crate::decode::text_number::{Meaning, meaning};
use crate::decode::unpacked;
use crate::error::{Error, Result};
use crate::format::{Visit, Wanted};
use crate::limits::Limits;
use crate::names::{EPOCH, is_count};
use crate::recording::Recording;

pub(crate) use rows::{Rows, has_columns, header};
use rows::{SEPARATOR, separator};

/// What tools call the column in which a data frame numbers its rows.
const UNNAMED: &[&str] = &["", "Unnamed: 0"];

/// The names of a table's columns, and what each column is.
struct Columns {
    names: Vec<String>,
    layout: Layout,
    /// Columns that hold samples or settings, each with its name.
    measured: Vec<usize>,
}

impl Columns {
    fn of(header: &StringRecord, wanted: &Wanted, notes: &mut Vec<String>) -> Self {
        let mut names: Vec<String> = names_of(header).collect();
        let layout_of = |names: &[String]| Layout::of(&names.iter().map(String::as_str).collect::<Vec<_>>(), wanted);
        let mut layout = layout_of(&names);
        // A data frame of what was recorded each epoch, as Keras' histories are kept, numbers its rows.
        let is_counted = layout.step.or(layout.epoch).is_some() || wanted.step_column.is_some();
        if !is_counted && names.first().is_some_and(|name| UNNAMED.contains(&name.as_str())) {
            EPOCH[0].clone_into(&mut names[0]);
            layout = layout_of(&names);
            notes.push("its first column has no name: it is taken for the epochs".to_owned());
        }
        let mut measured = Vec::new();
        for (column, name) in names.iter().enumerate() {
            // What spreadsheets and data frames number their rows with has no name.
            if layout.is_structure(column) || name.is_empty() {
                continue;
            }
            if names[..column].contains(name) {
                let note = format!("its header has '{name}' more than once: the first of these columns is read");
                if !notes.contains(&note) {
                    notes.push(note);
                }
                continue;
            }
            measured.push(column);
        }
        Self { names, layout, measured }
    }

    /// Is the row the names of columns, as loggers append them when they start again or have something new to log?
    fn is_header(&self, record: &StringRecord) -> bool {
        let counted = [self.layout.step, self.layout.epoch].into_iter().flatten();
        let mut counted = counted.map(|column| self.names[column].as_str());
        let known = record.iter().filter(|field| self.names.iter().any(|name| name == field.trim())).count();
        // A new column may be called after a number.
        let is_word = |field: &str| matches!(meaning(field), Meaning::Word(_));
        counted.all(|name| record.iter().any(|field| field.trim() == name))
            && (2 * known >= self.names.len() || record.iter().all(is_word))
    }
}

/// Reads the table at `path` and hands over its recordings; `base` is what is known of each beforehand.
pub(crate) fn read(
    path: &Path,
    base: Recording,
    wanted: &Wanted,
    limits: &Limits,
    visit: &mut Visit<'_>,
) -> Result<ControlFlow<()>> {
    read_parts(&[Part::whole(path)], base, wanted, limits, visit)
}

/// The same of tables that are `parts` of one.
pub(crate) fn read_parts(
    parts: &[Part<'_>],
    base: Recording,
    wanted: &Wanted,
    limits: &Limits,
    visit: &mut Visit<'_>,
) -> Result<ControlFlow<()>> {
    let mut table = Table::new(base, wanted, limits);
    for part in parts {
        if read_part(part, &mut table, wanted, limits, visit)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(table.finish(visit))
}

/// Reads a table into that of which it is a part.
fn read_part(
    part: &Part<'_>,
    table: &mut Table<'_>,
    wanted: &Wanted,
    limits: &Limits,
    visit: &mut Visit<'_>,
) -> Result<ControlFlow<()>> {
    let path = part.path;
    let place = path.display().to_string();
    let mut rows = Rows::open(path, limits)?;
    let mut record = StringRecord::new();
    let mut notes = Vec::new();
    let (is_empty, remarks) = head(&mut rows, &mut record, wanted)?;
    // One that is followed is yet to get its header.
    if is_empty && !limits.since.is_asked() {
        table.note("it is empty: not even a header");
        return Ok(ControlFlow::Continue(()));
    }
    notes
        .extend((remarks > 0).then(|| format!("{remarks} lines before its header that begin with # were passed over")));
    if record.len() > limits.series {
        return Err(Error::TooLarge {
            place,
            what: "the number of its columns".to_owned(),
            limit: limits.series as u64,
            remedy: "no tracker writes so many: check what the file is",
        });
    }
    let mut columns = Columns::of(&record, wanted, &mut notes);
    let names: Vec<&str> = columns.names.iter().map(String::as_str).collect();
    columns.layout.check(&place, &names, wanted)?;
    let mut marks = Marks::default();
    // A short row may be the last one, still in the writing.
    let mut short: Option<u64> = None;
    // Whoever follows a training cannot have it mended, and what comes after a line that was cut off by a restart is sound.
    let (is_followed, mut damaged) = (limits.since.is_asked(), DamagedLines::default());
    while let Some(line) = rows.next(&mut record)? {
        if let Some(line) = short {
            return Err(wrong_length(&place, line, columns.names.len()));
        }
        if columns.is_header(&record) {
            if !record.iter().map(str::trim).eq(columns.names.iter().map(String::as_str)) {
                columns = Columns::of(&record, wanted, &mut notes);
                limits.since.set_header(path, rows.spell(&record));
                notes.push(format!("another header follows on line {line}: it holds from there on"));
            }
            continue;
        }
        if record.len() != columns.names.len() {
            if is_followed {
                damaged.met(&rows.spell(&record));
                continue;
            }
            if record.len() > columns.names.len() {
                return Err(wrong_length(&place, line, columns.names.len()));
            }
            short = Some(line);
            continue;
        }
        let here = || format!("{place}, line {line}");
        let at = match position(&record, &columns, rows.decimal, here) {
            Err(_) if is_followed => {
                damaged.met(&rows.spell(&record));
                continue;
            }
            at => at?.or_on(part.held_out),
        };
        let run = columns.layout.run.map(|column| record[column].trim());
        if run == Some("") {
            return Err(Error::Damaged {
                place: here(),
                reason: "the row names no run".to_owned(),
                remedy: "fill its run, or choose the column with --run NAME",
            });
        }
        let mut owner = Owner::of(run.map(Cow::Borrowed));
        for column in columns.layout.repetitions.into_iter().flatten() {
            if meaning(&record[column]) != Meaning::Gap {
                owner.repeated(&columns.names[column], record[column].trim());
            }
        }
        let ControlFlow::Continue(mut row) = table.row(&owner, at, visit)? else {
            return Ok(ControlFlow::Break(()));
        };
        let mut number = |text| match meaning(text) {
            Meaning::Number(number) if rows.decimal != Decimal::Comma => Meaning::Number(number),
            Meaning::Gap => Meaning::Gap,
            other => match in_other_marks(text, &rows) {
                Some((number, mark)) => {
                    marks.met(mark);
                    Meaning::Number(number)
                }
                None => other,
            },
        };
        if let Some((metric, value)) = columns.layout.long {
            row.say(record[metric].trim(), number(&record[value]))?;
        }
        for &column in &columns.measured {
            row.say(&columns.names[column], number(&record[column]))?;
        }
    }
    notes.extend(marks.says().map(ToOwned::to_owned));
    notes.extend(damaged.said());
    notes.extend(end_in_words(short, rows.doubtful.as_deref()));
    notes.extend(unpacked::says_cut_off(path));
    for note in notes {
        table.note(note);
    }
    Ok(ControlFlow::Continue(()))
}

/// What is to be said of the end of a table: of a last line that is too short, and of a last value that may be.
fn end_in_words(short: Option<u64>, doubtful: Option<&str>) -> impl Iterator<Item = String> {
    let short = short.map(|line| format!("the last line ({line}) is cut off: left out"));
    let doubtful = doubtful.map(|value| {
        format!("its last line has no end and its last value is short: should '{value}' be cut off, delete the line")
    });
    short.into_iter().chain(doubtful)
}

/// Is the row a remark before the header? What numpy writes there are the names of the columns.
fn is_remark(record: &StringRecord, wanted: &Wanted) -> bool {
    let counts = |name: String| wanted.step_column.as_ref() == Some(&name) || is_count(&name);
    record.get(0).is_some_and(|first| first.trim_start().starts_with('#')) && !names_of(record).any(counts)
}

/// The names in a header, without the sign of a remark before the first.
fn names_of(header: &StringRecord) -> impl Iterator<Item = String> {
    header.iter().enumerate().map(|(column, name)| match name.trim().strip_prefix('#') {
        Some(rest) if column == 0 && !rest.trim().is_empty() => rest.trim().to_owned(),
        _ => name.trim().to_owned(),
    })
}

/// Step and epoch of a row.
fn position(record: &StringRecord, columns: &Columns, decimal: Decimal, here: impl Fn() -> String) -> Result<Position> {
    let count = |column: usize| {
        let text = decimal.plain(record[column].trim());
        step_of(Cell::Text(&text)).ok().flatten()
    };
    let Layout { step, epoch, phase, .. } = columns.layout;
    let at = Position { step: step.and_then(count), epoch: epoch.and_then(count), held_out: None };
    let at = at.in_phase(phase.map(|column| record[column].trim()));
    // Epochs may be fractions, but not where nothing else counts.
    if let Some(column) = step.or(epoch)
        && (if step.is_some() { at.step } else { at.epoch }).is_none()
        && meaning(&record[column]) != Meaning::Gap
    {
        return Err(Error::Damaged {
            place: format!("{}, column '{}'", here(), columns.names[column]),
            reason: format!("'{}' is not a step", shorten(&record[column])),
            remedy: "steps are whole numbers from 0 on; choose the column with --step NAME",
        });
    }
    Ok(at)
}

/// What is peculiar about how a number is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Comma,
    Thousands,
    Percent,
    Nothing,
}

/// What was met of it.
#[derive(Default)]
struct Marks {
    comma: bool,
    thousands: bool,
    percent: bool,
}

impl Marks {
    fn met(&mut self, mark: Mark) {
        self.comma |= mark == Mark::Comma;
        self.thousands |= mark == Mark::Thousands;
        self.percent |= mark == Mark::Percent;
    }

    fn says(&self) -> impl Iterator<Item = &'static str> {
        let said = [
            (self.comma, "its numbers are written with a decimal comma"),
            (self.thousands, "marks between the thousands of its numbers were taken out: 1,234.5 is 1234.5"),
            (self.percent, "numbers of per cent were read as fractions: 30% as 0.3"),
        ];
        said.into_iter().filter_map(|(is_met, says)| is_met.then_some(says))
    }
}

/// A number that is written otherwise than programs do, and how.
fn in_other_marks(text: &str, rows: &Rows<'_>) -> Option<(f64, Mark)> {
    let text = text.trim();
    let number = |text: &str| text.parse::<f64>().ok();
    if let Some(number) = number(&rows.decimal.plain(text)) {
        let mark = match rows.decimal {
            Decimal::Comma if text.contains(',') => Mark::Comma,
            _ if text.contains([',', '.']) => Mark::Thousands,
            _ => Mark::Nothing,
        };
        return Some((number, mark));
    }
    if rows.decimal_comma
        && let Some((whole, rest)) = text.split_once(',')
        && whole.trim_start_matches(['+', '-']).bytes().all(|byte| byte.is_ascii_digit())
        && let Some(number) = number(&format!("{whole}.{rest}")).filter(|_| !whole.is_empty())
    {
        return Some((number, Mark::Comma));
    }
    let percent = text.strip_suffix('%').map(str::trim_end)?;
    Some((number(&rows.decimal.plain(percent))? / 100.0, Mark::Percent))
}

/// Reads as far as the header, which is left in `record`: whether there is nothing, and the remarks before it.
fn head(rows: &mut Rows<'_>, record: &mut StringRecord, wanted: &Wanted) -> Result<(bool, usize)> {
    let (mut is_empty, mut remarks) = (true, 0);
    while rows.next(record)?.is_some() {
        is_empty = false;
        // Of a line that says what separates the columns, that may have separated it.
        let first = record.get(0).unwrap_or_default().as_bytes();
        if remarks == 0 && (separator(first).is_some() || first.trim_ascii() == SEPARATOR) {
            continue;
        }
        if !is_remark(record, wanted) {
            break;
        }
        remarks += 1;
    }
    Ok((is_empty, remarks))
}

fn wrong_length(place: &str, line: u64, columns: usize) -> Error {
    Error::Damaged {
        place: format!("{place}, line {line}"),
        reason: format!("not as many fields as the {columns} columns"),
        remedy: "the file is damaged: correct or delete the line",
    }
}
