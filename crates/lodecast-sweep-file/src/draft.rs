//! [`Draft`]: a run in the making, whose rows may come in any order and more than one a step.

use lodecast::{Attributes, Run};

use crate::error::{Error, Result};
use crate::row::Row;

/// A run in the making.
pub(crate) struct Draft {
    pub(crate) run: Rows,
    /// Line or row of each point, so that a conflict can name both places.
    pub(crate) places: Vec<u64>,
    pub(crate) sorted: bool,
}

/// The rows of a run, in the order of the file until they are sorted.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) id: String,
    pub(crate) attributes: Attributes,
    pub(crate) steps: Vec<u64>,
    pub(crate) train_loss: Vec<Option<f64>>,
    pub(crate) learning_rate: Vec<Option<f64>>,
    pub(crate) validation: Vec<Vec<Option<f64>>>,
}

impl Rows {
    pub(crate) fn new(id: String, metrics: usize) -> Self {
        Self {
            id,
            attributes: Attributes::default(),
            steps: Vec::new(),
            train_loss: Vec::new(),
            learning_rate: Vec::new(),
            validation: vec![Vec::new(); metrics],
        }
    }

    fn len(&self) -> usize {
        self.steps.len()
    }

    pub(crate) fn into_run(self) -> Result<Run> {
        let Self { id, attributes, steps, train_loss, learning_rate, validation } = self;
        let run = Run::from_columns(id, steps, train_loss, learning_rate, validation);
        run.map(|run| run.with_attributes(attributes)).map_err(|error| Error::Unwritable { reason: error.to_string() })
    }
}

/// Two different values for one run, step and column; columns count the loss, the learning rate, then the metrics.
pub(crate) struct Conflict {
    pub(crate) step: u64,
    pub(crate) column: usize,
    pub(crate) values: (f64, f64),
    pub(crate) places: (u64, u64),
}

pub(crate) fn append(run: &mut Rows, step: u64, row: &Row) {
    run.steps.push(step);
    run.train_loss.push(row.train_loss);
    run.learning_rate.push(row.learning_rate);
    for (column, &value) in run.validation.iter_mut().zip(&row.validation) {
        column.push(value);
    }
}

/// Joins `row` to the last point of `draft`, which has the same step.
pub(crate) fn merge(draft: &mut Draft, row: &Row, place: u64) -> Result<(), Conflict> {
    let run = &mut draft.run;
    let last = run.steps.len() - 1;
    let mut columns = [&mut run.train_loss, &mut run.learning_rate].into_iter().chain(&mut run.validation);
    let values = [row.train_loss, row.learning_rate].into_iter().chain(row.validation.iter().copied());
    for (index, new) in values.enumerate() {
        let (Some(column), Some(new)) = (columns.next(), new) else { continue };
        match column[last] {
            Some(old) if old != new && !(old.is_nan() && new.is_nan()) => {
                return Err(Conflict {
                    step: run.steps[last],
                    column: index,
                    values: (old, new),
                    places: (draft.places[last], place),
                });
            }
            Some(_) => {}
            None => column[last] = Some(new),
        }
    }
    Ok(())
}

/// The draft with its points in the order of steps, and how many points were joined to others.
pub(crate) fn sort(draft: &Draft) -> Result<(Draft, u64), Conflict> {
    let run = &draft.run;
    let mut order: Vec<usize> = (0..run.len()).collect();
    // Stable: points of one step stay in the order of the file.
    order.sort_by_key(|&point| run.steps[point]);
    let mut empty = Rows::new(run.id.clone(), run.validation.len());
    empty.attributes = run.attributes.clone();
    let mut sorted = Draft { run: empty, places: Vec::with_capacity(order.len()), sorted: true };
    let mut row = Row::new(run.validation.len());
    let mut merged = 0;
    for point in order {
        row.train_loss = run.train_loss[point];
        row.learning_rate = run.learning_rate[point];
        for (value, column) in row.validation.iter_mut().zip(&run.validation) {
            *value = column[point];
        }
        let step = run.steps[point];
        if sorted.run.steps.last() == Some(&step) {
            merge(&mut sorted, &row, draft.places[point])?;
            merged += 1;
        } else {
            sorted.places.push(draft.places[point]);
            append(&mut sorted.run, step, &row);
        }
    }
    Ok((sorted, merged))
}
