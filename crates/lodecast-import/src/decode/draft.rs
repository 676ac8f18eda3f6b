//! One run of a table in the making: its samples, and what its columns said in all rows alike.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::decode::layout::Position;
use crate::decode::text::shorten;
use crate::decode::text_number::{Meaning, numbers};
use crate::error::Result;
use crate::format::Outcome;
use crate::limits::Limits;
use crate::names::{PHASE, held_out, is_epoch, is_of_data, is_training, loss_rank, rate_rank, validation_rank};
use crate::recording::Recording;
use crate::recording::recorder::Recorder;

/// Phases that are named.
const MOST_PHASES: usize = 4;
/// Words in the names of columns that change where one and the same run was taken up again.
const OF_ONE_RUN: [&str; 14] = [
    "attempt", "restart", "resum", "session", "epoch", "batch", "time", "date", "phase", "split", "mode", "stage",
    "job", "host",
];

/// Columns of phases that may number the parts of the data instead.
const SPLITS: [&str; 5] = ["split", "subset", "partition", "dataset_split", "data_split"];

/// What a column has said so far, if it has always said the same.
#[derive(Clone, Debug, PartialEq)]
enum Constant {
    Number(f64),
    Word(String),
    Varies,
}

/// What is known of a column of one run.
pub(crate) struct Column {
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
pub(crate) struct Draft<'a> {
    pub(crate) recorder: Recorder<'a>,
    /// The run that this is a repetition of, or the run itself.
    pub(crate) repeats: String,
    pub(crate) rows: u64,
    /// How often the steps began anew, and the last of them.
    pub(crate) blocks: u64,
    pub(crate) last_step: Option<u64>,
    pub(crate) epoch: Option<u64>,
    pub(crate) is_at_one_step: bool,
    pub(crate) columns: HashMap<String, Column>,
    /// Phases of which nobody knows whether they are training, and whether there are others.
    pub(crate) unknown_phases: BTreeSet<String>,
    pub(crate) knows_phases: bool,
    pub(crate) without_step: u64,
    /// Rows before the first sample, which hold settings if they have no step.
    pub(crate) before: bool,
}

/// A row to be filled.
pub(crate) struct Row<'t, 'a> {
    pub(crate) draft: &'t mut Draft<'a>,
    pub(crate) at: Position,
    pub(crate) limits: &'t Limits,
    pub(crate) samples: &'t mut usize,
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

    /// Sets a setting of the row's run.
    pub(crate) fn set(&mut self, name: &str, value: String) -> Result<()> {
        self.draft.recorder.set(name, value)
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
            // A split that has a number is no phase, but one of several.
            let is_split = matches!(column.last, Constant::Number(_)) && SPLITS.contains(&lower.as_str());
            let is_of_one_run = OF_ONE_RUN.iter().any(|word| lower.contains(word)) && !is_split;
            column.keeps
                && column.changes == self.blocks
                && column.rows == self.rows
                && !(is_measured || is_of_one_run || is_of_data(name))
        };
        let several = self.blocks > 0 && self.rows >= 2 * (self.blocks + 1);
        let columns = self.columns.iter().filter(|_| several);
        columns.filter(tells).map(|(name, _)| name.as_str()).min()
    }

    /// Why all rows are at one step, if they say that they are those of many runs: each with another setting.
    pub(crate) fn has_only_ends(&self) -> Option<String> {
        let is_measured = |name: &str| loss_rank(name).or(validation_rank(name)).is_some() || is_of_data(name);
        let is_setting = |name: &str| !is_measured(name) && !is_epoch(name);
        let of_runs = |(name, column): &(&String, &Column)| {
            column.constant == Constant::Varies && column.rows == self.rows && is_setting(name)
        };
        let (Some(step), true) = (self.last_step.filter(|step| *step > 0), self.is_at_one_step && self.rows > 2) else {
            return None;
        };
        let name = self.columns.iter().filter(of_runs).map(|(name, _)| name.as_str()).min()?;
        Some(format!(
            "all its {} rows are at step {step}, with another '{name}' in them: the results of a search, in all likelihood, and no \
             curves to learn from; give the logs of the runs, or name what counts the steps with --step NAME",
            self.rows
        ))
    }

    /// The recording: columns that say the same in every row are settings too.
    pub(crate) fn finish(mut self, names_runs: bool) -> Outcome {
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
