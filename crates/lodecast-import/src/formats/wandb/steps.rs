//! The steps of the rows that W&B logged: its own count, or the optimizer's where the framework logged that.

use std::collections::HashMap;

use crate::format::Wanted;
use crate::names::STEP;
use crate::recording::recorder::Recorder;

/// The rows read so far. Until all are known, samples have the number of their row in place of their step.
pub(super) struct Rows<'a> {
    wanted: &'a Wanted,
    rows: Vec<Row>,
    /// Metrics that were defined, in order, and the metric that counts the steps of each, as `define_metric` says.
    defined: Vec<String>,
    step_of: HashMap<String, String>,
    /// The same for all metrics whose names begin so.
    step_of_all: Vec<(String, String)>,
    /// Names that counted steps, by their rank.
    counted: HashMap<u32, String>,
    /// The optimizer's step before the first row.
    reached: u64,
}

/// The step of a row as W&B and as the framework counts it.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) logged: u64,
    /// What counts the optimizer's steps in this row, by its rank, and its count.
    pub(super) optimizer: Option<(u32, u64)>,
    /// The step of samples that have a count of their own.
    pub(super) own: Option<u64>,
}

/// A definition of a metric by `define_metric`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Definition<'a> {
    pub(super) name: &'a str,
    /// A pattern of names, with a star at its end.
    pub(super) glob: &'a str,
    pub(super) step: &'a str,
    /// Number of the step's definition, from 1 on, where it is not named.
    pub(super) step_index: usize,
}

impl<'a> Rows<'a> {
    /// No rows yet.
    pub(super) fn new(wanted: &'a Wanted) -> Self {
        Self {
            wanted,
            rows: Vec::new(),
            defined: Vec::new(),
            step_of: HashMap::new(),
            step_of_all: Vec::new(),
            counted: HashMap::new(),
            reached: 0,
        }
    }

    /// Takes down a definition.
    pub(super) fn define(&mut self, definition: &Definition<'_>) {
        let Definition { name, glob, step, step_index } = *definition;
        if !name.is_empty() && !self.defined.iter().any(|known| known == name) {
            self.defined.push(name.to_owned());
        }
        let step = match step_index.checked_sub(1).and_then(|index| self.defined.get(index)) {
            Some(named) if step.is_empty() => named.clone(),
            _ => step.to_owned(),
        };
        if step.is_empty() || step == name {
            return;
        }
        if !glob.is_empty() {
            self.step_of_all.push((glob.trim_end_matches('*').to_owned(), step));
        } else if !name.is_empty() {
            self.step_of.insert(name.to_owned(), step);
        }
    }

    /// Rank of a metric among those that count the optimizer's steps, the lower the likelier; none if it does not.
    pub(super) fn rank(&mut self, name: &str) -> Option<u32> {
        let rank = self.rank_of(name)?;
        // Of two that are called alike, the first counts.
        let first = self.counted.entry(rank).or_insert_with(|| name.to_owned());
        (first == name).then_some(rank)
    }

    fn rank_of(&self, name: &str) -> Option<u32> {
        if let Some(asked) = &self.wanted.step_column {
            return (name == asked).then_some(0);
        }
        if self.one_for_all() == Some(name) {
            return Some(1);
        }
        // W&B's own count of its rows is not meant.
        let lower = name.to_lowercase();
        let usual = |name: &str| STEP.iter().position(|usual| *usual == name && !usual.starts_with('_'));
        let whole = usual(&lower).map(|at| 2 + at as u32);
        whole.or_else(|| usual(lower.rsplit(['/', '.']).next()?).map(|at| 2 + (STEP.len() + at) as u32))
    }

    /// The metric that counts the steps of all others that are defined, if it is one.
    fn one_for_all(&self) -> Option<&str> {
        let mut steps = self.step_of.values().chain(self.step_of_all.iter().map(|(_, step)| step));
        let first = steps.next()?;
        steps.all(|step| step == first).then_some(first.as_str())
    }

    /// The metric that counts the steps of `name` alone, where others have others.
    pub(super) fn own_step(&self, name: &str) -> Option<&str> {
        if self.wanted.step_column.is_some() || self.one_for_all().is_some() {
            return None;
        }
        let of_all =
            || self.step_of_all.iter().find(|(start, _)| name.starts_with(start.as_str())).map(|(_, step)| step);
        self.step_of.get(name).or_else(of_all).map(String::as_str)
    }

    /// Adds a row and gives its number.
    pub(super) fn push(&mut self, row: Row) -> i64 {
        let number = self.rows.len();
        self.rows.push(row);
        i64::try_from(number).unwrap_or(i64::MAX)
    }

    /// W&B's step of the last row.
    pub(super) fn last(&self) -> Option<u64> {
        self.rows.last().map(|row| row.logged)
    }

    /// Puts the rows, and the samples of `recorder`, in the order of W&B's steps; those of one step keep theirs.
    pub(super) fn sort(&mut self, recorder: &mut Recorder<'_>) {
        if self.rows.is_sorted_by_key(|row| row.logged) {
            return;
        }
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        order.sort_by_key(|&row| self.rows[row].logged);
        let mut place = vec![0; order.len()];
        for (number, &row) in order.iter().enumerate() {
            place[row] = number as u64;
        }
        self.rows = order.into_iter().map(|row| self.rows[row]).collect();
        recorder.renumber(|row| place[row as usize]);
        recorder.sort_by_step();
    }

    /// Says that the optimizer had reached `step` before the first row.
    pub(super) fn go_on_from(&mut self, step: u64) {
        self.reached = step;
    }

    /// Gives the samples of `recorder` the steps of their rows in place of their numbers, and tells which step was reached.
    pub(super) fn resolve(self, recorder: &mut Recorder<'_>) -> u64 {
        let counts = self.rows.iter().filter_map(|row| row.optimizer).map(|(rank, _)| rank).min();
        let count = |row: &Row| row.optimizer.filter(|(rank, _)| Some(*rank) == counts).map(|(_, count)| count);
        let mut last = self.reached;
        let mut steps: Vec<u64> = Vec::with_capacity(self.rows.len());
        // A row without a count of the optimizer's belongs to the count before it.
        for rows in self.rows.chunk_by(|one, other| one.logged == other.logged) {
            last = rows.iter().filter_map(count).next_back().unwrap_or(last);
            steps.extend(rows.iter().map(|row| row.own.unwrap_or(if counts.is_some() { last } else { row.logged })));
        }
        recorder.renumber(|row| steps[row as usize]);
        if let Some(name) = counts.and_then(|rank| self.counted.get(&rank)) {
            recorder.note(format!("steps are those the framework logged ({name}), not W&B's own count of rows"));
        }
        if self.rows.iter().any(|row| row.own.is_some()) {
            recorder.note("metrics with steps of their own, as define_metric says, are at these");
        }
        last
    }
}
