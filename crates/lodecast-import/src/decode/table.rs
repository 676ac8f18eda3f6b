//! Rows of a table put together into recordings: one of the whole table, or one for each value of its run column.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::ControlFlow;

use crate::decode::text_number::Meaning;
use crate::error::{Error, Result};
use crate::format::{Outcome, Visit, Wanted};
use crate::limits::Limits;
use crate::names::{BATCH, EPOCH, EXPERIMENT, METRIC, RUN_ID, STEP, VALUE};
use crate::recording::Recording;
use crate::recording::recorder::Recorder;

/// Which columns of a table are no metrics but say where the others belong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Layout {
    /// The run's name.
    pub(crate) run: Option<usize>,
    /// The optimizer steps.
    pub(crate) step: Option<usize>,
    /// The epoch.
    pub(crate) epoch: Option<usize>,
    /// In a table with a row a sample: the metric's name and its value.
    pub(crate) long: Option<(usize, usize)>,
}

impl Layout {
    /// The layout of a table with columns of these names. What was asked for by name goes before what is usual.
    pub(crate) fn of(names: &[&str], wanted: &Wanted) -> Self {
        let position = |usual: &[&str]| {
            usual.iter().find_map(|usual| names.iter().position(|name| name.trim().eq_ignore_ascii_case(usual)))
        };
        let step = match &wanted.step_column {
            Some(asked) => names.iter().position(|name| name == asked),
            None => position(STEP),
        };
        let long = position(METRIC).zip(position(VALUE)).filter(|_| names.len() <= LONG);
        let run = match &wanted.run_column {
            Some(asked) => names.iter().position(|name| name == asked && !asked.is_empty()),
            // In a table with a row a sample something has to tell the runs apart.
            None => position(RUN_ID).or_else(|| long.and_then(|_| position(EXPERIMENT))),
        };
        let epoch = position(EPOCH);
        // Batches that each epoch counts anew are counted on.
        let batch = || epoch.filter(|_| wanted.step_column.is_none()).and_then(|_| position(BATCH));
        let step = step.or_else(batch);
        let is_epoch = wanted.step_column.as_ref().is_some_and(|asked| EPOCH.contains(&asked.to_lowercase().as_str()));
        let step = step.filter(|_| !is_epoch);
        Self { run, step, epoch, long }
    }

    /// Does the column `column` hold neither a metric nor a setting?
    pub(crate) fn is_structure(&self, column: usize) -> bool {
        let of_long = self.long.is_some_and(|(metric, value)| metric == column || value == column);
        of_long || Some(column) == self.run || Some(column) == self.step
    }

    /// Checks that the columns asked for are there, and that something counts steps or epochs.
    ///
    /// # Errors
    /// If not; the message lists the columns.
    pub(crate) fn check(&self, place: &str, names: &[&str], wanted: &Wanted) -> Result<()> {
        if let Some(asked) = wanted.run_column.as_ref().filter(|asked| !asked.is_empty() && self.run.is_none()) {
            return Err(Error::Undecided {
                place: place.to_owned(),
                question: format!("no column '{asked}' to name the run; the columns are: {}", names.join(", ")),
                remedy: "correct --run".to_owned(),
            });
        }
        let found = match &wanted.step_column {
            Some(asked) => names.iter().any(|name| name == asked),
            None => self.step.or(self.epoch).is_some(),
        };
        if found { Ok(()) } else { Err(no_steps(place, names, wanted)) }
    }
}

/// Columns that a table with a row a sample has at most: run, metric, step, epoch, value, and some of its circumstances.
const LONG: usize = 12;

/// The same wishes for a table that is one run, whatever its columns are called.
pub(crate) fn of_one_run(wanted: &Wanted) -> Wanted {
    Wanted { run_column: Some(String::new()), ..wanted.clone() }
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

/// Where a row belongs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Position {
    pub(crate) step: Option<u64>,
    /// The epoch, where it is whole.
    pub(crate) epoch: Option<u64>,
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
    /// Has it been asked where its numbers go, and where is that: nowhere if they are not wanted.
    asked: bool,
    place: Option<usize>,
}

/// A recording in the making.
struct Draft<'a> {
    recorder: Recorder<'a>,
    rows: u64,
    columns: HashMap<String, Column>,
    without_step: u64,
    /// Rows before the first sample, which hold settings if they have no step.
    before: bool,
}

/// Recordings in the making.
pub(crate) struct Table<'a> {
    wanted: &'a Wanted,
    limits: &'a Limits,
    /// Settings and the like that all recordings of the table share, and the id of the run of rows that name none.
    base: Recording,
    drafts: Vec<Draft<'a>>,
    index: HashMap<String, usize>,
    latest: usize,
    /// Runs handed over because the others needed their place.
    closed: HashSet<String>,
    samples: usize,
}

impl<'a> Table<'a> {
    /// No rows yet; `base` has the id of a run that is not named, the source, and what holds for all runs of the table.
    pub(crate) fn new(base: Recording, wanted: &'a Wanted, limits: &'a Limits) -> Self {
        Self {
            wanted,
            limits,
            base,
            drafts: Vec::new(),
            index: HashMap::new(),
            latest: 0,
            closed: HashSet::new(),
            samples: 0,
        }
    }

    /// The row of run `run`, or of the table's only one, to be filled.
    pub(crate) fn row(
        &mut self,
        run: Option<&str>,
        at: Position,
        visit: &mut Visit<'_>,
    ) -> Result<ControlFlow<(), Row<'_, 'a>>> {
        self.limits.stop.check()?;
        if self.samples >= self.limits.samples && self.make_room(visit)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        let id = run.unwrap_or(&self.base.id);
        if self.drafts.get(self.latest).is_none_or(|draft| draft.recorder.id() != id) {
            self.latest = match self.index.get(id) {
                Some(&draft) => draft,
                None => self.open(id.to_owned())?,
            };
        }
        let draft = &mut self.drafts[self.latest];
        draft.recorder.next_moment();
        let is_sample = at.step.or(at.epoch).is_some();
        if is_sample || !draft.before {
            draft.before = false;
            draft.rows += 1;
            draft.without_step += u64::from(!is_sample);
        }
        Ok(ControlFlow::Continue(Row { draft, at, limits: self.limits, samples: &mut self.samples }))
    }

    /// Notes something about every run of the table.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        for draft in &mut self.drafts {
            draft.recorder.note(note.clone());
        }
        self.base.notes.push(note);
    }

    /// Hands over what has been read.
    pub(crate) fn finish(self, visit: &mut Visit<'_>) -> ControlFlow<()> {
        if self.drafts.is_empty() && self.closed.is_empty() {
            let reason = std::iter::once("it has no rows").chain(self.base.notes.iter().map(String::as_str));
            return visit(Outcome::nothing(self.base.id.clone(), reason.collect::<Vec<_>>().join("; ")));
        }
        self.drafts.into_iter().try_for_each(|draft| visit(draft.finish()))
    }

    fn open(&mut self, id: String) -> Result<usize> {
        let too_large = |what: String, limit: usize, remedy| {
            Err(Error::TooLarge { place: self.base.source.clone(), what, limit: limit as u64, remedy })
        };
        if self.closed.contains(&id) {
            let what = format!("the number of points between two rows of run '{id}'");
            return too_large(what, self.limits.samples, "sort the table by run, so that each can be read by itself");
        }
        if id.len() > self.limits.text_bytes {
            let what = "the length of a run's name".to_owned();
            return too_large(what, self.limits.text_bytes, "choose another column with --run NAME");
        }
        // A draft without samples takes memory too.
        self.samples += 16;
        self.index.insert(id.clone(), self.drafts.len());
        let base = Recording { id, ..self.base.clone() };
        let recorder = Recorder::of_table(base, self.wanted, self.limits);
        self.drafts.push(Draft { recorder, rows: 0, columns: HashMap::new(), without_step: 0, before: true });
        Ok(self.drafts.len() - 1)
    }

    /// Hands over all runs but the latest: most tables have the rows of a run together.
    fn make_room(&mut self, visit: &mut Visit<'_>) -> Result<ControlFlow<()>> {
        if self.drafts.len() < 2 {
            return Err(Error::TooLarge {
                place: self.base.source.clone(),
                what: "the number of its points".to_owned(),
                limit: self.limits.samples as u64,
                remedy: "name the series with --loss, --lr and --val, so that no others are read, or split the file",
            });
        }
        let mut rest = std::mem::take(&mut self.drafts);
        let latest = rest.remove(self.latest);
        self.index.clear();
        self.index.insert(latest.recorder.id().to_owned(), 0);
        self.samples = latest.recorder.samples() + 16;
        self.drafts.push(latest);
        self.latest = 0;
        for draft in rest {
            self.closed.insert(draft.recorder.id().to_owned());
            if visit(draft.finish()).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// A row to be filled.
pub(crate) struct Row<'t, 'a> {
    draft: &'t mut Draft<'a>,
    at: Position,
    limits: &'t Limits,
    samples: &'t mut usize,
}

impl Row<'_, '_> {
    /// What is known of the row's run.
    pub(crate) fn recording(&mut self) -> &mut Recording {
        self.draft.recorder.recording()
    }

    /// What column `name` says in the row. A number without a step is no sample; before the first sample it is a setting.
    pub(crate) fn say(&mut self, name: &str, meaning: Meaning<'_>) -> Result<()> {
        match meaning {
            Meaning::Gap => Ok(()),
            Meaning::Number(value) => self.number(name, value),
            Meaning::Word(word) => {
                self.word(name, word);
                Ok(())
            }
        }
    }

    /// A number in column `name`.
    fn number(&mut self, name: &str, value: f64) -> Result<()> {
        if self.draft.before {
            return self.draft.recorder.set(name, value.to_string());
        }
        if self.at.step.or(self.at.epoch).is_none() {
            return Ok(());
        }
        self.take_down(
            name,
            |known| matches!(known, Constant::Number(first) if *first == value),
            || Constant::Number(value),
        );
        let Draft { recorder, columns, .. } = &mut *self.draft;
        let place = match columns.get_mut(name) {
            Some(Column { asked: true, place, .. }) => *place,
            column => {
                let place = recorder.place(name)?;
                if let Some(column) = column {
                    (column.asked, column.place) = (true, place);
                }
                place
            }
        };
        let Some(place) = place else { return Ok(()) };
        let before = recorder.samples();
        match (self.at.step, self.at.epoch) {
            (Some(step), _) => recorder.push(place, i64::try_from(step).unwrap_or(i64::MAX), value)?,
            (None, Some(epoch)) => recorder.push_at_epoch(place, epoch, value)?,
            (None, None) => {}
        }
        *self.samples = (*self.samples + recorder.samples()).saturating_sub(before);
        Ok(())
    }

    /// A text in column `name`.
    fn word(&mut self, name: &str, word: &str) {
        if word.len() <= self.limits.text_bytes {
            self.take_down(
                name,
                |known| matches!(known, Constant::Word(first) if first == word),
                || Constant::Word(word.to_owned()),
            );
        }
    }

    /// Takes down what column `name` says in this row.
    fn take_down(&mut self, name: &str, same: impl FnOnce(&Constant) -> bool, new: impl FnOnce() -> Constant) {
        if let Some(column) = self.draft.columns.get_mut(name) {
            column.rows += 1;
            if !same(&column.constant) {
                column.constant = Constant::Varies;
            }
        } else if self.draft.columns.len() < self.limits.settings {
            self.draft.columns.insert(name.to_owned(), Column { constant: new(), rows: 1, asked: false, place: None });
        }
    }
}

impl Draft<'_> {
    /// The recording: columns that say the same in every row are settings too.
    fn finish(mut self) -> Outcome {
        let recording = self.recorder.recording();
        let columns: BTreeMap<String, Column> = self.columns.into_iter().collect();
        for (name, column) in columns {
            match column.constant {
                // Of a single row nobody knows what stays the same: other runs may tell.
                Constant::Number(value) if self.rows == 1 => {
                    recording.only_row.insert(name, value.to_string());
                }
                Constant::Number(value) if column.rows == self.rows => {
                    recording.settings.entry(name).or_insert(value.to_string());
                }
                Constant::Word(word) => {
                    recording.settings.entry(name).or_insert(word);
                }
                Constant::Number(_) | Constant::Varies => {
                    recording.measured.insert(name);
                }
            }
        }
        if self.without_step > 0 {
            self.recorder.note(format!("{} rows without a step were left out", self.without_step));
        }
        self.recorder.finish("it has no samples")
    }
}
