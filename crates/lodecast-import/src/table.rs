//! Rows of a table put together into recordings: one of the whole table, or one for each value of its run column.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::ControlFlow;

use crate::error::{Error, Result};
use crate::format::{Outcome, Visit, Wanted};
use crate::limits::Limits;
use crate::recording::Recording;
use crate::text_number::Meaning;

/// Usual names of the column that names the run, in lower case.
const RUN: [&str; 7] = ["run_id", "run", "runid", "run_name", "run_uuid", "trial_id", "trial"];
/// Usual names of the column that counts the steps, the likeliest first.
const STEP: [&str; 13] = [
    "step",
    "global_step",
    "steps",
    "iteration",
    "iter",
    "_step",
    "train_step",
    "trainer/global_step",
    "training_iteration",
    "iterations",
    "num_updates",
    "update",
    "current_step",
];
/// Names of the column that counts epochs: the steps, where there is nothing finer.
const EPOCH: [&str; 3] = ["epoch", "epochs", "_epoch"];

/// Which column counts the steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StepColumn {
    pub(crate) index: usize,
    pub(crate) is_epoch: bool,
}

/// The column among `names` that counts the steps: the one asked for, or a usual one, or the epochs.
pub(crate) fn step_column(names: &[&str], wanted: &Wanted) -> Option<StepColumn> {
    let position = |usual: &str| names.iter().position(|name| name.trim().eq_ignore_ascii_case(usual));
    if let Some(asked) = &wanted.step_column {
        let index = names.iter().position(|name| name == asked)?;
        return Some(StepColumn { index, is_epoch: EPOCH.contains(&asked.to_lowercase().as_str()) });
    }
    let find = |usual: &[&str], is_epoch| {
        usual.iter().find_map(|usual| position(usual)).map(|index| StepColumn { index, is_epoch })
    };
    find(&STEP, false).or_else(|| find(&EPOCH, true))
}

/// The column among `names` that names the run.
pub(crate) fn run_column(names: &[&str], wanted: &Wanted) -> Option<usize> {
    match &wanted.run_column {
        Some(asked) => names.iter().position(|name| name == asked && !asked.is_empty()),
        None => RUN.iter().find_map(|usual| names.iter().position(|name| name.trim().eq_ignore_ascii_case(usual))),
    }
}

/// The same wishes for a table that is one run, whatever its columns are called.
pub(crate) fn of_one_run(wanted: &Wanted) -> Wanted {
    Wanted { run_column: Some(String::new()), ..wanted.clone() }
}

/// The column that names the run, or an error if one was asked for that is not there.
pub(crate) fn check_run_column(place: &str, names: &[&str], wanted: &Wanted) -> Result<Option<usize>> {
    let column = run_column(names, wanted);
    match &wanted.run_column {
        Some(asked) if column.is_none() && !asked.is_empty() => Err(Error::Undecided {
            place: place.to_owned(),
            question: format!("no column '{asked}' to name the run; the columns are: {}", names.join(", ")),
            remedy: "correct --run".to_owned(),
        }),
        _ => Ok(column),
    }
}

/// The error of a table without steps.
pub(crate) fn no_steps(place: &str, names: &[&str], wanted: &Wanted) -> Error {
    let what = match &wanted.step_column {
        Some(asked) => format!("no column '{asked}' to count the steps"),
        None => "no column counts the steps".to_owned(),
    };
    let names = names.iter().take(40).copied().collect::<Vec<_>>().join(", ");
    Error::Undecided {
        place: place.to_owned(),
        question: format!("{what}; the columns are: {names}"),
        remedy: "name it with --step NAME".to_owned(),
    }
}

/// What a column has said so far, if it has always said the same.
#[derive(Clone, Debug, PartialEq)]
enum Constant {
    Number(f64),
    Word(String),
    Varies,
}

/// What is known of a column of one run.
struct Column {
    /// What it said in all rows so far, and in how many.
    constant: Constant,
    rows: u64,
    /// Are its numbers asked for? Decided once, for the answer may depend on the words in its name.
    wanted: bool,
}

/// A recording in the making.
struct Draft {
    recording: Recording,
    rows: u64,
    columns: BTreeMap<String, Column>,
    without_step: u64,
}

/// Recordings in the making.
pub(crate) struct Table<'a> {
    wanted: &'a Wanted,
    limits: &'a Limits,
    /// Id of the run of rows that name none, and where they come from.
    id: String,
    place: String,
    drafts: Vec<Draft>,
    index: HashMap<String, usize>,
    latest: usize,
    /// Runs handed over because the others needed their place.
    closed: HashSet<String>,
    samples: usize,
    /// Settings and the like that all recordings of the table share.
    base: Recording,
}

impl<'a> Table<'a> {
    /// No rows yet; `base` has the id of a run that is not named, the source, and what holds for all runs of the table.
    pub(crate) fn new(base: Recording, wanted: &'a Wanted, limits: &'a Limits) -> Self {
        Self {
            wanted,
            limits,
            id: base.id.clone(),
            place: base.source.clone(),
            drafts: Vec::new(),
            index: HashMap::new(),
            latest: 0,
            closed: HashSet::new(),
            samples: 0,
            base,
        }
    }

    /// The row of run `run`, or of the table's only one, to be filled.
    pub(crate) fn row(&mut self, run: Option<&str>, visit: &mut Visit<'_>) -> Result<ControlFlow<(), Row<'_>>> {
        self.limits.stop.check()?;
        if self.samples >= self.limits.samples && self.make_room(visit)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        let id = run.unwrap_or(&self.id);
        if self.drafts.get(self.latest).is_none_or(|draft| draft.recording.id != id) {
            self.latest = match self.index.get(id) {
                Some(&draft) => draft,
                None => self.open(id.to_owned())?,
            };
        }
        let draft = &mut self.drafts[self.latest];
        draft.rows += 1;
        Ok(ControlFlow::Continue(Row { draft, wanted: self.wanted, limits: self.limits, samples: &mut self.samples }))
    }

    /// Notes something about every run of the table.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        for draft in &mut self.drafts {
            draft.recording.notes.push(note.clone());
        }
        self.base.notes.push(note);
    }

    /// Hands over what has been read.
    pub(crate) fn finish(self, visit: &mut Visit<'_>) -> ControlFlow<()> {
        if self.drafts.is_empty() && self.closed.is_empty() {
            let reason = std::iter::once("it has no rows").chain(self.base.notes.iter().map(String::as_str));
            return visit(Outcome::skipped(self.id, reason.collect::<Vec<_>>().join("; ")));
        }
        self.drafts.into_iter().try_for_each(|draft| visit(draft.finish()))
    }

    fn open(&mut self, id: String) -> Result<usize> {
        if self.closed.contains(&id) {
            return Err(Error::TooLarge {
                place: self.place.clone(),
                what: format!("the number of points between two rows of run '{id}'"),
                limit: self.limits.samples as u64,
                remedy: "sort the table by run, so that each can be read by itself",
            });
        }
        if id.len() > self.limits.text_bytes {
            return Err(Error::TooLarge {
                place: self.place.clone(),
                what: "the length of a run's name".to_owned(),
                limit: self.limits.text_bytes as u64,
                remedy: "choose another column with --run NAME",
            });
        }
        let mut recording = self.base.clone();
        recording.id.clone_from(&id);
        // A draft without samples takes memory too.
        self.samples += 16;
        self.index.insert(id, self.drafts.len());
        self.drafts.push(Draft { recording, rows: 0, columns: BTreeMap::new(), without_step: 0 });
        Ok(self.drafts.len() - 1)
    }

    /// Hands over all runs but the latest: most tables have the rows of a run together.
    fn make_room(&mut self, visit: &mut Visit<'_>) -> Result<ControlFlow<()>> {
        if self.drafts.len() < 2 {
            return Err(Error::TooLarge {
                place: self.place.clone(),
                what: "the number of its points".to_owned(),
                limit: self.limits.samples as u64,
                remedy: "choose fewer columns, or split the file",
            });
        }
        let latest = self.drafts.swap_remove(self.latest);
        // The order of the drafts is that of the table; swapping has put the last one in another's place.
        let mut rest = std::mem::take(&mut self.drafts);
        if self.latest < rest.len() {
            let moved = rest.remove(self.latest);
            rest.push(moved);
        }
        self.index.clear();
        self.index.insert(latest.recording.id.clone(), 0);
        self.samples = latest.recording.samples() + 16;
        self.drafts.push(latest);
        self.latest = 0;
        for draft in rest {
            self.closed.insert(draft.recording.id.clone());
            if visit(draft.finish()).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// A row to be filled.
pub(crate) struct Row<'t> {
    draft: &'t mut Draft,
    wanted: &'t Wanted,
    limits: &'t Limits,
    samples: &'t mut usize,
}

impl Row<'_> {
    /// The recording of the row.
    pub(crate) fn recording(&mut self) -> &mut Recording {
        &mut self.draft.recording
    }

    /// The row has values but no step.
    pub(crate) fn without_step(&mut self) {
        self.draft.without_step += 1;
    }

    /// What column `name` says at `step`, if the row has one. A number without a step is no sample.
    pub(crate) fn say(&mut self, name: &str, meaning: Meaning<'_>, step: Option<u64>) -> Result<()> {
        match (meaning, step) {
            (Meaning::Number(value), Some(step)) => self.number(name, step, value),
            (Meaning::Word(word), _) => {
                self.word(name, word);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A number in column `name`.
    fn number(&mut self, name: &str, step: u64, value: f64) -> Result<()> {
        let wanted = self.column(
            name,
            |known| matches!(known, Constant::Number(first) if *first == value),
            || Constant::Number(value),
        );
        if !wanted {
            return Ok(());
        }
        let recording = &mut self.draft.recording;
        if recording.series.len() >= self.limits.series && !recording.series.contains_key(name) {
            return Err(Error::TooLarge {
                place: recording.source.clone(),
                what: "the number of its series".to_owned(),
                limit: self.limits.series as u64,
                remedy: "no tracker writes so many: check what the file is",
            });
        }
        recording.push(name, step, value);
        *self.samples += 1;
        Ok(())
    }

    /// A text in column `name`.
    fn word(&mut self, name: &str, word: &str) {
        if word.len() <= self.limits.text_bytes {
            self.column(
                name,
                |known| matches!(known, Constant::Word(first) if first == word),
                || Constant::Word(word.to_owned()),
            );
        }
    }

    /// Takes down what column `name` says in this row, and tells whether its numbers are asked for.
    fn column(&mut self, name: &str, same: impl FnOnce(&Constant) -> bool, new: impl FnOnce() -> Constant) -> bool {
        if let Some(column) = self.draft.columns.get_mut(name) {
            column.rows += 1;
            if !same(&column.constant) {
                column.constant = Constant::Varies;
            }
            return column.wanted;
        }
        let wanted = self.wanted.wants(name);
        if self.draft.columns.len() < self.limits.settings {
            self.draft.columns.insert(name.to_owned(), Column { constant: new(), rows: 1, wanted });
        }
        wanted
    }
}

impl Draft {
    /// The recording: columns that say the same in every row are settings too.
    fn finish(mut self) -> Outcome {
        let recording = &mut self.recording;
        for (name, column) in self.columns {
            let text = match column.constant {
                Constant::Number(value) if column.rows == self.rows && self.rows > 1 => value.to_string(),
                Constant::Word(word) => word,
                _ => continue,
            };
            recording.settings.entry(name).or_insert(text);
        }
        if self.without_step > 0 {
            recording.notes.push(format!("{} rows without a step were left out", self.without_step));
        }
        let mut gaps = Vec::new();
        for (name, series) in &mut recording.series {
            if series.attempts.is_empty() && crate::gaps::drop_gaps(series) {
                gaps.push(name.as_str());
            }
        }
        if !gaps.is_empty() {
            recording.notes.push(format!("NaN means not measured in: {}", gaps.join(", ")));
        }
        Outcome::Recording(self.recording)
    }
}
