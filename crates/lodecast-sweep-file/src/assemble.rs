//! Puts rows, in whatever order they come, together into runs.

use std::collections::HashMap;

use lodecast::{Attributes, Metric, Sweep};

use crate::cell::{Cell, Mismatch};
use crate::draft::{Conflict, Draft, Rows, append, merge, sort};
use crate::error::{Error, Result};
use crate::options::ReadReport;
use crate::origin::Origin;
use crate::role::{Attribute, Fixed};
use crate::row::Row;
use crate::text_attribute::spelled;

/// Values that the runs of any file may hold, and those that each of its bytes may stand for besides. A value that is not
/// measured takes no place in a file but as much as any in memory, so a small file could otherwise fill it.
const CELLS: u64 = 1 << 22;
const CELLS_PER_BYTE: u64 = 8;

/// A run by itself takes the memory of about this many points.
const POINTS_OF_A_RUN: u64 = 8;

/// Runs in the making.
pub(crate) struct Assembly {
    origin: Origin,
    metrics: Vec<Metric>,
    drafts: Vec<Draft>,
    index: HashMap<String, usize>,
    /// Rows of one run mostly follow each other.
    latest: usize,
    points: u64,
    /// Values that the size of the file allows for.
    cells: u64,
    report: ReadReport,
}

impl Assembly {
    /// No runs yet, of a file of `size` bytes.
    pub(crate) fn new(origin: Origin, metrics: &[Metric], size: u64) -> Self {
        let cells = CELLS.saturating_add(size.saturating_mul(CELLS_PER_BYTE));
        Self {
            origin,
            metrics: metrics.to_vec(),
            drafts: Vec::new(),
            index: HashMap::new(),
            latest: 0,
            points: 0,
            cells,
            report: ReadReport::default(),
        }
    }

    /// Points that the size of the file allows for.
    fn limit(&self) -> u64 {
        self.cells / (2 + self.metrics.len() as u64)
    }

    /// Takes in metrics that came to be known after the first rows, in which they were not measured.
    pub(crate) fn learn_metrics(&mut self, metrics: &[Metric]) -> Result<()> {
        let known = self.metrics.len();
        if metrics.len() > known {
            self.metrics.extend_from_slice(&metrics[known..]);
            self.grow(0)?;
            for draft in &mut self.drafts {
                draft.run.validation.resize(metrics.len(), vec![None; draft.run.steps.len()]);
            }
        }
        Ok(())
    }

    /// Index of the run named `id`, which is added if it is new.
    pub(crate) fn run(&mut self, id: &str) -> Result<usize> {
        if self.drafts.get(self.latest).is_some_and(|draft| draft.run.id == id) {
            return Ok(self.latest);
        }
        self.latest = if let Some(&run) = self.index.get(id) {
            run
        } else {
            self.grow(POINTS_OF_A_RUN)?;
            self.index.insert(id.to_owned(), self.drafts.len());
            self.drafts.push(Draft {
                run: Rows::new(id.to_owned(), self.metrics.len()),
                places: Vec::new(),
                sorted: true,
            });
            self.drafts.len() - 1
        };
        Ok(self.latest)
    }

    /// Counts `points` more, and checks that the file can mean as many.
    fn grow(&mut self, points: u64) -> Result<()> {
        self.points += points;
        let limit = self.limit();
        if self.points <= limit {
            return Ok(());
        }
        Err(Error::TooLarge {
            path: self.origin.path.clone(),
            what: "the number of points times metrics".to_owned(),
            found: self.points.saturating_mul(2 + self.metrics.len() as u64),
            limit: limit.saturating_mul(2 + self.metrics.len() as u64),
            remedy: "read fewer metrics with --val NAME:max, or convert the file to CSV",
        })
    }

    /// Adds a run that a header announces. False if there is one of this name already.
    pub(crate) fn announce(&mut self, id: &str, attributes: Attributes) -> Result<bool> {
        let count = self.drafts.len();
        let run = self.run(id)?;
        self.drafts[run].run.attributes = attributes;
        Ok(run == count)
    }

    /// Adds a row of run `run`. A row without step and values only names its run.
    pub(crate) fn add(&mut self, run: usize, place: u64, row: &Row) -> Result<()> {
        self.report.rows += 1;
        let draft = &mut self.drafts[run];
        let Some(step) = row.step else {
            if row.is_empty() {
                return Ok(());
            }
            return Err(Error::MissingStep { place: self.origin.at(place), run: draft.run.id.clone() });
        };
        match draft.run.steps.last() {
            Some(&last) if last == step => {
                self.report.merged_rows += 1;
                return merge(draft, row, place).map_err(|conflict| self.conflict(run, &conflict));
            }
            Some(&last) if last > step => draft.sorted = false,
            _ => {}
        }
        draft.places.push(place);
        append(&mut draft.run, step, row);
        self.grow(1)
    }

    /// Sets an attribute of run `run`, or checks it against what it has been before. An absent cell says nothing.
    pub(crate) fn attribute(&mut self, run: usize, place: u64, attribute: &Attribute, cell: Cell<'_>) -> Result<()> {
        let draft = &mut self.drafts[run];
        let bad = |expected, remedy| Error::Value {
            place: self.origin.at(place),
            column: attribute.column(),
            value: cell.describe().into(),
            expected,
            remedy,
        };
        let text = |Mismatch| bad("a text", "leave it empty where it is not known");
        let number = |Mismatch| bad("a number", "leave it empty where it is not known");
        let count = |Mismatch| bad("a whole number", "leave it empty where it is not known");
        let attributes = &mut draft.run.attributes;
        let changed = match attribute {
            Attribute::Schedule => set(&mut attributes.schedule, spelled(cell).map_err(text)?),
            Attribute::Optimizer => set(&mut attributes.optimizer, spelled(cell).map_err(text)?),
            Attribute::Source => set(&mut attributes.source, spelled(cell).map_err(text)?),
            Attribute::Seed => set(&mut attributes.seed, cell.count().map_err(count)?),
            Attribute::TotalSteps => set(&mut attributes.total_steps, cell.count().map_err(count)?),
            Attribute::PeakLr => {
                let value = cell.number().map_err(number)?;
                if attributes.peak_lr.is_some_and(f64::is_nan) && value.is_some_and(f64::is_nan) {
                    return Ok(());
                }
                set(&mut attributes.peak_lr, value)
            }
            Attribute::Other(name) => match spelled(cell).map_err(text)? {
                None => Ok(()),
                Some(value) => match attributes.other.get(name) {
                    Some(first) if *first != value => Err((first.clone(), value)),
                    Some(_) => Ok(()),
                    None => {
                        attributes.other.insert(name.clone(), value);
                        Ok(())
                    }
                },
            },
        };
        changed.map_err(|(first, second)| Error::AttributeConflict {
            place: self.origin.at(place),
            run: draft.run.id.clone(),
            attribute: attribute.column().into(),
            first: first.into(),
            second: second.into(),
        })
    }

    /// The sweep, with each run's points in the order of steps.
    pub(crate) fn finish(mut self, ignored_columns: Vec<String>) -> Result<(Sweep, ReadReport)> {
        for run in 0..self.drafts.len() {
            if !self.drafts[run].sorted {
                let (sorted, merged) = sort(&self.drafts[run]).map_err(|conflict| self.conflict(run, &conflict))?;
                self.report.sorted_runs.push(sorted.run.id.clone());
                self.report.merged_rows += merged;
                self.drafts[run] = sorted;
            }
        }
        let mut sweep = Sweep::new(self.metrics);
        sweep.runs = self.drafts.into_iter().map(|draft| draft.run.into_run()).collect::<Result<_>>()?;
        let empty = sweep.runs.iter().filter(|run| run.is_empty());
        self.report.runs_without_points = empty.map(|run| run.id.clone()).collect();
        self.report.ignored_columns = ignored_columns;
        Ok((sweep, self.report))
    }

    fn conflict(&self, run: usize, conflict: &Conflict) -> Error {
        Error::Conflict {
            place: self.origin.at(conflict.places.1),
            run: self.drafts[run].run.id.clone(),
            step: conflict.step,
            column: match conflict.column {
                0 => Fixed::TrainLoss.name().into(),
                1 => Fixed::LearningRate.name().into(),
                metric => self.metrics[metric - 2].name.as_str().into(),
            },
            first: conflict.values.0,
            first_at: conflict.places.0,
            second: conflict.values.1,
        }
    }
}

/// Fills `known` with `value`, or gives both if they differ.
fn set<T: PartialEq + ToString>(known: &mut Option<T>, value: Option<T>) -> Result<(), (String, String)> {
    match (&known, value) {
        (Some(first), Some(second)) if *first != second => Err((first.to_string(), second.to_string())),
        (None, value @ Some(_)) => {
            *known = value;
            Ok(())
        }
        _ => Ok(()),
    }
}
