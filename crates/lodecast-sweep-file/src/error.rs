//! Everything that can go wrong with a sweep file: where, what was found, and what to do about it.

use std::fmt;
use std::path::PathBuf;

/// A result of reading or writing a sweep file.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A place in a file: a line of CSV and JSON lines (the first is 1), a row of Parquet (the first is 0, as in a data frame).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// What `number` counts.
    pub unit: Unit,
    /// Line or row.
    pub number: u64,
}

/// What the places in a file are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Lines of text, from 1.
    Line,
    /// Rows of a table, from 0.
    Row,
}

impl Unit {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Line => "line",
            Unit::Row => "row",
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} {}", self.path.display(), self.unit.name(), self.number)
    }
}

/// An error of a sweep file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file's ending names none of the formats.
    #[error("{}: cannot tell the format from the ending; name it *.parquet, *.csv or *.jsonl", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// A folder holds none.
    #[error("{}: no sweep files there; they are named *.parquet, *.csv or *.jsonl", folder.display())]
    NoSweepFiles {
        /// The folder.
        folder: PathBuf,
    },
    /// The text is not CSV or not JSON lines.
    #[error("{place}: {reason}; the file is damaged or was cut off: write it again, or delete the line")]
    Syntax {
        /// Where.
        place: Place,
        /// What the parser met.
        reason: String,
    },
    /// The file is not Parquet, or is damaged.
    #[error("{}: {reason}; the file is damaged, cut off or no Parquet file: write it again", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the decoder met, and in which column and row group.
        reason: String,
    },
    /// A Parquet file that is sound but uses something this reader leaves out.
    #[error("{}: {feature} is not supported; {remedy}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What it uses.
        feature: String,
        /// How to write the file so that it can be read.
        remedy: &'static str,
    },
    /// The file announces far more data than a file of its size can hold.
    #[error("{}: {what} is {found}, and no more than {limit} is plausible here; {remedy}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// What is too large.
        what: String,
        /// Its size.
        found: u64,
        /// The largest size accepted.
        limit: u64,
        /// What to do.
        remedy: &'static str,
    },
    /// The record of metrics and run attributes that lodecast writes is damaged or of another version.
    #[error("{place}: the lodecast_sweep record is not usable: {reason}; write the file again, or remove the record")]
    Header {
        /// Where.
        place: Place,
        /// What is wrong with it.
        reason: String,
    },
    /// A column that every sweep file needs is missing.
    #[error("{}: no column for the {what}; name it with {option} NAME; the file has: {}", path.display(), list(found))]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// What the column should hold.
        what: &'static str,
        /// The command-line option that names it.
        option: &'static str,
        /// The columns there are.
        found: Vec<String>,
    },
    /// Several columns could be the one needed.
    #[error("{}: the {what} could be any of: {}; choose one with {option} NAME", path.display(), list(candidates))]
    AmbiguousColumn {
        /// The file.
        path: PathBuf,
        /// What the column should hold.
        what: &'static str,
        /// The command-line option that chooses.
        option: &'static str,
        /// The columns in question.
        candidates: Vec<String>,
    },
    /// A name occurs twice.
    #[error("{}: the column '{column}' occurs twice; rename or remove one", path.display())]
    DuplicateColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
    },
    /// One column was asked for in two roles.
    #[error("{}: the column '{column}' cannot be both the {what} and a validation metric; copy it under another name", path.display())]
    ColumnUsedTwice {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// Its other role.
        what: &'static str,
    },
    /// There are number columns that may be validation metrics, and nothing says which way is better.
    #[error(
        "{}: no validation metric has a direction; say which way is better with --val {}:max (or :min); number columns: {}",
        path.display(), candidates.first().map_or("NAME", String::as_str), list(candidates)
    )]
    MetricDirection {
        /// The file.
        path: PathBuf,
        /// The number columns nobody claimed.
        candidates: Vec<String>,
    },
    /// A validation metric that was asked for is not in the file.
    #[error("{}: no column for the metric '{metric}'; check --val; the file has: {}", path.display(), list(found))]
    MissingMetric {
        /// The file.
        path: PathBuf,
        /// Name asked for.
        metric: String,
        /// The columns there are.
        found: Vec<String>,
    },
    /// The file and the caller disagree about which way a metric is better.
    #[error("{}: the file says '{declared}', but '{asked}' was asked for; correct --val", path.display())]
    DirectionConflict {
        /// The file.
        path: PathBuf,
        /// Metric as in the file.
        declared: String,
        /// Metric as asked for.
        asked: String,
    },
    /// A metric was asked for, or is declared, twice.
    #[error("{}: the metric '{metric}' is named twice; name it once", path.display())]
    DuplicateMetric {
        /// The file.
        path: PathBuf,
        /// Its name.
        metric: String,
    },
    /// A value is not what its column holds.
    #[error("{place}, column '{column}': '{value}' is not {expected}; {remedy}")]
    Value {
        /// Where.
        place: Place,
        /// The column.
        column: String,
        /// The value, shortened if long.
        value: Box<str>,
        /// What was expected.
        expected: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// A column of a type that cannot be what it should hold.
    #[error("{}: the column '{column}' is of type {found}; make it numbers or text, or choose another column", path.display())]
    ColumnType {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// Its type.
        found: String,
    },
    /// Columns of one table differ in length.
    #[error("{}: the column '{column}' has {found} values where the first has {expected}; give equally many", path.display())]
    ColumnLength {
        /// Name of the table.
        path: PathBuf,
        /// The column.
        column: String,
        /// Its length.
        found: usize,
        /// Length of the first column.
        expected: usize,
    },
    /// A row does not say which run it belongs to.
    #[error("{place}: the row names no run; fill its run id, or choose the column with --run NAME")]
    MissingRunId {
        /// Where.
        place: Place,
    },
    /// A row has values but no step.
    #[error("{place}: run '{run}' has values without a step; fill the step, or choose the column with --step NAME")]
    MissingStep {
        /// Where.
        place: Place,
        /// The run.
        run: String,
    },
    /// Two rows of one run and step differ.
    #[error(
        "{place}: run '{run}' has {column} = {second} at step {step}, but {column} = {first} at {unit} {first_at}; \
         keep one of them, or give a restarted run its own id",
        unit = place.unit.name()
    )]
    Conflict {
        /// Where the second value is.
        place: Place,
        /// The run.
        run: String,
        /// The step.
        step: u64,
        /// The column.
        column: Box<str>,
        /// The first value.
        first: f64,
        /// Line or row of the first value.
        first_at: u64,
        /// The second value.
        second: f64,
    },
    /// Two rows of one run give an attribute different values.
    #[error(
        "{place}: run '{run}' has {attribute} = '{second}', but '{first}' before; an attribute holds for a whole run"
    )]
    AttributeConflict {
        /// Where the second value is.
        place: Place,
        /// The run.
        run: String,
        /// The attribute.
        attribute: Box<str>,
        /// The first value.
        first: Box<str>,
        /// The second value.
        second: Box<str>,
    },
    /// One run was asked for, and the file has several.
    #[error("{}: {count} runs where one is wanted ({}, ...); keep one run in the file", path.display(), list(first))]
    SeveralRuns {
        /// The file.
        path: PathBuf,
        /// How many there are.
        count: usize,
        /// The first few.
        first: Vec<String>,
    },
    /// One run was asked for, and the file has none.
    #[error("{}: no rows; a run file needs at least one metric point", path.display())]
    NoRun {
        /// The file.
        path: PathBuf,
    },
    /// The sweep cannot be written so that it would read back equal.
    #[error("cannot write this sweep: {reason}")]
    Unwritable {
        /// What is wrong with the sweep and how to mend it.
        reason: String,
    },
}

/// Names in quotes, the first dozen of them.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 12;
    if names.is_empty() {
        return "no columns".to_owned();
    }
    let text = names.iter().take(SHOWN).map(|name| format!("'{}'", shorten(name))).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        return format!("{text} and {} more", names.len() - SHOWN);
    }
    text
}

/// The start of a text that may be very long, fit for one line of a message.
pub(crate) fn shorten(text: &str) -> String {
    const SHOWN: usize = 60;
    let mut short: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN).is_some() {
        short.push_str("...");
    }
    short
}
