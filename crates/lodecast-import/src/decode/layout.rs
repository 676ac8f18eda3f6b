//! Which columns of a table say where a row belongs: to which run, which step, which phase.

use std::borrow::Cow;
use std::fmt::Write as _;

use lodecast_sweep_file::{Cell, Mismatch};

use crate::error::{Error, Result};
use crate::format::Wanted;
use crate::names::{
    BATCH, EPOCH, EXPERIMENT, METRIC, PHASE, REPETITIONS, RUN_ID, STEP, VALUE, held_out, loss_rank, rate_rank,
    validation_rank,
};

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
    /// Which of several repetitions the row is of: which seed, which fold.
    pub(crate) repetitions: [Option<usize>; 2],
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
        // What is called a name may be that of the metric, if there is no other, and no metric has a column.
        let is_measured = |name: &&str| loss_rank(name).or(rate_rank(name)).or(validation_rank(name)).is_some();
        let metric = || {
            position(METRIC)
                .or_else(|| position(&["name"]).filter(|_| step.is_some() && !names.iter().any(is_measured)))
        };
        let long = position(VALUE).and_then(|value| Some((metric()?, value))).filter(|_| names.len() <= LONG);
        let is_metric = |column: usize| long.is_some_and(|(metric, _)| metric == column);
        let run = match &wanted.run_column {
            Some(asked) => names.iter().position(|name| name == asked && !asked.is_empty()),
            // In a table with a row a sample something has to tell the runs apart.
            None => position(RUN_ID)
                .or_else(|| long.and_then(|_| position(EXPERIMENT)).filter(|&column| !is_metric(column))),
        };
        let epoch = position(EPOCH);
        // Batches that each epoch counts anew are counted on.
        let batch = || epoch.filter(|_| wanted.step_column.is_none()).and_then(|_| position(BATCH));
        let step = step.or_else(batch);
        let is_epoch = wanted.step_column.as_ref().is_some_and(|asked| EPOCH.contains(&asked.to_lowercase().as_str()));
        let step = step.filter(|_| !is_epoch);
        // Of a table that is one run, they are settings.
        let is_one_run = wanted.run_column.as_ref().is_some_and(String::is_empty);
        let repetitions = REPETITIONS.map(|names| position(names).filter(|column| Some(*column) != run && !is_one_run));
        let phase = position(PHASE).filter(|column| Some(*column) != run);
        Self { run, step, epoch, long, phase, repetitions }
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
    // What Optuna and W&B write of a search.
    let is_result =
        |name: &&&str| ["params_", "user_attrs_", "datetime_complete", "config/"].iter().any(|of| name.starts_with(of));
    let result = names.iter().find(is_result).filter(|_| wanted.step_column.is_none());
    let listed = names.iter().take(40).copied().collect::<Vec<_>>().join(", ");
    Error::Undecided {
        place: place.to_owned(),
        question: format!("{what}; the columns are: {listed}"),
        remedy: match result {
            Some(name) => format!(
                "by '{name}' these are the results of a search, a row a run, and no curves to learn from: give its storage, or the \
                 logs of the runs"
            ),
            None => "name it with --step NAME".to_owned(),
        },
    }
}

/// Whose a row is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Owner<'r> {
    /// The run that it names.
    pub(crate) run: Option<Cow<'r, str>>,
    /// What it says of the repetition, and by which columns.
    pub(crate) repetition: String,
    pub(crate) columns: Vec<&'r str>,
}

impl<'r> Owner<'r> {
    /// The run named, or the table's only one.
    pub(crate) fn of(run: Option<Cow<'r, str>>) -> Self {
        Self { run, ..Self::default() }
    }

    /// The same, of the repetition `value` by `column`.
    pub(crate) fn repeated(&mut self, column: &'r str, value: &str) {
        let _infallible = write!(self.repetition, " {column} {value}");
        self.columns.push(column);
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

    /// The same in a file of evaluations on such data, unless the row says otherwise.
    pub(crate) fn or_on(self, data: Option<&'static str>) -> Self {
        Self { held_out: self.held_out.or(data), ..self }
    }
}
