//! Parquet tables with lists of numbers in them: a run a row, with its steps and what was measured at each in lists; a metric a row
//! likewise; or a step a row, with the rates of the parameter groups.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use lodecast_sweep_file::{Cell, Entry, ParquetTable};

use super::unreadable::left_out;
use crate::decode::layout::{Layout, Owner, Position, step_of};
use crate::decode::table::Table;
use crate::decode::text_number::{Meaning, meaning_of};
use crate::error::{Error, Result};
use crate::format::{Visit, Wanted};
use crate::limits::Limits;
use crate::names::{loss_rank, rate_rank, validation_rank};
use crate::recording::Recording;

/// A table that is read by its lists.
pub(crate) struct Lists<'f> {
    file: &'f ParquetTable,
    names: Vec<&'f str>,
    layout: Layout,
    /// Does a row hold whole curves?
    of_curves: bool,
}

impl<'f> Lists<'f> {
    /// The table `file`, if its lists are of use: if the steps are lists, or nothing counts steps and curves are lists, or rates are.
    pub(crate) fn of(file: &'f ParquetTable, wanted: &Wanted) -> Option<Self> {
        let all = 0..file.names().len();
        let names: Vec<&str> = all.map(|column| file.list(column).unwrap_or(&file.names()[column])).collect();
        let is_list = |column: usize| file.list(column).is_some();
        let layout = Layout::of(&names, wanted);
        let count = layout.step.or(layout.epoch);
        let is_curve = |name: &str| loss_rank(name).or(validation_rank(name)).is_some();
        let is_value = |column: usize| layout.long.is_some_and(|(_, value)| value == column);
        let mut lists = (0..names.len()).filter(|&column| is_list(column));
        let of_curves = match count {
            Some(column) if is_list(column) => true,
            _ => lists.clone().any(|column| is_value(column) || is_curve(names[column])),
        };
        let of_use = of_curves || lists.any(|column| rate_rank(names[column]).is_some());
        of_use.then_some(Self { file, names, layout, of_curves })
    }

    /// Reads the table and hands over its recordings.
    pub(crate) fn read(
        &self,
        place: &str,
        base: Recording,
        wanted: &Wanted,
        limits: &Limits,
        visit: &mut Visit<'_>,
    ) -> Result<ControlFlow<()>> {
        let Self { file, names, layout, of_curves } = self;
        if !of_curves {
            layout.check(place, names, wanted)?;
        }
        let is_read = |&column: &usize| file.list(column).is_some() || file.unreadable(column).is_none();
        let chosen: Vec<usize> = (0..names.len()).filter(is_read).collect();
        let id = base.id.clone();
        let mut table = Table::new(base, wanted, limits);
        for column in (0..names.len()).filter(|column| !is_read(column)) {
            table.note(left_out(file, column, names[column]));
        }
        let mut failure = None;
        file.read_lists(&chosen, |number, entries| {
            let here = || format!("{place}, row {number}");
            let entries = chosen.iter().copied().zip(entries).collect();
            let row = Row { lists: self, entries, here: &here };
            let own = (file.rows() > 1).then(|| format!("{id} row {number}"));
            let taken = if *of_curves { row.curves(own, &mut table, visit) } else { row.step(&mut table, visit) };
            taken.unwrap_or_else(|error| {
                failure = Some(error);
                ControlFlow::Break(())
            })
        })?;
        match failure {
            Some(error) => Err(error),
            None => Ok(table.finish(visit)),
        }
    }
}

/// A row of such a table.
struct Row<'r> {
    lists: &'r Lists<'r>,
    entries: BTreeMap<usize, &'r Entry<'r>>,
    here: &'r dyn Fn() -> String,
}

impl<'r> Row<'r> {
    fn damaged(&self, reason: String) -> Error {
        Error::Damaged { place: (self.here)(), reason, remedy: "correct the row" }
    }

    fn name(&self, column: usize) -> &'r str {
        self.lists.names[column]
    }

    fn cell(&self, column: usize) -> Option<Cell<'r>> {
        match self.entries.get(&column)? {
            Entry::One(cell) => Some(*cell),
            Entry::List(_) => None,
        }
    }

    fn list(&self, column: usize) -> Option<&'r [Option<f64>]> {
        match self.entries.get(&column)? {
            Entry::One(_) => None,
            Entry::List(list) => Some(list),
        }
    }

    /// Whose it is: `own`, if nothing in it names the run.
    fn owner(&self, own: Option<String>) -> Result<Owner<'r>> {
        let named = match self.lists.layout.run {
            None => own.map(Into::into),
            Some(column) => match self.cell(column).map(Cell::text) {
                Some(Ok(Some(run))) => Some(run),
                _ => return Err(self.damaged("the row names no run".to_owned())),
            },
        };
        let mut owner = Owner::of(named);
        for column in self.lists.layout.repetitions.into_iter().flatten() {
            if let Some(Ok(Some(value))) = self.cell(column).map(Cell::text) {
                owner.repeated(self.name(column), &value);
            }
        }
        Ok(owner)
    }

    /// The count of `cell` in the column.
    fn count(&self, column: usize, cell: Cell<'_>) -> Result<Option<u64>> {
        step_of(cell).map_err(|_| self.damaged(format!("'{}' is not a step", self.name(column))))
    }

    /// Takes in a row that is a step, with lists of rates.
    fn step(&self, table: &mut Table<'_>, visit: &mut Visit<'_>) -> Result<ControlFlow<()>> {
        let Layout { step, epoch, phase, .. } = self.lists.layout;
        let step = step.and_then(|column| Some(self.count(column, self.cell(column)?))).transpose()?.flatten();
        let epoch = epoch.and_then(|column| step_of(self.cell(column)?).ok().flatten());
        let phase = phase.and_then(|column| self.cell(column)?.text().ok().flatten());
        let at = Position { step, epoch, held_out: None }.in_phase(phase.as_deref());
        let ControlFlow::Continue(mut row) = table.row(&self.owner(None)?, at, visit)? else {
            return Ok(ControlFlow::Break(()));
        };
        for (&column, entry) in self.entries.iter().filter(|(column, _)| !self.lists.layout.is_structure(**column)) {
            match entry {
                Entry::One(cell) => row.say(self.name(column), meaning_of(cell))?,
                Entry::List(list) => {
                    let numbers: Option<Vec<f64>> = list.iter().copied().collect();
                    numbers.map_or(Ok(()), |numbers| row.list(self.name(column), &numbers))?;
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Takes in a row that holds curves: their samples one after the other.
    fn curves(&self, own: Option<String>, table: &mut Table<'_>, visit: &mut Visit<'_>) -> Result<ControlFlow<()>> {
        let Layout { step, epoch, long, .. } = self.lists.layout;
        let counts = [step, epoch].map(|column| column.and_then(|column| Some((column, self.list(column)?))));
        let counted = counts.iter().flatten().map(|(_, list)| list.len()).min();
        let is_value = |column: usize| long.is_some_and(|(_, value)| value == column);
        let is_count = |column: usize| Some(column) == step || Some(column) == epoch;
        let curves = self.entries.keys().copied().filter(|&column| !is_count(column));
        let curves =
            curves.filter_map(|column| Some((column, self.list(column)?))).filter(|(_, list)| !list.is_empty());
        let curves: Vec<(usize, &[Option<f64>])> = curves.collect();
        let length = counted.or(curves.iter().map(|(_, list)| list.len()).max()).unwrap_or(0);
        let owner = self.owner(own)?;
        let unfit = curves.iter().filter(|(_, list)| list.len() != length).map(|(column, list)| {
            let name = self.name(*column);
            format!("'{name}' has {} values beside {length} steps, and nothing tells at which: left out", list.len())
        });
        let mut unfit: Vec<String> = unfit.collect();
        let metric = long.and_then(|(metric, _)| self.cell(metric)?.text().ok().flatten());
        for index in 0..length {
            let count = |counted: Option<(usize, &[Option<f64>])>| match counted {
                Some((column, list)) => self.count(column, list[index].map_or(Cell::Absent, Cell::Float)),
                None => Ok(None),
            };
            let at = match counted {
                Some(_) => Position { step: count(counts[0])?, epoch: count(counts[1])?, held_out: None },
                // As many values as epochs, from the first on.
                None => Position { epoch: Some(index as u64), ..Position::default() },
            };
            let ControlFlow::Continue(mut row) = table.row(&owner, at, visit)? else {
                return Ok(ControlFlow::Break(()));
            };
            row.recording().notes.append(&mut unfit);
            for &(column, list) in curves.iter().filter(|(_, list)| list.len() == length) {
                let meaning = list[index].map_or(Meaning::Gap, Meaning::Number);
                match &metric {
                    Some(metric) if is_value(column) => row.say(metric, meaning)?,
                    _ => row.say(self.name(column), meaning)?,
                }
            }
            for (&column, entry) in self.entries.iter().filter(|(column, _)| !self.lists.layout.is_structure(**column))
            {
                if let Entry::One(cell) = entry {
                    row.say(self.name(column), meaning_of(cell))?;
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}
