//! What may go wrong, as the exceptions of `lodecast.errors`.

use pyo3::prelude::*;

mod exceptions {
    #![allow(missing_docs, clippy::missing_docs_in_private_items)]
    pyo3::import_exception!(lodecast.errors, ArgumentError);
    pyo3::import_exception!(lodecast.errors, FileError);
    pyo3::import_exception!(lodecast.errors, InternalError);
    pyo3::import_exception!(lodecast.errors, InterruptedFit);
    pyo3::import_exception!(lodecast.errors, MissingError);
    pyo3::import_exception!(lodecast.errors, ModelFileError);
    pyo3::import_exception!(lodecast.errors, PositionError);
    pyo3::import_exception!(lodecast.errors, ScheduleError);
    pyo3::import_exception!(lodecast.errors, SettingError);
    pyo3::import_exception!(lodecast.errors, StateError);
    pyo3::import_exception!(lodecast.errors, SweepError);
    pyo3::import_exception!(lodecast.errors, WindowError);
}

/// Anything that may go wrong while the engine works.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The engine says no.
    Engine(lodecast::Error),
    /// A sweep file, or a table in memory, is not usable.
    SweepFile(lodecast_sweep_file::Error),
    /// The recordings of a tracker cannot be used.
    Import(lodecast_import::Error),
    /// A tuner says no.
    Tune(lodecast::tune::TuneError),
    /// Python says no.
    Python(PyErr),
    /// A schedule cannot be made of what was given.
    Schedule(String),
    /// A sweep cannot be made of what was given.
    Sweep(String),
    /// A setting is unknown or out of its range.
    Setting(String),
    /// There is nothing of that name.
    Missing(String),
    /// There is nothing at that position.
    Position(String),
    /// Something of another kind was given than is needed.
    Argument(String),
    /// A defect of the engine.
    Panic(String),
}

impl From<lodecast::Error> for Failure {
    fn from(error: lodecast::Error) -> Self {
        Self::Engine(error)
    }
}

impl From<lodecast_sweep_file::Error> for Failure {
    fn from(error: lodecast_sweep_file::Error) -> Self {
        Self::SweepFile(error)
    }
}

impl From<lodecast_import::Error> for Failure {
    fn from(error: lodecast_import::Error) -> Self {
        Self::Import(error)
    }
}

impl From<lodecast::tune::TuneError> for Failure {
    fn from(error: lodecast::tune::TuneError) -> Self {
        Self::Tune(error)
    }
}

impl From<PyErr> for Failure {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Engine(error) => engine(&error),
            Failure::SweepFile(error) => sweep_file(&error),
            Failure::Import(error) => import(&error),
            Failure::Tune(error) => tune(&error),
            Failure::Python(error) => error,
            Failure::Schedule(reason) => exceptions::ScheduleError::new_err(reason),
            Failure::Sweep(reason) => exceptions::SweepError::new_err(reason),
            Failure::Setting(reason) => exceptions::SettingError::new_err(reason),
            Failure::Missing(reason) => exceptions::MissingError::new_err(reason),
            Failure::Position(reason) => exceptions::PositionError::new_err(reason),
            Failure::Argument(reason) => exceptions::ArgumentError::new_err(reason),
            Failure::Panic(reason) => exceptions::InternalError::new_err(format!(
                "a defect in lodecast ({reason}); please report it with what led here"
            )),
        }
    }
}

/// Draws a `LodecastWarning` at the line of Python that called.
pub(crate) fn warn(py: Python<'_>, text: &str) -> PyResult<()> {
    let text = std::ffi::CString::new(text).unwrap_or_default();
    let category = py.import("lodecast.errors")?.getattr("LodecastWarning")?;
    PyErr::warn(py, &category, &text, 1)
}

fn engine(error: &lodecast::Error) -> PyErr {
    use lodecast::Error;
    let text = error.to_string();
    match error {
        Error::MetricDirection { .. }
        | Error::UnknownMetric { .. }
        | Error::MetricCount { .. }
        | Error::StepOrder { .. }
        | Error::Join { .. }
        | Error::Sweep { .. } => exceptions::SweepError::new_err(text),
        Error::UnknownFamily { .. } | Error::Schedule { .. } => exceptions::ScheduleError::new_err(text),
        Error::Window { .. } => exceptions::WindowError::new_err(text),
        Error::File { .. } => exceptions::FileError::new_err(text),
        Error::ModelFile { .. } | Error::NotFinite { .. } => exceptions::ModelFileError::new_err(text),
        Error::SchedulerState { .. } => exceptions::StateError::new_err(text),
        Error::Interrupted => exceptions::InterruptedFit::new_err(text),
        // Settings, and what a later engine may add.
        _ => exceptions::SettingError::new_err(text),
    }
}

fn tune(error: &lodecast::tune::TuneError) -> PyErr {
    use lodecast::tune::TuneError;
    let text = error.to_string();
    match error {
        TuneError::Engine(error) => engine(error),
        TuneError::UnknownTrial { .. } => exceptions::MissingError::new_err(text),
        TuneError::ReportedTwice { .. }
        | TuneError::Finished { .. }
        | TuneError::WorkerBusy { .. }
        | TuneError::ChangedRun { .. }
        | TuneError::OtherStudy { .. }
        | TuneError::State { .. } => exceptions::StateError::new_err(text),
        TuneError::Length { .. }
        | TuneError::NothingMeasured { .. }
        | TuneError::NothingTold
        | TuneError::AllDiverged { .. } => exceptions::SweepError::new_err(text),
        // Settings, and what a later engine may add.
        _ => exceptions::SettingError::new_err(text),
    }
}

fn sweep_file(error: &lodecast_sweep_file::Error) -> PyErr {
    use lodecast_sweep_file::Error;
    let text = in_keywords(&error.to_string());
    match error {
        Error::File { .. } => exceptions::FileError::new_err(text),
        // A table without a column for the run is a run's own more often than not.
        Error::MissingColumn { option: "--run", .. } => exceptions::SweepError::new_err(format!(
            "{text}; if each file is one run, read them with lodecast.import_runs(\"...\")"
        )),
        Error::MissingColumn { option: "--loss", .. } => exceptions::SweepError::new_err(format!(
            "{text}; or, where none was recorded, name the validation metric with metrics=\"NAME:max\""
        )),
        _ => exceptions::SweepError::new_err(text),
    }
}

fn import(error: &lodecast_import::Error) -> PyErr {
    use lodecast_import::Error;
    let text = in_keywords(&error.to_string());
    match error {
        Error::Engine(error) => engine(error),
        Error::SweepFile(error) => sweep_file(error),
        Error::File { .. } | Error::Remote { .. } | Error::Refused { .. } => exceptions::FileError::new_err(text),
        Error::NoSuchFormat { .. } => exceptions::SettingError::new_err(text),
        Error::UnknownFormat { place, known } => exceptions::SweepError::new_err(format!(
            "{place}: none of the known formats; name it with format=\"...\", one of: {known}"
        )),
        _ => exceptions::SweepError::new_err(text),
    }
}

/// Options of the command line, which the readers name in their messages, and the keyword arguments that stand for them here.
const KEYWORDS: [(&str, &str); 16] = [
    ("--collection", "collection"),
    ("--epoch", "epoch"),
    ("--loss", "train_loss"),
    ("--lr", "learning_rate"),
    ("--lr-schedule", "lr_schedule"),
    ("--optimizer-from", "optimizer_from"),
    ("--peak-from", "peak_from"),
    ("--restarts", "restarts"),
    ("--run", "run_id"),
    ("--schedule-from", "schedule_from"),
    ("--seed-from", "seed_from"),
    ("--step", "step"),
    ("--steps-per-epoch", "steps_per_epoch"),
    ("--total-steps-from", "total_steps_from"),
    ("--val", "metrics"),
    ("--dry-run", "dry_run=True"),
];

/// The text with keyword arguments in place of options: `--val acc:max` becomes `metrics="acc:max"`.
pub(crate) fn in_keywords(text: &str) -> String {
    let text = text.replace("--dry-run --json", "--dry-run");
    let mut said = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find("--") {
        said.push_str(&rest[..at]);
        let found = &rest[at..];
        let end = found.find(|c: char| !(c.is_ascii_lowercase() || c == '-')).unwrap_or(found.len());
        let (option, after) = found.split_at(end);
        rest = after;
        let Some((_, keyword)) = KEYWORDS.iter().find(|(known, _)| *known == option) else {
            said.push_str(option);
            continue;
        };
        said.push_str(keyword);
        if let Some(value) = value_in(after) {
            said.extend(["=\"", value, "\""]);
            rest = &after[1 + value.len()..];
        }
    }
    said + rest
}

/// The value at the start of what follows an option: a metric with its direction, which may contain spaces, or one word that
/// can be nothing else.
fn value_in(after: &str) -> Option<&str> {
    let words = after.strip_prefix(' ')?;
    let directed = [":max", ":min"].iter().filter_map(|way| words.find(way)).min().map(|at| &words[..at + 4]);
    if let Some(metric) = directed.filter(|metric| !metric.contains([';', '(', ','])) {
        return Some(metric);
    }
    let word = words.split_whitespace().next()?.trim_end_matches([',', ';', '.', ')']);
    let is_value =
        word.contains('=') || word == "split" || (word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase()));
    is_value.then_some(word)
}
