//! Puts rows, in whatever order they come, together into runs.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use lodecast::{Attributes, Metric, Run, Sweep};

use crate::cell::{Cell, Mismatch};
use crate::error::{Error, Place, Result, Unit};
use crate::layout::{Attribute, Fixed};
use crate::options::ReadReport;

/// The metric point of one row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub(crate) step: Option<u64>,
    pub(crate) train_loss: Option<f64>,
    pub(crate) learning_rate: Option<f64>,
    pub(crate) validation: Vec<Option<f64>>,
}

impl Row {
    /// A row with nothing in it, for `metrics` validation metrics.
    pub(crate) fn new(metrics: usize) -> Self {
        Self { validation: vec![None; metrics], ..Self::default() }
    }

    /// Takes a train loss that is the metric of this index, too.
    pub(crate) fn loss_and_metric(&mut self, metric: usize, value: Option<f64>) {
        self.train_loss = value;
        self.validation[metric] = value;
    }

    /// Makes room for as many metrics as there are by now.
    pub(crate) fn learn_metrics(&mut self, metrics: usize) {
        self.validation.resize(metrics, None);
    }

    /// Empties the row for the next one.
    pub(crate) fn clear(&mut self) {
        (self.step, self.train_loss, self.learning_rate) = (None, None, None);
        self.validation.fill(None);
    }

    fn is_empty(&self) -> bool {
        self.train_loss.is_none() && self.learning_rate.is_none() && self.validation.iter().all(Option::is_none)
    }
}

/// Where rows come from, for errors.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) path: PathBuf,
    pub(crate) unit: Unit,
}

impl Origin {
    pub(crate) fn new(path: &Path, unit: Unit) -> Self {
        Self { path: path.to_owned(), unit }
    }

    /// The place of line or row `number`.
    pub(crate) fn at(&self, number: u64) -> Place {
        Place { path: self.path.clone(), unit: self.unit, number }
    }

    /// The error of a number, loss or metric that is none.
    pub(crate) fn not_a_number(&self, number: u64, column: &str, cell: Cell<'_>) -> Error {
        Error::Value {
            place: self.at(number),
            column: column.to_owned(),
            value: cell.describe().into(),
            expected: "a number",
            remedy: "leave it empty where nothing was measured; NaN and inf are numbers",
        }
    }

    /// The error of a step that is none.
    pub(crate) fn not_a_step(&self, number: u64, column: &str, cell: Cell<'_>) -> Error {
        Error::Value {
            place: self.at(number),
            column: column.to_owned(),
            value: cell.describe().into(),
            expected: "an optimizer step",
            remedy: "steps are whole numbers from 0 on",
        }
    }

    /// The error of a run id that is none.
    pub(crate) fn not_an_id(&self, number: u64, column: &str, cell: Cell<'_>) -> Error {
        Error::Value {
            place: self.at(number),
            column: column.to_owned(),
            value: cell.describe().into(),
            expected: "a run id",
            remedy: "a run id is a text or a number",
        }
    }
}

/// A run in the making.
struct Draft {
    run: Rows,
    /// Line or row of each point, so that a conflict can name both places.
    places: Vec<u64>,
    sorted: bool,
}

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

/// The rows of a run, in the order of the file until they are sorted.
#[derive(Debug)]
struct Rows {
    id: String,
    attributes: Attributes,
    steps: Vec<u64>,
    train_loss: Vec<Option<f64>>,
    learning_rate: Vec<Option<f64>>,
    validation: Vec<Vec<Option<f64>>>,
}

impl Rows {
    fn new(id: String, metrics: usize) -> Self {
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

    fn into_run(self) -> Result<Run> {
        let Self { id, attributes, steps, train_loss, learning_rate, validation } = self;
        let run = Run::from_columns(id, steps, train_loss, learning_rate, validation);
        run.map(|run| run.with_attributes(attributes)).map_err(|error| Error::Unwritable { reason: error.to_string() })
    }
}

/// Two different values for one run, step and column; columns count the loss, the learning rate, then the metrics.
struct Conflict {
    step: u64,
    column: usize,
    values: (f64, f64),
    places: (u64, u64),
}

fn append(run: &mut Rows, step: u64, row: &Row) {
    run.steps.push(step);
    run.train_loss.push(row.train_loss);
    run.learning_rate.push(row.learning_rate);
    for (column, &value) in run.validation.iter_mut().zip(&row.validation) {
        column.push(value);
    }
}

/// Joins `row` to the last point of `draft`, which has the same step.
fn merge(draft: &mut Draft, row: &Row, place: u64) -> Result<(), Conflict> {
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
fn sort(draft: &Draft) -> Result<(Draft, u64), Conflict> {
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

/// A text attribute. An empty text, which would read as "not known", is written as `""`, a JSON string; so is every text
/// that begins with a quotation mark, so that none is ambiguous.
fn spelled(cell: Cell<'_>) -> Result<Option<String>, Mismatch> {
    Ok(cell.text()?.map(|text| {
        let quoted = text.starts_with('"').then(|| serde_json::from_str(&text).ok()).flatten();
        quoted.unwrap_or_else(|| text.into_owned())
    }))
}

/// A text attribute as it is written in a table: see [`spelled`].
pub(crate) fn spell(text: &str) -> std::borrow::Cow<'_, str> {
    if text.is_empty() || text.starts_with('"') {
        serde_json::Value::from(text).to_string().into()
    } else {
        text.into()
    }
}
