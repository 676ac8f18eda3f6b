//! Rows of a table put together into recordings: one of the whole table, or one for each value of its run column.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::ControlFlow;

use lodecast_sweep_file::{Cell, Mismatch};

use crate::decode::text::shorten;
use crate::decode::text_number::{Meaning, numbers};
use crate::error::{Error, Result};
use crate::format::{Outcome, Visit, Wanted};
use crate::limits::Limits;
use crate::names::{
    BATCH, EPOCH, EXPERIMENT, METRIC, PHASE, REPETITION, RUN_ID, STEP, VALUE, held_out, is_of_data, is_training,
    loss_rank, rate_rank, validation_rank,
};
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
    /// What the row is about: training, or the evaluation on data that is not trained on.
    pub(crate) phase: Option<usize>,
    /// Which of several repetitions the row is of, where nothing names the run.
    pub(crate) repetition: Option<usize>,
}

impl Layout {
    /// The layout of a table with columns of these names. What was asked for by name goes before what is usual.
    pub(crate) fn of(names: &[&str], wanted: &Wanted) -> Self {
        let position = |usual: &[&str]| {
            usual.iter().find_map(|usual| names.iter().position(|name| name.trim().eq_ignore_ascii_case(usual)))
        };
        let step = match &wanted.step_column {
            Some(asked) => names.iter().position(|name| name == asked),
            None => position(STEP).or_else(|| only_within(names, STEP)),
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
        let repetition = run.is_none().then(|| position(REPETITION)).flatten().filter(|_| wanted.run_column.is_none());
        let phase = position(PHASE).filter(|column| Some(*column) != run);
        Self { run, step, epoch, long, phase, repetition }
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

/// The only column that is called like one of these within a group: `progress/step`. Of several, none; and `config/steps` is how many
/// there are to be.
fn only_within(names: &[&str], usual: &[&str]) -> Option<usize> {
    let is_usual = |name: &str| {
        let within = name.trim().rsplit_once(['/', '.']).map(|(_, within)| within);
        let is =
            |usual: &&str| !usual.ends_with('s') && within.is_some_and(|within| within.eq_ignore_ascii_case(usual));
        usual.iter().any(is)
    };
    let mut found = (0..names.len()).filter(|&column| is_usual(names[column]));
    found.next().filter(|_| found.next().is_none())
}

/// Phases that are named.
const MOST_PHASES: usize = 4;
/// Words in the names of columns that change where one and the same run was taken up again.
const OF_ONE_RUN: [&str; 14] = [
    "attempt", "restart", "resum", "session", "epoch", "batch", "time", "date", "phase", "split", "mode", "stage",
    "job", "host",
];

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
    /// What its metrics were measured on, where that is said and is not what is trained on.
    pub(crate) held_out: Option<&'static str>,
}

/// The step or epoch that a cell says.
///
/// # Errors
/// If it says something else.
pub(crate) fn step_of(cell: Cell<'_>) -> std::result::Result<Option<u64>, Mismatch> {
    // No training takes more, and what is put down there instead would fall together.
    match cell.count()? {
        Some(step) if i64::try_from(step).is_err() => Err(Mismatch),
        step => Ok(step),
    }
}

impl Position {
    /// The row of an evaluation, if `phase` says so.
    pub(crate) fn in_phase(self, phase: Option<&str>) -> Self {
        Self { held_out: phase.and_then(held_out), ..self }
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
    /// In how many rows it said what is no number, and what that was first.
    words: u64,
    word: String,
    /// In a table of one run: what it said last and in which block, in how many blocks it said something else than before, and whether it
    /// kept to one value in each.
    last: Constant,
    block: u64,
    changes: u64,
    keeps: bool,
    /// Has it been asked where its numbers go, and where is that: nowhere if they are not wanted.
    asked: bool,
    place: Option<usize>,
}

impl Column {
    /// What is said of texts where numbers are due.
    fn note_of_words(&self, name: &str) -> Option<String> {
        let Self { words, word, .. } = self;
        let is_due = || loss_rank(name).or(rate_rank(name)).or(validation_rank(name)).is_some();
        match (*words, self.asked) {
            (0, _) => None,
            (_, true) => self.place.map(|_| format!("'{name}' says no number in {words} rows, '{word}' for one")),
            (_, false) if self.constant == Constant::Varies && numbers(word).is_none() && is_due() => {
                Some(format!("'{name}' says no numbers but texts like '{word}'"))
            }
            _ => None,
        }
    }
}

/// A recording in the making.
struct Draft<'a> {
    recorder: Recorder<'a>,
    rows: u64,
    /// How often the steps began anew, and the last of them.
    blocks: u64,
    last_step: Option<u64>,
    columns: HashMap<String, Column>,
    /// Phases of which nobody knows whether they are training, and whether there are others.
    unknown_phases: BTreeSet<String>,
    knows_phases: bool,
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
    /// The column that tells repetitions apart, in a table that names no runs.
    repetition: Option<String>,
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
            repetition: None,
        }
    }

    /// The id of the run that is repetition `value` by `column`.
    pub(crate) fn repetition(&mut self, column: &str, value: &str) -> String {
        if self.repetition.is_none() {
            self.repetition = Some(column.to_owned());
        }
        format!("{} {column} {value}", self.base.id)
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
        // A row that names no repetition belongs to the one at hand.
        let at_hand = self.drafts.get(self.latest).filter(|_| run.is_none() && self.repetition.is_some());
        let id = run.or(at_hand.map(|draft| draft.recorder.id())).unwrap_or(&self.base.id);
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
            if at.held_out.is_none()
                && let Some(step) = at.step.or(at.epoch)
            {
                draft.blocks += u64::from(draft.last_step.is_some_and(|last| step < last));
                draft.last_step = Some(step);
            }
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
    pub(crate) fn finish(mut self, visit: &mut Visit<'_>) -> ControlFlow<()> {
        if self.drafts.is_empty() && self.closed.is_empty() {
            let reason = std::iter::once("it has no rows").chain(self.base.notes.iter().map(String::as_str));
            return visit(Outcome::nothing(self.base.id.clone(), reason.collect::<Vec<_>>().join("; ")));
        }
        if let Some(column) = &self.repetition
            && self.closed.is_empty()
        {
            if let [draft] = self.drafts.as_mut_slice() {
                draft.recorder.rename(&self.base.id);
            } else if self.drafts.iter().all(|draft| draft.rows < 2) {
                let reason = format!("'{column}' is another in each row: name the column of the run with --run NAME");
                return visit(Outcome::nothing(self.base.id.clone(), reason));
            } else {
                let runs = self.drafts.len();
                for draft in &mut self.drafts {
                    draft.recorder.note(format!("its table has the rows of {runs} runs, told apart by '{column}'"));
                }
            }
        }
        let named = self.names_runs();
        self.drafts.into_iter().try_for_each(|draft| visit(draft.finish(named)))
    }

    /// Do the rows say whose they are, by a column of their own or one that was asked for?
    fn names_runs(&self) -> bool {
        self.wanted.run_column.is_some() || !self.index.contains_key(&self.base.id) || self.drafts.len() > 1
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
        self.drafts.push(Draft {
            recorder,
            rows: 0,
            blocks: 0,
            last_step: None,
            columns: HashMap::new(),
            unknown_phases: BTreeSet::new(),
            knows_phases: false,
            without_step: 0,
            before: true,
        });
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
            if visit(draft.finish(true)).is_break() {
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

impl Column {
    /// Takes down what it says in this row of the `block`.
    fn follow(&mut self, block: u64, same: impl FnOnce(&Constant) -> bool, new: impl FnOnce() -> Constant) {
        if !self.keeps {
            return;
        }
        let is_same = same(&self.last);
        if self.block == block {
            self.keeps = is_same;
            return;
        }
        self.block = block;
        if !is_same {
            self.changes += 1;
            self.last = new();
        }
    }
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
                let is_rate = !self.draft.before && rate_rank(name).is_some();
                match is_rate.then(|| numbers(word)).flatten() {
                    Some(rates) => self.list(name, &rates),
                    None => Ok(()),
                }
            }
        }
    }

    /// A list of numbers: the rates of parameter groups, or a single number in a list. Of others nobody knows what they are.
    pub(crate) fn list(&mut self, name: &str, numbers: &[f64]) -> Result<()> {
        match numbers {
            [number] => self.number(name, *number),
            _ if self.draft.before || rate_rank(name).is_none() => Ok(()),
            _ => (0..).zip(numbers).try_for_each(|(group, &rate)| self.number(&format!("{name}/{group}"), rate)),
        }
    }

    /// Is the row one before the first sample, which holds settings?
    pub(crate) fn holds_settings(&self) -> bool {
        self.draft.before
    }

    /// A number in column `name`.
    fn number(&mut self, name: &str, value: f64) -> Result<()> {
        if self.draft.before {
            return self.draft.recorder.set(name, value.to_string());
        }
        // A setting stands in rows without a step, too.
        self.take_down(
            name,
            |known| matches!(known, Constant::Number(first) if *first == value),
            || Constant::Number(value),
        );
        if self.at.step.or(self.at.epoch).is_none() {
            return Ok(());
        }
        // A rate beside an evaluation is that of the training.
        let of_evaluation = match self.at.held_out {
            Some(_) if rate_rank(name).is_some() => return Ok(()),
            Some(data) if !is_of_data(name) => Some(format!("{data}/{name}")),
            _ => None,
        };
        let name = of_evaluation.as_deref().unwrap_or(name);
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
        if PHASE.iter().any(|phase| name.eq_ignore_ascii_case(phase)) {
            if held_out(word).is_some() || is_training(word) {
                self.draft.knows_phases = true;
            } else if self.draft.unknown_phases.len() < MOST_PHASES {
                self.draft.unknown_phases.insert(shorten(word));
            }
        }
        if let Some(column) = self.draft.columns.get_mut(name) {
            column.words += 1;
            if column.word.is_empty() {
                column.word = shorten(word);
            }
        }
    }

    /// Takes down what column `name` says in this row.
    fn take_down(&mut self, name: &str, same: impl Fn(&Constant) -> bool, new: impl Fn() -> Constant) {
        let block = self.draft.blocks;
        if let Some(column) = self.draft.columns.get_mut(name) {
            column.rows += 1;
            if !same(&column.constant) {
                column.constant = Constant::Varies;
            }
            column.follow(block, same, new);
        } else if self.draft.columns.len() < self.limits.settings {
            let column = Column {
                constant: new(),
                rows: 1,
                words: 0,
                word: String::new(),
                last: new(),
                block,
                changes: 0,
                keeps: true,
                asked: false,
                place: None,
            };
            self.draft.columns.insert(name.to_owned(), column);
        }
    }
}

impl Draft<'_> {
    /// A column that says something else each time that the steps begin anew, and only then: it tells runs apart.
    fn column_of_runs(&self) -> Option<&str> {
        let tells = |(name, column): &(&String, &Column)| {
            let is_measured = loss_rank(name).or(rate_rank(name)).or(validation_rank(name)).is_some();
            let lower = name.to_lowercase();
            let is_of_one_run = OF_ONE_RUN.iter().any(|word| lower.contains(word));
            column.keeps
                && column.changes == self.blocks
                && column.rows == self.rows
                && !(is_measured || is_of_one_run || is_of_data(name))
        };
        let several = self.blocks > 0 && self.rows >= 2 * (self.blocks + 1);
        let columns = self.columns.iter().filter(|_| several);
        columns.filter(tells).map(|(name, _)| name.as_str()).min()
    }

    /// The recording: columns that say the same in every row are settings too.
    fn finish(mut self, names_runs: bool) -> Outcome {
        if let Some(column) = self.column_of_runs().filter(|_| !names_runs) {
            let reason = format!(
                "its steps begin anew {} times, each time with another '{column}': if that tells runs apart, say --run {column}; \
                 of one run that was restarted, take the column away",
                self.blocks
            );
            return Outcome::skipped(self.recorder.id().to_owned(), reason);
        }
        let columns: BTreeMap<String, Column> = self.columns.into_iter().collect();
        for (name, column) in &columns {
            if let Some(note) = column.note_of_words(name) {
                self.recorder.note(note);
            }
        }
        if self.knows_phases && !self.unknown_phases.is_empty() {
            let phases: Vec<String> = self.unknown_phases.iter().map(|phase| format!("'{phase}'")).collect();
            self.recorder.note(format!(
                "rows of the phase {} were taken for training; call it 'val' or 'test' if it is none",
                phases.join(", ")
            ));
        }
        let recording = self.recorder.recording();
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
