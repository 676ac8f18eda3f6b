//! The steps of the rows that W&B logged: its own count, or the optimizer's where the framework logged that.

use crate::format::Wanted;
use crate::recorder::Recorder;

/// Names under which frameworks log the optimizer step. W&B's own step counts calls of `log`.
const NAMES: [&str; 3] = ["trainer/global_step", "train/global_step", "global_step"];

/// The rows read so far. Until all are known, samples have the number of their row in place of their step.
pub(super) struct Rows<'a> {
    wanted: &'a Wanted,
    rows: Vec<Row>,
}

/// The step of a row as W&B and as the framework counts it.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) logged: u64,
    pub(super) optimizer: Option<u64>,
}

impl<'a> Rows<'a> {
    /// No rows yet.
    pub(super) fn new(wanted: &'a Wanted) -> Self {
        Self { wanted, rows: Vec::new() }
    }

    /// Does the metric of this name count the optimizer's steps?
    pub(super) fn is_step(&self, name: &str) -> bool {
        match &self.wanted.step_column {
            Some(asked) => name == asked,
            None => NAMES.contains(&name),
        }
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
        recorder.steps().for_each(|step| *step = place[*step as usize]);
        recorder.sort();
    }

    /// Gives the samples of `recorder` the steps of their rows in place of their numbers.
    pub(super) fn resolve(self, recorder: &mut Recorder<'_>) {
        let counted = self.rows.iter().any(|row| row.optimizer.is_some());
        let mut last = 0;
        let mut steps: Vec<u64> = Vec::with_capacity(self.rows.len());
        // A row without a count of the optimizer's belongs to the count before it.
        for rows in self.rows.chunk_by(|one, other| one.logged == other.logged) {
            last = rows.iter().filter_map(|row| row.optimizer).next_back().unwrap_or(last);
            steps.extend(rows.iter().map(|row| if counted { last } else { row.logged }));
        }
        recorder.steps().for_each(|step| *step = steps[*step as usize]);
        if counted {
            let name = self.wanted.step_column.as_deref().unwrap_or("global_step");
            recorder.note(format!("steps are those the framework logged ({name}), not W&B's own count of rows"));
        }
    }
}
