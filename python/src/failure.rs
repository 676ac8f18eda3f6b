//! What may go wrong, as the exceptions of `lodecast.errors`.

use pyo3::PyErr;
use pyo3::exceptions::PyKeyError;

mod exceptions {
    #![allow(missing_docs, clippy::missing_docs_in_private_items)]
    pyo3::import_exception!(lodecast.errors, FileError);
    pyo3::import_exception!(lodecast.errors, InternalError);
    pyo3::import_exception!(lodecast.errors, InterruptedFit);
    pyo3::import_exception!(lodecast.errors, ModelFileError);
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
    /// Python says no.
    Python(PyErr),
    /// A sweep cannot be made of what was given.
    Sweep(String),
    /// A setting is unknown or out of its range.
    Setting(String),
    /// There is nothing of that name.
    Missing(String),
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
            Failure::Python(error) => error,
            Failure::Sweep(reason) => exceptions::SweepError::new_err(reason),
            Failure::Setting(reason) => exceptions::SettingError::new_err(reason),
            Failure::Missing(reason) => PyKeyError::new_err(reason),
            Failure::Panic(reason) => exceptions::InternalError::new_err(format!(
                "a defect in lodecast ({reason}); please report it with what led here"
            )),
        }
    }
}

fn engine(error: &lodecast::Error) -> PyErr {
    use lodecast::Error;
    let text = error.to_string();
    match error {
        Error::MetricDirection { .. }
        | Error::UnknownMetric { .. }
        | Error::MetricCount { .. }
        | Error::StepOrder { .. }
        | Error::Sweep { .. } => exceptions::SweepError::new_err(text),
        Error::UnknownFamily { .. } | Error::Schedule { .. } => exceptions::ScheduleError::new_err(text),
        Error::Window { .. } => exceptions::WindowError::new_err(text),
        Error::File { .. } => exceptions::FileError::new_err(text),
        Error::ModelFile { .. } => exceptions::ModelFileError::new_err(text),
        Error::SchedulerState { .. } => exceptions::StateError::new_err(text),
        Error::Interrupted => exceptions::InterruptedFit::new_err(text),
        // Settings, and what a later engine may add.
        _ => exceptions::SettingError::new_err(text),
    }
}

fn sweep_file(error: &lodecast_sweep_file::Error) -> PyErr {
    let text = in_keywords(&error.to_string());
    match error {
        lodecast_sweep_file::Error::File { .. } => exceptions::FileError::new_err(text),
        _ => exceptions::SweepError::new_err(text),
    }
}

/// The readers name the options of the command line; here they are keyword arguments.
fn in_keywords(text: &str) -> String {
    const OPTIONS: [(&str, &str); 6] = [
        ("--val NAME:max", "metrics=\"NAME:max\""),
        ("--run NAME", "run_id=NAME"),
        ("--step NAME", "step=NAME"),
        ("--loss NAME", "train_loss=NAME"),
        ("--lr NAME", "learning_rate=NAME"),
        ("--val ", "metrics="),
    ];
    OPTIONS
        .iter()
        .fold(text.to_owned(), |text, (option, keyword)| text.replace(option, keyword))
        .replace("--val", "metrics")
}
