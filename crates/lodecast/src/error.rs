//! Everything that can go wrong in the engine, each with the remedy.

use std::fmt;
use std::path::PathBuf;

/// A result of the engine.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of the engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A metric was named without the direction in which it is better.
    #[error("the metric '{metric}' has no direction: write '{name}:max' or '{name}:min'", name = without_direction(metric))]
    MetricDirection {
        /// The text given.
        metric: String,
    },
    /// A metric that the sweep does not have.
    #[error("no metric '{metric}' in this sweep; it has: {known}")]
    UnknownMetric {
        /// The name asked for.
        metric: String,
        /// Those there are.
        known: String,
    },
    /// A point came with another number of validation values than the run has metrics.
    #[error("run '{run}' records {expected} validation metrics, but a point came with {found}")]
    MetricCount {
        /// Run.
        run: String,
        /// Number of metrics.
        expected: usize,
        /// Number of values.
        found: usize,
    },
    /// The columns of a run differ in length.
    #[error("run '{run}' has {expected} steps, but {found} values of its {column}; give one for each step")]
    ColumnLength {
        /// Run.
        run: String,
        /// The column.
        column: &'static str,
        /// Number of steps.
        expected: usize,
        /// Number of values.
        found: usize,
    },
    /// Steps of a run do not increase.
    #[error("run '{run}': step {step} comes after step {last}; split a restarted run, or keep its last attempt")]
    StepOrder {
        /// Run.
        run: String,
        /// The offending step.
        step: u64,
        /// The step before it.
        last: u64,
    },
    /// A schedule family nobody knows.
    #[error("no schedule family '{family}'; choose one of {known}")]
    UnknownFamily {
        /// The name given.
        family: String,
        /// Those there are.
        known: String,
    },
    /// A schedule that would give impossible rates.
    #[error("not a usable schedule: {reason}")]
    Schedule {
        /// What is wrong with it.
        reason: String,
    },
    /// A form of model nobody knows.
    #[error("no model '{kind}'; choose one of {known}")]
    UnknownModelKind {
        /// The name given.
        kind: String,
        /// Those there are.
        known: String,
    },
    /// Sweeps that contradict each other.
    #[error("cannot join these sweeps: {reason}")]
    Join {
        /// What does not fit.
        reason: String,
    },
    /// A sweep from which nothing can be learned.
    #[error("nothing to learn from in this sweep: {reason}")]
    Sweep {
        /// What is missing and what to do.
        reason: String,
    },
    /// A window of points from which nothing can be said.
    #[error("cannot forecast from this window: {reason}")]
    Window {
        /// What is missing.
        reason: String,
    },
    /// A model whose forecast is no number.
    #[error("the model forecasts {what} that is not finite: its parameters are not usable; fit it again")]
    NotFinite {
        /// What it forecasts.
        what: &'static str,
    },
    /// A setting out of its range.
    #[error("{name} = {value}: {remedy}")]
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// The value given.
        value: String,
        /// The range it has to be in.
        remedy: &'static str,
    },
    /// A file that cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A model or checkpoint file that is damaged, or is none.
    #[error("{}: not a usable model file: {reason}", path.display())]
    ModelFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The saved state of a scheduler does not fit the model it is restored with.
    #[error("cannot restore the scheduler: {reason}")]
    SchedulerState {
        /// What does not fit.
        reason: String,
    },
    /// Work was interrupted on request; what was done has been saved where the caller asked for it.
    #[error("interrupted")]
    Interrupted,
}

/// The name of a metric without what was meant as its direction: `accuracy:maximize`.
fn without_direction(metric: &str) -> &str {
    const MEANT: [&str; 7] = ["max", "min", "high", "low", "up", "down", "big"];
    match metric.rsplit_once(':') {
        Some((name, direction)) if MEANT.iter().any(|meant| direction.trim().to_lowercase().starts_with(meant)) => name,
        _ => metric,
    }
}

/// Refuses a setting that is out of its range.
pub(crate) fn setting(name: &'static str, value: impl fmt::Display, sound: bool, remedy: &'static str) -> Result<()> {
    if sound { Ok(()) } else { Err(Error::Setting { name, value: value.to_string(), remedy }) }
}
