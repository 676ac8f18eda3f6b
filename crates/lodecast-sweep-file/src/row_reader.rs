//! Takes the rows of a table whose columns are at hand side by side.

use crate::assemble::Assembly;
use crate::cell::Cell;
use crate::error::{Error, Result};
use crate::origin::Origin;
use crate::role::{Fixed, Role};
use crate::row::Row;

/// Takes rows from columns.
pub(crate) struct RowReader<'a> {
    origin: Origin,
    names: &'a [String],
    roles: &'a [Role],
    row: Row,
    single: Option<String>,
}

impl<'a> RowReader<'a> {
    /// Reads rows of columns with these names and roles; `single` is the id of the only run of a table that names none.
    pub(crate) fn new(
        origin: Origin,
        names: &'a [String],
        roles: &'a [Role],
        metrics: usize,
        single: Option<String>,
    ) -> Self {
        // A file of one run that names it goes by that name.
        let single = single.filter(|_| !roles.contains(&Role::Fixed(Fixed::RunId)));
        Self { origin, names, roles, row: Row::new(metrics), single }
    }

    /// Takes in one row: its cells, each with the index of its column, the run id first. `None` is a text that is none.
    pub(crate) fn read<'c>(
        &mut self,
        place: u64,
        cells: impl Iterator<Item = (usize, Option<Cell<'c>>)>,
        assembly: &mut Assembly,
    ) -> Result<()> {
        self.row.clear();
        let mut run = self.single.as_deref().map(|id| assembly.run(id)).transpose()?;
        for (index, cell) in cells {
            let name = &self.names[index];
            let cell = cell.ok_or_else(|| Error::Value {
                place: self.origin.at(place),
                column: name.clone(),
                value: "bytes".into(),
                expected: "a text",
                remedy: "texts are UTF-8",
            })?;
            let number = || cell.number().map_err(|_| self.origin.not_a_number(place, name, cell));
            match &self.roles[index] {
                Role::Fixed(Fixed::RunId) => {
                    let id = cell.text().map_err(|_| self.origin.not_an_id(place, name, cell))?;
                    run = id.map(|id| assembly.run(&id)).transpose()?;
                }
                Role::Fixed(Fixed::Step) => {
                    self.row.step = cell.count().map_err(|_| self.origin.not_a_step(place, name, cell))?;
                }
                Role::Fixed(Fixed::TrainLoss) => self.row.train_loss = number()?,
                Role::Fixed(Fixed::LearningRate) => self.row.learning_rate = number()?,
                Role::Metric(metric) => self.row.validation[*metric] = number()?,
                Role::LossAndMetric(metric) => self.row.loss_and_metric(*metric, number()?),
                Role::Attribute(attribute) => {
                    if let (Some(run), false) = (run, cell == Cell::Absent) {
                        assembly.attribute(run, place, attribute, cell)?;
                    }
                }
                Role::Ignored => {}
            }
        }
        let run = run.ok_or_else(|| Error::MissingRunId { place: self.origin.at(place) })?;
        assembly.add(run, place, &self.row)
    }
}
